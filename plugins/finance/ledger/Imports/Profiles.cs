using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Nexus.Finance.Ledger.Books;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Saved answers to the questions that files of one bank leave open.</summary>
/// <param name="database">The plugin's database.</param>
internal sealed class Profiles(ISqlDatabase database)
{
    private static readonly string[] Known = ["format", "encoding", "delimiter", "header_line", "date_order", "decimal_mark", "sign", "unbooked"];

    /// <summary>The profiles of a book, by name.</summary>
    public async ValueTask<ImmutableArray<(string Name, long Version, ImmutableDictionary<string, string> Answers)>> ListAsync(string book, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT name, version, answers FROM import_profile WHERE book = @book ORDER BY name", With(("book", book)), cancellationToken)).Select(r => (r.Needed("name"), r.Long("version"), Parse(r.Needed("answers"))))];

    /// <summary>Saves a profile; its version grows by one.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, each wrong answer listed.</exception>
    public ValueTask<long> SaveAsync(string book, string name, IReadOnlyDictionary<string, string> answers, CancellationToken cancellationToken)
    {
        var errors = answers.Select(a => Check(a.Key, a.Value)).OfType<FieldError>().ToImmutableArray();
        if (name.Length is 0 or > 80 || answers.Count > 60) errors = errors.Add(new FieldError("/name", "length", "A name has 1 to 80 characters, a profile at most 60 answers."));
        if (errors.Length > 0) throw new NexusException(ErrorCodes.ValidationError, errors[0].Message) { Errors = errors };
        return database.WriteAsync(async (session, _) =>
        {
            await Chart.NeedBookAsync(session, book);
            await session.ExecuteAsync(
                "INSERT INTO import_profile (book, name, version, answers) VALUES (@book, @name, 1, @answers) ON CONFLICT (book, name) DO UPDATE SET version = import_profile.version + 1, answers = excluded.answers",
                With(("book", book), ("name", name), ("answers", Format(answers))));
            return (await session.QueryAsync("SELECT version FROM import_profile WHERE book = @book AND name = @name", With(("book", book), ("name", name))))[0].Long("version");
        }, cancellationToken);
    }

    /// <summary>Reads stored answers.</summary>
    public static ImmutableDictionary<string, string> Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().ToImmutableDictionary(p => p.Name, p => p.Value.GetString() ?? "", StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Writes answers as a JSON object.</summary>
    public static string Format(IEnumerable<KeyValuePair<string, string>> answers)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (key, value) in answers) json.WriteString(key, value);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static FieldError? Check(string key, string value)
    {
        var pointer = $"/answers/{key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
        if (value is null or { Length: 0 or > 200 }) return new FieldError(pointer, "length", $"{ReadingLimits.Short(key)} has 1 to 200 characters.");
        if (key.StartsWith("column.", StringComparison.Ordinal) || key.StartsWith("account.", StringComparison.Ordinal)) return null;
        if (!Known.Contains(key, StringComparer.Ordinal)) return new FieldError(pointer, "unknown_field", $"\"{ReadingLimits.Short(key)}\" is no question of an import; they are {string.Join(", ", Known)}, column.<role> and account.<number>.");
        string[]? allowed = key switch { "date_order" => ["dmy", "mdy", "ymd", "ydm"], "decimal_mark" => [".", ","], "sign" => ["as_written", "inverted"], "unbooked" => ["skip", "import"], "format" => ["ofx", "qif", "csv", "auto"], _ => null };
        return allowed is null || allowed.Contains(value, StringComparer.Ordinal) ? null : new FieldError(pointer, "choice", $"{key} is one of {string.Join(", ", allowed)}.");
    }
}
