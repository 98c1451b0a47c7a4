using System.Diagnostics.Metrics;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>Meters of one generation, disposed with it: an undisposed meter is listed by the runtime and keeps its creator alive. Each has the tag <c>plugin</c>, and the host's factory as its scope, by which a listener knows whose they are.</summary>
internal sealed class GenerationMeters(string plugin, IMeterFactory? host) : IMeterFactory
{
    private readonly Lock gate = new();
    private readonly List<Meter> meters = [];
    private bool disposed;

    public Meter Create(MeterOptions options)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            options.Scope = (object?)host ?? this;
            options.Tags = [new KeyValuePair<string, object?>("plugin", plugin), .. (options.Tags ?? []).Where(t => t.Key != "plugin")];
            var meter = new OwnedMeter(options);
            meters.Add(meter);
            return meter;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            meters.ForEach(m => ((OwnedMeter)m).Close());
            meters.Clear();
        }
    }

    /// <summary>A meter whose disposal by its user is passed over, as the factory shares it.</summary>
    private sealed class OwnedMeter(MeterOptions options) : Meter(options)
    {
        private bool closing;

        public void Close()
        {
            closing = true;
            Dispose(true);
        }

        protected override void Dispose(bool disposing) => base.Dispose(disposing && closing);
    }
}
