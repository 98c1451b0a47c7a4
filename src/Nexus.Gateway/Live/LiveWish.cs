using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Live;

/// <summary>What a subscriber asks for: the changes of a resource's records, or events by a pattern of names. Names only, so that plugins can be replaced meanwhile.</summary>
internal sealed record LiveWish
{
    private static readonly string[] Known = ["resource", "events", "pattern", "record", "verbs", "filter", "fields", "after", "last_event_id"];

    /// <summary>Resource as <c>plugin.name</c>; null when <see cref="Events"/> is asked for.</summary>
    public string? Resource { get; private init; }

    /// <summary>Pattern of event names; null when <see cref="Resource"/> is asked for.</summary>
    public string? Events { get; private init; }

    /// <summary>Only events whose data match; null for all. Of records it is in <see cref="Query"/>.</summary>
    public Filter? Where { get; private init; }

    /// <summary>Only this record.</summary>
    public string? Record { get; private init; }

    /// <summary>Only these verbs; empty for all.</summary>
    public ImmutableArray<string> Verbs { get; private init; } = [];

    /// <summary>Go on after this position; null begins now.</summary>
    public long? After { get; init; }

    /// <summary>Filters and fields as a list's query string has them.</summary>
    public IQueryCollection Query { get; private init; } = QueryCollection.Empty;

    /// <summary>Reads the wish of a message or of a query string.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>, naming what is wrong.</exception>
    public static LiveWish Read(IQueryCollection query)
    {
        if (query.Keys.FirstOrDefault(key => !Known.Contains(key) && !key.StartsWith("filter[", StringComparison.Ordinal)) is { } unknown)
            throw Bad($"There is no parameter {unknown}; there are {string.Join(", ", Known)}.");
        var (resource, events) = (One(query, "resource"), One(query, "events") ?? One(query, "pattern"));
        if (resource is null == events is null)
            throw Bad("Name either a resource, such as resource=sales.orders, or a pattern of events, such as events=sales.orders.*.");
        return new LiveWish
        {
            Resource = resource,
            Events = events is null ? null : EventPattern.Parse(events).Text,
            Where = events is not null && One(query, "filter") is { } filter ? FilterJson.Parse(filter) : null,
            Record = One(query, "record"),
            Verbs = [.. query["verbs"].SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))],
            After = (One(query, "after") ?? One(query, "last_event_id")) is { } after ? Position(after) : null,
            Query = new QueryCollection(query.Where(one => one.Key == "fields" || one.Key.StartsWith("filter", StringComparison.Ordinal)).ToDictionary()),
        };
    }

    /// <summary>The members of a JSON object as a query string would have them: texts as they are, lists joined by commas, objects as JSON.</summary>
    public static IQueryCollection ToQuery(JsonElement members, params string[] except)
    {
        var query = new Dictionary<string, StringValues>(StringComparer.Ordinal);
        if (members.ValueKind != JsonValueKind.Object)
            return new QueryCollection(query);
        foreach (var member in members.EnumerateObject().Where(one => !except.Contains(one.Name) && one.Value.ValueKind != JsonValueKind.Null))
        {
            query[member.Name] = member.Value.ValueKind switch
            {
                JsonValueKind.Array => string.Join(',', member.Value.EnumerateArray().Select(Text)),
                _ => Text(member.Value),
            };
        }
        return new QueryCollection(query);
    }

    /// <summary>Reads a position.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>.</exception>
    public static long Position(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position : throw Bad($"\"{(text.Length > 40 ? text[..40] : text)}\" is no position of the event log; take the `at` of the last event.");

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string? One(IQueryCollection query, string name) => query[name] switch
    {
        [] => null,
        [{ Length: > 0 } value] => value,
        _ => throw Bad($"{name} is given once, and not empty."),
    };

    private static NexusException Bad(string detail) => new(ErrorCodes.BadRequest, detail);
}
