using System.Collections.Immutable;
using System.Text;

namespace Nexus.Data.Resources;

/// <summary>Collects the errors of one input with the pointer of the place that is being looked at. Costs nothing until the first error.</summary>
internal sealed class FieldErrors
{
    private const int Most = 100;

    private readonly List<string> path = [];
    private ImmutableArray<FieldError>.Builder? errors;

    public bool Any => errors is not null;

    public void Enter(string segment) => path.Add(segment);

    public void Enter(int index) => path.Add(index.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public void Leave() => path.RemoveAt(path.Count - 1);

    public void Add(string code, string message)
    {
        errors ??= ImmutableArray.CreateBuilder<FieldError>();
        if (errors.Count < Most)
        {
            errors.Add(new(Pointer(), code, message));
        }
    }

    public void Add(string member, string code, string message)
    {
        Enter(member);
        Add(code, message);
        Leave();
    }

    public string Pointer()
    {
        var text = new StringBuilder();
        foreach (string segment in path)
        {
            text.Append('/').Append(segment.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        }

        return text.ToString();
    }

    public NexusException ToException(string what) =>
        new(ErrorCodes.ValidationError, $"{what} has {errors!.Count} error{(errors.Count == 1 ? "" : "s")}: {errors[0].Pointer} {errors[0].Message}") { Errors = errors.ToImmutable() };
}

/// <summary>Finds the word that a caller probably meant.</summary>
internal static class Spelling
{
    /// <summary>" Did you mean `x`?" for the nearest candidate within two edits, else nothing.</summary>
    public static string Suggest(string word, IEnumerable<string> candidates)
    {
        string? best = candidates.Select(c => (Word: c, Distance: Distance(word, c))).Where(c => c.Distance <= Math.Min(2, word.Length / 2)).OrderBy(c => c.Distance).Select(c => c.Word).FirstOrDefault();
        return best is null ? "" : $" Did you mean `{best}`?";
    }

    // Levenshtein, two rows, case-insensitive; names beyond 60 characters are not misspelt fields.
    private static int Distance(string a, string b)
    {
        if (a.Length > 60 || b.Length > 60)
        {
            return int.MaxValue;
        }

        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (row[j], diagonal) = (Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + cost), row[j]);
            }
        }

        return row[b.Length];
    }
}
