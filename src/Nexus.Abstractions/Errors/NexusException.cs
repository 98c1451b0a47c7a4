using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>The only exception whose text leaves the process. Its code stands in the catalogue (<see cref="ErrorCodes"/>).</summary>
public class NexusException : Exception
{
    /// <summary>Makes an error with a code of the catalogue and a safe text that says what happened, where, and the way out.</summary>
    public NexusException(string code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>Stable code, such as <c>RESOURCE_NOT_FOUND</c>.</summary>
    public string Code { get; }

    /// <summary>HTTP status of the code.</summary>
    public int Status => ErrorCodes.Get(Code).Status;

    /// <summary>All errors of an input at once; empty when the error is not about fields.</summary>
    public ImmutableArray<FieldError> Errors { get; init; } = [];

    /// <summary>Further members of the problem details (RFC 9457, section 3.2), such as <c>attempts_remaining</c>; null when there are none.</summary>
    public JsonObject? Extensions { get; init; }
}

/// <summary>A rule of a plugin's domain refused a change; answers 422 with <c>RULE_VIOLATION</c>.</summary>
public sealed class RuleViolationException(string message) : NexusException(ErrorCodes.RuleViolation, message);

/// <summary>One error of an input.</summary>
/// <param name="Pointer">JSON pointer (RFC 6901) to the value, or the key of a configuration value.</param>
/// <param name="Code">Stable code in lower case, such as <c>required</c>, <c>max_length</c>, <c>unknown_field</c>.</param>
/// <param name="Message">What is wrong and what is allowed.</param>
public sealed record FieldError(string Pointer, string Code, string Message);

/// <summary>An entry of the error catalogue.</summary>
/// <param name="Code">Stable code.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Title">Short text, the same for every occurrence.</param>
/// <param name="Cause">When it happens.</param>
/// <param name="Remedy">The way out.</param>
public sealed record ErrorCode(string Code, int Status, string Title, string Cause, string Remedy);
