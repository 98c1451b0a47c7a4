using System.Diagnostics.Metrics;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>Meters of one generation, disposed with it: an undisposed meter is listed by the runtime and keeps its creator alive.</summary>
internal sealed class GenerationMeters : IMeterFactory
{
    private readonly Lock gate = new();
    private readonly List<Meter> meters = [];
    private bool disposed;

    public Meter Create(MeterOptions options)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            options.Scope = this;
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
