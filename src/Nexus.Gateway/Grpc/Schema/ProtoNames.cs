using System.Text;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>
/// Names and numbers of what is drawn from descriptors. Both come from the name alone: no other field, version or plugin changes them,
/// so that a message of yesterday's client is read rightly today and on every node.
/// </summary>
internal static class ProtoNames
{
    private const int FirstDrawn = 16;
    private const int Numbers = 536_870_911 - FirstDrawn;

    /// <summary>A name in PascalCase.</summary>
    public static string Pascal(string name)
    {
        var text = new StringBuilder(name.Length);
        var upper = true;
        foreach (var letter in name)
        {
            if (char.IsAsciiLetterOrDigit(letter))
                text.Append(upper ? char.ToUpperInvariant(letter) : letter);
            upper = !char.IsAsciiLetterOrDigit(letter);
        }
        return text.Length == 0 || char.IsAsciiDigit(text[0]) ? "N" + text : text.ToString();
    }

    /// <summary>A name in camelCase, as the JSON of a protobuf message has it.</summary>
    public static string Camel(string name)
    {
        var pascal = Pascal(name);
        return char.ToLowerInvariant(pascal[0]) + pascal[1..];
    }

    /// <summary>A name in snake_case.</summary>
    public static string Snake(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        foreach (var letter in name)
        {
            var plain = char.IsAsciiLetterOrDigit(letter) ? letter : '_';
            if (char.IsAsciiLetterUpper(plain) && text.Length > 0 && text[^1] != '_')
                text.Append('_');
            text.Append(char.ToLowerInvariant(plain));
        }
        return text.Length == 0 || char.IsAsciiDigit(text[0]) ? "n" + text : text.ToString();
    }

    /// <summary>A dotted id as a package.</summary>
    public static string Package(string id) => string.Join('.', id.Split('.').Select(Snake));

    /// <summary>A number for a name that is not taken yet.</summary>
    public static int Number(string name, Func<int, bool> isTaken)
    {
        var number = FirstDrawn + (int)(Hash(name) % Numbers);
        // Those from 19000 to 19999 belong to protobuf itself.
        while (isTaken(number) || number is >= 19_000 and <= 19_999)
            number = number == FirstDrawn + Numbers - 1 ? FirstDrawn : number + 1;
        return number;
    }

    /// <summary>FNV-1a.</summary>
    private static uint Hash(string name)
    {
        var hash = 2_166_136_261;
        foreach (var part in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ part) * 16_777_619;
        return hash;
    }
}
