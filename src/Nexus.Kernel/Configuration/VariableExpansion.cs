using System.Text;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Replaces <c>${VAR}</c>, <c>${VAR:default}</c> and <c>${file:/run/secrets/x}</c> (the text of a mounted file, without the line break at its end) in the texts of files; <c>$${</c> stands for a plain <c>${</c>. What a variable holds is not expanded again.</summary>
internal sealed class VariableExpansion(IReadOnlyDictionary<string, (string Value, SourcePosition Position)> variables, SourceErrors errors)
{
    private const int MaxFile = 64 * 1024;

    public SourceNode Expand(SourceNode node, string pointer) => node.Kind switch
    {
        SourceKind.Text => node with { Text = Expand(node.Text, node.Position, pointer), Position = node.Text.Contains("${file:", StringComparison.Ordinal) ? node.Position with { Secret = true } : node.Position },
        SourceKind.List => node with { Elements = [.. node.Elements.Select((e, i) => Expand(e, $"{pointer}/{i}"))] },
        SourceKind.Map => node with { Members = [.. node.Members.Select(m => m with { Value = Expand(m.Value, SourceErrors.Append(pointer, m.Name)) })] },
        _ => node,
    };

    private string Expand(string text, SourcePosition position, string pointer)
    {
        if (!text.Contains("${", StringComparison.Ordinal))
            return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 >= text.Length || (text[i + 1] != '{' && !text.AsSpan(i).StartsWith("$${")))
            {
                result.Append(text[i]);
            }
            else if (text[i + 1] == '$')
            {
                result.Append("${");
                i += 2;
            }
            else
            {
                var end = text.IndexOf('}', i);
                if (end < 0)
                {
                    errors.Add(position, pointer, "variable", "'${' has no closing '}'; write $${ for the characters themselves");
                    return text;
                }

                result.Append(ValueOf(text[(i + 2)..end], position, pointer));
                i = end;
            }
        }

        return result.ToString();
    }

    private string ValueOf(string reference, SourcePosition position, string pointer)
    {
        var colon = reference.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? reference : reference[..colon];
        if (name == "file" && colon > 0)
            return ReadFile(reference[(colon + 1)..], position, pointer);
        if (variables.TryGetValue(name, out var variable))
            return variable.Value;
        if (colon >= 0)
            return reference[(colon + 1)..];
        errors.Add(position, pointer, "variable", $"variable {SourceErrors.Quote(name)} is not set; set it, or write ${{{name}:default}}");
        return "";
    }

    /// <summary>The text of a secret's file. Errors name the file and never what it holds.</summary>
    private string ReadFile(string path, SourcePosition position, string pointer)
    {
        try
        {
            if (!Path.IsPathFullyQualified(path))
                errors.Add(position, pointer, "file", $"'${{file:{path}}}' must name the file by its whole path");
            else if (new FileInfo(path) is { Exists: true, Length: > MaxFile })
                errors.Add(position, pointer, "file", $"{path} is longer than {MaxFile} bytes; a secret is short");
            else
                return File.ReadAllText(path).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(position, pointer, "file", $"{path} cannot be read: {e.GetType().Name}; mount it, readable by the node");
        }

        return "";
    }
}
