namespace Nexus.Data.Sharing;

/// <summary>The clock of a node. Alone it is the machine's. Where nodes share an engine it goes by the engine's clock, read now and then and carried on by the time that passed: a machine whose clock is wrong, or is set meanwhile, has the same leases, schedules and sessions as the others. Thread-safe.</summary>
internal sealed class NodeClock(TimeProvider machine) : TimeProvider
{
    // What an answer's way leaves open is no reason to move the clock.
    private static readonly TimeSpan Uncertain = TimeSpan.FromMilliseconds(20);

    private Anchor? _anchor;

    public override TimeZoneInfo LocalTimeZone => machine.LocalTimeZone;

    public override long TimestampFrequency => machine.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => Volatile.Read(ref _anchor) is { } anchor ? anchor.Utc + machine.GetElapsedTime(anchor.Timestamp) : machine.GetUtcNow();

    public override long GetTimestamp() => machine.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => machine.CreateTimer(callback, state, dueTime, period);

    /// <summary>Goes by another clock from now on, whose answer is as old as half its way.</summary>
    public async ValueTask SteerAsync(Func<CancellationToken, ValueTask<DateTimeOffset>> read, CancellationToken cancellationToken)
    {
        var asked = machine.GetTimestamp();
        var theirs = await read(cancellationToken);
        var half = machine.GetElapsedTime(asked) / 2;
        var now = machine.GetTimestamp();
        if (_anchor is null || (theirs + half - GetUtcNow()).Duration() > half + Uncertain)
            Volatile.Write(ref _anchor, new Anchor(theirs + half, now));
    }

    private sealed record Anchor(DateTimeOffset Utc, long Timestamp);
}
