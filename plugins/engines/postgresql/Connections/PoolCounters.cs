using System.Collections.Immutable;
using System.Diagnostics.Metrics;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>What the driver's pool of one data source holds. The driver tells it through its meter only, which is asked each time somebody wants to know.</summary>
internal sealed class PoolCounters : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _asking = new();
    private readonly string _pool;
    private readonly int _max;
    private int _used;
    private int _idle;
    private int _hosts;

    /// <param name="pool">Name of the data source, its own in this process.</param>
    /// <param name="max">Most connections.</param>
    public PoolCounters(string pool, int max)
    {
        (_pool, _max) = (pool, max);
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Npgsql" && instrument.Name == "db.client.connection.count")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>(Measured);
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Measured(instrument, (int)value, tags, state));
        _listener.Start();
    }

    /// <summary>What it holds now; none before its first connection.</summary>
    public ImmutableArray<PoolUse> List()
    {
        lock (_asking)
        {
            (_used, _idle, _hosts) = (0, 0, 0);
            _listener.RecordObservableInstruments();
            // The driver keeps a pool a host.
            return _hosts == 0 ? [] : [new PoolUse("postgresql", _used, _idle, _max * _hosts)];
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Measured(Instrument instrument, int value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        string? kind = null;
        var own = false;
        foreach (var (key, tag) in tags)
        {
            own |= key == "db.client.connection.pool.name" && (string?)tag == _pool;
            kind = key == "db.client.connection.state" ? (string?)tag : kind;
        }

        if (own && kind == "used")
            (_used, _hosts) = (_used + value, _hosts + 1);
        else if (own && kind == "idle")
            _idle += value;
    }
}
