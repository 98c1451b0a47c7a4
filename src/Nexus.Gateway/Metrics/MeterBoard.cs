using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Metrics;

/// <summary>
/// Listens to the meters of this host and its plugins and keeps their sums for <c>/metrics</c>. A meter is this host's when its scope is the host's
/// meter factory; one of a plugin also has the tag <c>plugin</c>. Sums outlive a swap, so that counters only grow.
/// </summary>
internal sealed partial class MeterBoard : IDisposable
{
    /// <summary>Series of one instrument; beyond them all are counted together.</summary>
    public const int MaxSeries = 500;
    private const int MaxFamilies = 2000;
    private static readonly double[] Seconds = [.. Durations.Bounds];
    private static readonly double[] Sizes = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<string, MeterFamily> families = new(StringComparer.Ordinal);
    private readonly MeterListener listener = new();
    private readonly IMeterFactory host;
    private readonly ILogger log;
    private Task asking = Task.CompletedTask;

    public MeterBoard(IMeterFactory host, ILogger<MeterBoard> log)
    {
        (this.host, this.log) = (host, log);
        listener.InstrumentPublished = Publish;
        listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, state) => ((Source)state!).Record((double)value, tags));
        listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => ((Source)state!).Record(value, tags));
        listener.Start();
    }

    /// <summary>Asks the instruments that are asked, and writes all series. A plugin whose callback does not return is not waited for longer than a moment: what it, and those that are asked after it, told before stands until it returns.</summary>
    public async Task WriteAsync(Exposition to)
    {
        await AskAsync();
        foreach (var family in families.Values.OrderBy(f => f.Name, StringComparer.Ordinal))
            family.Write(to);
        to.Begin("nexus_metrics_overflowed_total", MetricKind.Counter, "Measurements whose instrument had no room for a series of their own.");
        to.Sample("", families.Values.Sum(f => f.Overflowed));
        to.Begin("nexus_metrics_outdated", MetricKind.Gauge, "1 while the callback of a gauge does not return: gauges that are asked are those of an earlier look.");
        to.Sample("", asking.IsCompleted ? 0 : 1);
    }

    /// <summary>The series of a histogram by its name on <c>/metrics</c>; none before its first measurement.</summary>
    public IEnumerable<(IReadOnlyDictionary<string, string> Tags, long[] Buckets, double Sum)> Observations(string name) => families.TryGetValue(name, out var family) ? family.Observations() : [];

    public void Dispose() => listener.Dispose();

    private async Task AskAsync()
    {
        if (!asking.IsCompleted)
            return;
        asking = Task.Run(() =>
        {
            foreach (var family in families.Values.Where(f => f.IsObserved))
                family.BeginRound();
            try
            {
                listener.RecordObservableInstruments();
            }
            catch (AggregateException failed)
            {
                // Callbacks of plugins; the others were asked all the same.
                foreach (var one in failed.InnerExceptions)
                    TellFailed(log, $"{one.GetType().Name}: {one.Message}");
            }

            foreach (var family in families.Values.Where(f => f.IsObserved))
                family.EndRound();
        });
        await asking.WaitAsync(Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!asking.IsCompleted)
            TellSlow(log, Patience.TotalSeconds);
    }

    private void Publish(Instrument instrument, MeterListener to)
    {
        if (!ReferenceEquals(instrument.Meter.Scope, host) || families.Count >= MaxFamilies)
            return;
        var plugin = instrument.Meter.Tags?.FirstOrDefault(t => t.Key == "plugin").Value as string;
        // The framework's own meters cost every request and every connection; what the platform says of them it counts itself.
        if (plugin is null && !instrument.Meter.Name.StartsWith("Nexus.", StringComparison.Ordinal))
            return;
        to.EnableMeasurementEvents(instrument, new Source(FamilyOf(instrument, plugin), plugin));
    }

    private MeterFamily FamilyOf(Instrument instrument, string? plugin)
    {
        var type = instrument.GetType();
        var generic = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        var kind = generic == typeof(Counter<>) || generic == typeof(ObservableCounter<>) ? MetricKind.Counter
            : generic == typeof(Histogram<>) ? MetricKind.Histogram
            : MetricKind.Gauge;
        var name = MetricNames.Of(instrument, kind);
        var addsUp = generic == typeof(UpDownCounter<>);
        // A plugin cannot take the name of something else: its own stands before it then.
        if (plugin is not null && (NodeMetrics.IsOwn(name) || families.TryGetValue(name, out var taken) && (taken.Kind != kind || taken.IsObserved != instrument.IsObservable)))
            name = $"{MetricNames.Sanitized(plugin)}_{name}";
        var help = string.IsNullOrEmpty(instrument.Description) ? $"Of the meter {instrument.Meter.Name}." : instrument.Description;
        return families.GetOrAdd(name, key => new MeterFamily(key, kind, help, instrument.IsObservable, Bounds(instrument), MaxSeries) { AddsUp = addsUp });
    }

    private static double[] Bounds(Instrument instrument)
    {
        var advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(b => (double)b).ToArray(),
            Histogram<int> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(b => (double)b).ToArray(),
            _ => null,
        };
        return advised is { Count: > 0 } ? [.. advised.Order()] : instrument.Unit == "s" ? Seconds : Sizes;
    }

    [LoggerMessage(1, LogLevel.Warning, "metrics.callback_failed {Error}")]
    private static partial void TellFailed(ILogger log, string error);

    [LoggerMessage(2, LogLevel.Warning, "metrics.callback_slow: the callbacks of gauges have not returned for {Seconds} s; their earlier values stand until they do")]
    private static partial void TellSlow(ILogger log, double seconds);

    /// <summary>What the listener keeps beside an instrument.</summary>
    private sealed record Source(MeterFamily Family, string? Plugin)
    {
        public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => Family.Record(Plugin, value, tags);
    }
}
