using System.Collections.Immutable;

namespace Nexus.Kernel.Schemas;

/// <summary>Collects every error of a document, so that its author sees all of them at once.</summary>
internal sealed class SourceErrors
{
    // A hostile document must not turn into a hostile error message.
    private const int Limit = 100;

    private readonly List<FieldError> _errors = [];

    public bool Any => _errors.Count > 0;

    public ImmutableArray<FieldError> All => [.. _errors];

    public void Add(SourcePosition position, string pointer, string code, string message)
    {
        if (_errors.Count < Limit)
            _errors.Add(new FieldError(pointer, code, $"{position}: {message}"));
    }

    /// <summary>Throws one exception with all errors, when there are any.</summary>
    public void ThrowIfAny(string code, string subject)
    {
        if (!Any)
            return;
        var lines = string.Join(Environment.NewLine, _errors.Select(e => $"  {e.Message}"));
        throw new NexusException(code, $"{subject} has {(_errors.Count == 1 ? "1 error" : $"{_errors.Count} errors")}:{Environment.NewLine}{lines}") { Errors = All };
    }

    public static string Append(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    /// <summary>Text of a foreign document, made safe for a one-line message.</summary>
    public static string Quote(string text)
    {
        var shown = text.Length <= 60 ? text : text[..60] + "…";
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) ? '?' : c))}'";
    }
}
