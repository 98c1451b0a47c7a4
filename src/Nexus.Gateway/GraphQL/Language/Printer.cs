using System.Globalization;
using System.Text;

namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Prints values and types as the language writes them: lists and objects of more than 80 characters over several lines.</summary>
internal static class Printer
{
    private const int Width = 80;
    private const int BlockWidth = 70;

    /// <summary>The value as text.</summary>
    public static string Print(ValueNode value) => value switch
    {
        Variable variable => "$" + variable.Name.Text,
        IntValue number => number.Text,
        FloatValue number => number.Text,
        StringValue { IsBlock: true } text => PrintBlock(text.Text),
        StringValue text => PrintString(text.Text),
        BooleanValue answer => answer.Value ? "true" : "false",
        EnumValue word => word.Name,
        ListValue list => PrintList([.. list.Elements.Select(Print)]),
        ObjectValue fields => PrintObject([.. fields.Fields.Select(field => $"{field.Name.Text}: {Print(field.Value)}")]),
        _ => "null",
    };

    /// <summary>The type as text.</summary>
    public static string Print(TypeNode type) => type switch
    {
        NamedTypeNode named => named.Name,
        ListTypeNode list => $"[{Print(list.Element)}]",
        NonNullTypeNode inner => Print(inner.Nullable) + "!",
        _ => "",
    };

    /// <summary>A text between quotes.</summary>
    public static string PrintString(string text)
    {
        var printed = new StringBuilder(text.Length + 2).Append('"');
        foreach (var letter in text)
        {
            _ = letter switch
            {
                '"' => printed.Append("\\\""),
                '\\' => printed.Append("\\\\"),
                '\b' => printed.Append("\\b"),
                '\f' => printed.Append("\\f"),
                '\n' => printed.Append("\\n"),
                '\r' => printed.Append("\\r"),
                '\t' => printed.Append("\\t"),
                < ' ' or (>= '\u007F' and <= '\u009F') => printed.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:X4}"),
                _ => printed.Append(letter),
            };
        }
        return printed.Append('"').ToString();
    }

    /// <summary>A text as a block.</summary>
    public static string PrintBlock(string text)
    {
        var escaped = text.Replace("\"\"\"", "\\\"\"\"", StringComparison.Ordinal);
        var lines = escaped.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n', '\r');
        var leading = lines.Length > 1 && lines.Skip(1).All(line => line.Length == 0 || line[0] is ' ' or '\t');
        var endsInQuotes = escaped.EndsWith("\\\"\"\"", StringComparison.Ordinal);
        var trailing = (text.EndsWith('"') && !endsInQuotes) || text.EndsWith('\\');
        var many = lines.Length > 1 || text.Length > BlockWidth || trailing || leading || endsInQuotes;
        var startsIndented = lines.Length == 1 && text is [' ' or '\t', ..];
        return $"\"\"\"{((many && !startsIndented) || leading ? "\n" : "")}{escaped}{(many || trailing ? "\n" : "")}\"\"\"";
    }

    private static string PrintList(string[] elements)
    {
        var line = string.Join(", ", elements);
        return line.Length + 2 > Width ? $"[\n{Indent(elements)}\n]" : $"[{line}]";
    }

    private static string PrintObject(string[] fields)
    {
        if (fields.Length == 0)
            return "{  }";
        var line = string.Join(", ", fields);
        return line.Length + 4 > Width ? $"{{\n{Indent(fields)}\n}}" : $"{{ {line} }}";
    }

    private static string Indent(string[] parts) => string.Join('\n', parts.Select(part => "  " + part.Replace("\n", "\n  ", StringComparison.Ordinal)));
}
