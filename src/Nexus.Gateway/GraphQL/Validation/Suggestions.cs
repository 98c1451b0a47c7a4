namespace Nexus.Gateway.GraphQL.Validation;

/// <summary>"Did you mean" at the end of messages. Off where introspection is off, because a guess would be answered with what there is.</summary>
internal sealed class Suggestions(bool isOn)
{
    private const int MaxShown = 5;
    private const int MaxLength = 100;

    /// <summary>Says nothing.</summary>
    public static Suggestions None { get; } = new(false);

    /// <summary>Says what there is.</summary>
    public static Suggestions Told { get; } = new(true);

    /// <summary>The sentence with what is spelled alike; empty when nothing is.</summary>
    public string For(string given, IEnumerable<string> known) => isOn && given.Length <= MaxLength ? Sentence("", Closest(given, known)) : "";

    /// <summary>The sentence with what is spelled alike, about one kind of things.</summary>
    public string For(string kind, string given, IEnumerable<string> known) => isOn && given.Length <= MaxLength ? Sentence(kind + " ", Closest(given, known)) : "";

    /// <summary>The sentence with given names.</summary>
    public string Of(string kind, IReadOnlyList<string> names) => isOn ? Sentence(kind + " ", names) : "";

    private static string Sentence(string kind, IReadOnlyList<string> names)
    {
        if (names.Count == 0)
            return "";
        var quoted = names.Take(MaxShown).Select(name => $"\"{name}\"").ToArray();
        var list = quoted.Length switch
        {
            1 => quoted[0],
            2 => $"{quoted[0]} or {quoted[1]}",
            _ => $"{string.Join(", ", quoted[..^1])}, or {quoted[^1]}",
        };
        return $" Did you mean {kind}{list}?";
    }

    private static List<string> Closest(string given, IEnumerable<string> known)
    {
        var threshold = (int)(given.Length * 0.4) + 1;
        return [.. known.Select(name => (Name: name, Distance: Distance(given, name, threshold))).Where(one => one.Distance <= threshold)
            .OrderBy(one => one.Distance).ThenBy(one => one.Name, NaturalOrder.Instance).Select(one => one.Name)];
    }

    /// <summary>Edits between two words, in any case: a change of case alone is one edit, as is a swap of neighbours.</summary>
    private static int Distance(string given, string name, int threshold)
    {
        if (given == name)
            return 0;
        var (a, b) = (given.ToLowerInvariant(), name.ToLowerInvariant());
        if (a == b)
            return 1;
        if (Math.Abs(a.Length - b.Length) > threshold)
            return int.MaxValue;
        var cells = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            cells[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            cells[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                cells[i, j] = Math.Min(Math.Min(cells[i - 1, j] + 1, cells[i, j - 1] + 1), cells[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    cells[i, j] = Math.Min(cells[i, j], cells[i - 2, j - 2] + 1);
            }
        }
        return cells[a.Length, b.Length];
    }
}

/// <summary>Order of names in which numbers count as such.</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    /// <summary>The order.</summary>
    public static NaturalOrder Instance { get; } = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        var (a, b) = (x ?? "", y ?? "");
        var (i, j) = (0, 0);
        while (i < a.Length && j < b.Length)
        {
            if (char.IsAsciiDigit(a[i]) && char.IsAsciiDigit(b[j]))
            {
                var order = Number(a, ref i).CompareTo(Number(b, ref j));
                if (order != 0)
                    return order;
            }
            else if (a[i] != b[j])
            {
                return a[i].CompareTo(b[j]);
            }
            else
            {
                i++;
                j++;
            }
        }
        return a.Length - b.Length;
    }

    private static double Number(string text, ref int at)
    {
        var number = 0.0;
        do
            number = (number * 10) + text[at++] - '0';
        while (at < text.Length && char.IsAsciiDigit(text[at]) && number > 0);
        return number;
    }
}
