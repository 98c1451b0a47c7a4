using System.Text.Json.Nodes;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>An error of an answer (section 7.1.2 of the specification). Its text leaves the process.</summary>
/// <param name="Message">What is wrong.</param>
/// <param name="Locations">Where in the document, or empty.</param>
internal sealed record GraphError(string Message, IReadOnlyList<SourceLocation> Locations)
{
    /// <summary>Stable code of the catalogue.</summary>
    public string Code { get; init; } = ErrorCodes.BadRequest;

    /// <summary>The field it is about, by names and indexes; null when it is about the request.</summary>
    public IReadOnlyList<object>? Path { get; init; }

    /// <summary>Errors of an input.</summary>
    public IReadOnlyList<FieldError> Fields { get; init; } = [];

    /// <summary>Further members of <c>extensions</c>, or null.</summary>
    public JsonObject? Extensions { get; init; }

    /// <summary>Where it comes from; null when that is not known or not for this caller.</summary>
    public FailureOrigin? Origin { get; init; }

    /// <summary>An error about places of a document.</summary>
    public static GraphError At(DocumentNode document, string message, params ReadOnlySpan<int> starts)
    {
        var locations = new SourceLocation[starts.Length];
        for (var i = 0; i < starts.Length; i++)
            locations[i] = SourceLocation.Of(document.Source, starts[i]);
        return new GraphError(message, locations);
    }
}

/// <summary>A resolver or a coercion refuses; the text is safe to send.</summary>
internal sealed class GraphException(string message, params int[] starts) : Exception(message)
{
    /// <summary>Where in the document, when not at the field.</summary>
    public int[] Starts { get; } = starts;

    /// <summary>Stable code of the catalogue.</summary>
    public string Code { get; init; } = ErrorCodes.BadRequest;
}

/// <summary>A value was to come from another server, which did not give it.</summary>
internal sealed class ElsewhereException(GraphError error, IReadOnlyList<object> below) : Exception(error.Message)
{
    /// <summary>Why, in the other's words; without place and path.</summary>
    public GraphError Error { get; } = error;

    /// <summary>Names and indexes that lead from the field to the place where it went wrong.</summary>
    public IReadOnlyList<object> Below { get; } = below;
}
