using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>One operation of the script that every surface carries out.</summary>
/// <param name="Verb">create, get, list, update, delete or the name of an action.</param>
internal sealed record Step(string Verb)
{
    /// <summary>Label of the record: given to what is created, resolved to its id elsewhere; a text that was given to none is sent as it is.</summary>
    public string? Id { get; init; }

    /// <summary>JSON of the fields, or of the input of an action.</summary>
    public string? Body { get; init; }

    public string? Filter { get; init; }

    public string? Sort { get; init; }

    public string? Words { get; init; }

    public int? Limit { get; init; }

    /// <summary>Go on where the last page ended.</summary>
    public bool Next { get; init; }

    /// <summary>A cursor that no page gave.</summary>
    public string? Cursor { get; init; }

    public bool Count { get; init; }

    public long? IfRevision { get; init; }

    /// <summary>Name and role of the caller.</summary>
    public string Caller { get; init; } = "bob:boss";
}

/// <summary>What a surface answered, in a form that is the same for all of them.</summary>
internal static class Outcome
{
    private static readonly string[] OwnOfTheRun = ["id", "createdAt", "updatedAt", "__typename"];

    public static string Record(JsonNode? record) => new JsonObject { ["record"] = Shown(record) }.ToJsonString();

    public static string Page(IEnumerable<JsonNode?> items, bool more, long? total) =>
        new JsonObject { ["items"] = new JsonArray([.. items.Select(Shown)]), ["more"] = more, ["total"] = total }.ToJsonString();

    public static string Deleted => """{"deleted":true}""";

    public static string Refused(string? code, IEnumerable<string?> pointers) =>
        new JsonObject { ["refused"] = code, ["at"] = new JsonArray([.. pointers.Where(p => p is not null).Distinct().Order(StringComparer.Ordinal).Select(p => (JsonNode?)p)]) }.ToJsonString();

    // Without what differs by run; absent and null are one; a number is its value, however it is written.
    private static JsonNode? Shown(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(fields.Where(f => f.Value is not null && !OwnOfTheRun.Contains(f.Key)).OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => KeyValuePair.Create(f.Key, Shown(f.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Shown)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => Text(decimal.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String && decimal.TryParse((string)value!, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => Text(number),
        _ => node?.DeepClone(),
    };

    private static JsonNode Text(decimal number) => (number / 1.0000000000000000000m).ToString(CultureInfo.InvariantCulture);
}

/// <summary>A way to reach resources.</summary>
internal interface ISurface
{
    string Name { get; }

    /// <summary>Carries out a step.</summary>
    Task<string> RunAsync(Step step);
}

/// <summary>What every surface remembers between steps: ids by label, and where the last page ended.</summary>
internal abstract class RememberingSurface : ISurface
{
    private readonly Dictionary<string, string> ids = new(StringComparer.Ordinal);
    private string? next;

    public abstract string Name { get; }

    /// <summary>The credentials of everybody, in place of those that a step names.</summary>
    public string? Token { get; init; }

    public abstract Task<string> RunAsync(Step step);

    /// <summary>The key of a step's caller: in a tenant of the surface's own, so that all of them begin with nothing.</summary>
    protected string KeyOf(Step step) => Token ?? $"{step.Caller}:{Name.ToLowerInvariant()}";

    protected string IdOf(Step step) => ids.GetValueOrDefault(step.Id!, step.Id!);

    protected string? CursorOf(Step step) => step.Next ? next : step.Cursor;

    protected string Made(Step step, JsonNode? record)
    {
        if (step is { Verb: "create", Id: { } label })
            ids[label] = (string)record!["id"]!;
        return Outcome.Record(record);
    }

    protected string Listed(IEnumerable<JsonNode?> items, string? cursor, long? total)
    {
        next = cursor;
        return Outcome.Page(items, cursor is not null, total);
    }
}
