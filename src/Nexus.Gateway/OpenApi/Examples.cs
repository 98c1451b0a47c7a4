using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.Gateway.OpenApi;

/// <summary>Examples of records, drawn from what their fields allow, so that a reader, a mock server and a collection of requests have something that would be taken.</summary>
internal static class Examples
{
    private const string Id = "0190c6f0-0000-7000-8000-000000000001";
    private static readonly string[] Candidates = ["A-1", "A", "AB", "ABC", "EUR", "a", "abc", "abc-1", "1", "12", "1234", "2030-01", "ada@example.org", "https://example.org", "DE89370400440532013000", "#336699", "12.30"];

    /// <summary>A record as it is read.</summary>
    public static JsonObject Record(ResourceDescriptor resource)
    {
        var record = new JsonObject { ["id"] = Id, ["revision"] = 1, ["owner"] = null, ["team"] = null, ["createdAt"] = "2030-01-31T12:00:00Z", ["updatedAt"] = "2030-01-31T12:00:00Z" };
        foreach (var field in resource.Fields.Where(field => !field.Secret))
            record[field.Name] = Value(field);
        return record;
    }

    /// <summary>A new record: what must be given, and what a caller may give without knowing other records.</summary>
    public static JsonObject Input(ResourceDescriptor resource) => Of([.. resource.Fields.Where(field => !field.ReadOnly)]);

    /// <summary>A change of the first field that can be changed.</summary>
    public static JsonObject Patch(ResourceDescriptor resource) => Of([.. resource.Fields.Where(field => !field.ReadOnly && field.Kind != FieldKind.Reference).Take(1)]);

    /// <summary>An object of fields.</summary>
    public static JsonObject Of(IReadOnlyCollection<FieldDescriptor> fields) =>
        new(fields.Where(field => field.Required || (field.Kind is not (FieldKind.Reference or FieldKind.Json) && !(field.Nullable && field.Pattern is not null))).Select(field => KeyValuePair.Create(field.Name, Value(field))));

    private static JsonNode? Value(FieldDescriptor field) => field.Default is { } text ? JsonNode.Parse(text) : field.Kind switch
    {
        FieldKind.Text or FieldKind.Multiline => Text(field),
        FieldKind.Integer => (long)Math.Clamp(1, field.Minimum ?? 1, Math.Max(field.Maximum ?? long.MaxValue, field.Minimum ?? 1)),
        FieldKind.Decimal or FieldKind.Real => Math.Clamp(1m, field.Minimum ?? 1, Math.Max(field.Maximum ?? decimal.MaxValue, field.Minimum ?? 1)),
        FieldKind.Boolean => false,
        FieldKind.Date => "2030-01-31",
        FieldKind.Time => "12:00:00",
        FieldKind.Instant => "2030-01-31T12:00:00Z",
        FieldKind.Duration => "PT1H",
        FieldKind.Choice => field.Choices.IsDefaultOrEmpty ? "" : field.Choices[0],
        FieldKind.Identifier or FieldKind.Reference => Id,
        FieldKind.Money => new JsonObject { ["amount"] = "12.30", ["currency"] = "EUR" },
        FieldKind.List => field.Element is { } element && field.MinLength > 0 ? new JsonArray(Value(element)) : new JsonArray(),
        FieldKind.Group => Of(field.Fields),
        _ => new JsonObject(),
    };

    private static string Text(FieldDescriptor field)
    {
        if (field.Pattern is { } pattern)
            return Candidates.FirstOrDefault(candidate => Fits(field, candidate) && Matches(pattern, candidate)) ?? Candidates[0];
        var text = field.Name.Contains("mail", StringComparison.OrdinalIgnoreCase) ? "ada@example.org" : field.Label ?? field.Name;
        text = text.PadRight(field.MinLength ?? 0, 'x');
        return field.MaxLength < text.Length ? text[..field.MaxLength.Value] : text;
    }

    private static bool Fits(FieldDescriptor field, string text) => text.Length >= (field.MinLength ?? 0) && text.Length <= (field.MaxLength ?? int.MaxValue);

    private static bool Matches(string pattern, string text)
    {
        try
        {
            return Regex.IsMatch(text, $"^(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(50));
        }
        catch (Exception exception) when (exception is RegexMatchTimeoutException or ArgumentException)
        {
            return false;
        }
    }
}
