using System.Text;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Replaces <c>${VAR}</c> and <c>${VAR:default}</c> in the texts of files; <c>$${</c> stands for a plain <c>${</c>. What a variable holds is not expanded again.</summary>
internal sealed class VariableExpansion(IReadOnlyDictionary<string, (string Value, SourcePosition Position)> variables, SourceErrors errors)
{
    public SourceNode Expand(SourceNode node, string pointer) => node.Kind switch
    {
        SourceKind.Text => node with { Text = Expand(node.Text, node.Position, pointer) },
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
        if (variables.TryGetValue(name, out var variable))
            return variable.Value;
        if (colon >= 0)
            return reference[(colon + 1)..];
        errors.Add(position, pointer, "variable", $"variable {SourceErrors.Quote(name)} is not set; set it, or write ${{{name}:default}}");
        return "";
    }
}
