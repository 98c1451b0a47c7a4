using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Top;

/// <summary>A plugin between two looks. Rates are null at the first look.</summary>
internal sealed record PluginRow(string Id, string Version, string State, string Health, double? Rate, double? ErrorRate, double? P95, long InFlight, double Requests, double? Memory)
{
    /// <summary>Rows between two looks, by the wanted column.</summary>
    public static PluginRow[] Between(Look? earlier, Look now, string sort)
    {
        var rows = now.Plugins.OfType<JsonObject>().Select(plugin => Of(plugin, earlier, now));
        return [.. (sort switch
        {
            "errors" => rows.OrderByDescending(r => r.ErrorRate ?? 0),
            "p95" => rows.OrderByDescending(r => r.P95 ?? 0),
            "memory" => rows.OrderByDescending(r => r.Memory ?? 0),
            "id" => rows.OrderBy(r => r.Id, StringComparer.Ordinal),
            _ => rows.OrderByDescending(r => r.Rate ?? 0).ThenByDescending(r => r.Requests),
        }).ThenBy(r => r.Id, StringComparer.Ordinal)];
    }

    public string[] Cells() =>
    [
        Id, Version, State, Health, Text(Rate, "0.0"), Text(ErrorRate, "0.0"), P95 is { } seconds ? $"{(seconds * 1000).ToString("0.0", CultureInfo.InvariantCulture)} ms" : "–",
        InFlight.ToString(CultureInfo.InvariantCulture), Text(Requests, "0"), Memory is { } bytes ? $"{(bytes / 1024).ToString("0", CultureInfo.InvariantCulture)} KB" : "–",
    ];

    public JsonObject ToJson() => new()
    {
        ["id"] = Id, ["version"] = Version, ["state"] = State, ["health"] = Health, ["requestsPerSecond"] = Rate, ["errorsPerSecond"] = ErrorRate,
        ["p95Seconds"] = P95, ["inFlight"] = InFlight, ["requests"] = Requests, ["memoryBytes"] = Memory,
    };

    private static PluginRow Of(JsonObject plugin, Look? earlier, Look now)
    {
        var id = Output.Get(plugin, "id") ?? "";
        var (before, counts) = (earlier?.Of(id), now.Of(id));
        // A host that began anew counts from zero: what it has counted since is the difference.
        if (before is not null && before.Requests > counts.Requests)
            before = Counts.None;
        var seconds = earlier is null ? 0 : (now.At - earlier.At).TotalSeconds;
        return new PluginRow(
            id, Output.Get(plugin, "version") ?? "", Output.Get(plugin, "state") ?? "", plugin["health"] is JsonObject health ? Output.Get(health, "status") ?? "" : "",
            before is null ? null : (counts.Requests - before.Requests) / seconds, before is null ? null : (counts.Errors - before.Errors) / seconds,
            before is null ? null : counts.Quantile(0.95, before), (long?)plugin["inFlight"] ?? 0, counts.Requests, counts.Memory);
    }

    private static string Text(double? value, string format) => value is { } number ? number.ToString(format, CultureInfo.InvariantCulture) : "–";
}
