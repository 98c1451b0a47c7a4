namespace Nexus.Data.Measuring;

/// <summary>
/// For how long a process stood still: it was stopped, or its machine was, or it got no processor. Limits of code that runs in it do not count that time, since the code had none of it either.
/// Told by beats that come late, on a thread of their own: code that blocks the pool's threads does not win time by it. Thread-safe.
/// </summary>
internal sealed class Standstill(TimeProvider time)
{
    /// <summary>How often a process that runs beats.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);

    /// <summary>A beat that is late by no more says nothing: others have the processor for moments.</summary>
    public static readonly TimeSpan Tolerated = TimeSpan.FromMilliseconds(500);

    private static readonly Lazy<Standstill> Shared = new(Begin);

    private readonly Lock _gate = new();
    private long _beatAt = time.GetTimestamp();
    private TimeSpan _stood;

    /// <summary>That of this process, from the first time that it is asked for.</summary>
    public static Standstill OfProcess => Shared.Value;

    /// <summary>All of it until now, also what no beat has told of yet.</summary>
    public TimeSpan Total
    {
        get
        {
            lock (_gate)
                return _stood + Late();
        }
    }

    /// <summary>The process runs.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            _stood += Late();
            _beatAt = time.GetTimestamp();
        }
    }

    private static Standstill Begin()
    {
        var standstill = new Standstill(TimeProvider.System);
        new Thread(() =>
        {
            using var never = new ManualResetEvent(false);
            while (!never.WaitOne(Beat))
                standstill.Tick();
        })
        { IsBackground = true, Name = "Nexus standstill", Priority = ThreadPriority.AboveNormal }.Start();
        return standstill;
    }

    private TimeSpan Late() => time.GetElapsedTime(_beatAt) - Beat is var late && late > Tolerated ? late : TimeSpan.Zero;
}
