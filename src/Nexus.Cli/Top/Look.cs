using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.Cli.Top;

/// <summary>What a host told of itself at one moment: its plugins and its metrics.</summary>
internal sealed partial class Look
{
    private readonly Dictionary<string, double> single = [];
    private readonly Dictionary<string, Counts> byPlugin = [];

    private Look(JsonArray plugins, TimeSpan at) => (Plugins, At) = (plugins, at);

    /// <summary>The plugins as the host lists them.</summary>
    public JsonArray Plugins { get; }

    /// <summary>When, on a clock that only goes on.</summary>
    public TimeSpan At { get; }

    public static Look Of(JsonNode? plugins, string metrics, TimeSpan at)
    {
        var look = new Look(plugins as JsonArray ?? [], at);
        foreach (var line in metrics.Split('\n'))
        {
            if (line.Length > 0 && line[0] != '#' && SamplePattern().Match(line) is { Success: true } sample)
                look.Add(sample.Groups[1].Value, sample.Groups[2].Value, Number(sample.Groups[3].Value));
        }

        return look;
    }

    /// <summary>A series without labels; null where the host has none.</summary>
    public double? Find(string name) => single.TryGetValue(name, out var value) ? value : null;

    /// <summary>What is counted of a plugin; zeros where nothing was yet.</summary>
    public Counts Of(string plugin) => byPlugin.GetValueOrDefault(plugin, Counts.None);

    private void Add(string name, string labels, double value)
    {
        if (labels.Length == 0)
        {
            single[name] = value;
            return;
        }

        var plugin = LabelOf(labels, "plugin") ?? LabelOf(labels, "service");
        if (plugin is null)
            return;
        var counts = Of(plugin);
        byPlugin[plugin] = name switch
        {
            "http_requests_total" => counts with { Requests = counts.Requests + value },
            "errors_total" => counts with { Errors = counts.Errors + value },
            "nexus_plugin_memory_bytes" => counts with { Memory = value },
            "http_request_duration_seconds_bucket" when LabelOf(labels, "le") is { } bound => counts with { Buckets = counts.Buckets.SetItem(Number(bound), counts.Buckets.GetValueOrDefault(Number(bound)) + value) },
            _ => counts,
        };
    }

    private static string? LabelOf(string labels, string name) => LabelPattern().Matches(labels).FirstOrDefault(l => l.Groups[1].Value == name)?.Groups[2].Value;

    private static double Number(string text) => text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)")]
    private static partial Regex SamplePattern();

    [GeneratedRegex("""([a-z_]+)="((?:[^"\\]|\\.)*)"[,]?""")]
    private static partial Regex LabelPattern();
}

/// <summary>What is counted of one plugin since the host began.</summary>
/// <param name="Requests">Requests answered.</param>
/// <param name="Errors">Those answered with a server error.</param>
/// <param name="Memory">Managed memory that only the plugin reaches, in bytes; null before it was measured.</param>
/// <param name="Buckets">Requests that took at most so many seconds.</param>
internal sealed record Counts(double Requests, double Errors, double? Memory, ImmutableSortedDictionary<double, double> Buckets)
{
    public static Counts None { get; } = new(0, 0, null, ImmutableSortedDictionary<double, double>.Empty);

    /// <summary>The seconds within which a part of the requests since an earlier look was answered, interpolated within its bucket; null without requests.</summary>
    public double? Quantile(double part, Counts earlier)
    {
        (double From, double Below) last = (0, 0);
        var all = Buckets.Count == 0 ? 0 : Buckets.Last().Value - earlier.Buckets.GetValueOrDefault(double.PositiveInfinity);
        if (all <= 0)
            return null;
        foreach (var (bound, count) in Buckets)
        {
            var below = count - earlier.Buckets.GetValueOrDefault(bound);
            if (below >= part * all)
                return double.IsInfinity(bound) ? last.From : last.From + ((bound - last.From) * ((part * all) - last.Below) / (below - last.Below));
            last = (bound, below);
        }

        return last.From;
    }
}
