namespace Nexus.Gateway.Forwarding;

/// <summary>States of a breaker, by their number on <c>/metrics</c>.</summary>
internal enum BreakerState
{
    /// <summary>Requests pass.</summary>
    Closed,

    /// <summary>One request tries; the others do not pass.</summary>
    HalfOpen,

    /// <summary>No request passes.</summary>
    Open,
}

/// <summary>Keeps requests away from what fails: opens after failures in a row, lets one request try after a while, and closes when that one succeeds. Apart from it, whoever fails too large a share of its requests is left out for a while. Thread-safe.</summary>
internal sealed class Breaker(BreakerOptions options, TimeProvider time)
{
    private const int LeastRequests = 20;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private int failures;
    private bool trying;
    private long? openedAt;
    private long windowAt = time.GetTimestamp();
    private (int All, int Bad) counted;
    private long? leftOutAt;

    /// <summary>Its state now.</summary>
    public BreakerState State
    {
        get
        {
            lock (gate)
                return openedAt is null ? BreakerState.Closed : trying ? BreakerState.HalfOpen : BreakerState.Open;
        }
    }

    /// <summary>It failed too large a share of its requests.</summary>
    public bool IsLeftOut
    {
        get
        {
            lock (gate)
                return leftOutAt is { } at && time.GetElapsedTime(at) < TimeSpan.FromSeconds(options.OutlierSeconds);
        }
    }

    /// <summary>Time until a request may try again; zero when one may pass.</summary>
    public TimeSpan Wait
    {
        get
        {
            lock (gate)
                return openedAt is not { } at ? TimeSpan.Zero : Max(TimeSpan.FromSeconds(options.OpenSeconds) - time.GetElapsedTime(at), trying ? TimeSpan.FromSeconds(1) : TimeSpan.Zero);
        }
    }

    /// <summary>Whether a request may pass; the first one after the wait is the one that tries.</summary>
    public bool TryEnter()
    {
        lock (gate)
        {
            if (openedAt is not { } at)
                return true;
            if (trying || time.GetElapsedTime(at) < TimeSpan.FromSeconds(options.OpenSeconds))
                return false;
            return trying = true;
        }
    }

    /// <summary>Notes how a request that entered ended.</summary>
    /// <param name="failed">No connection, or 502, 503, 504.</param>
    /// <param name="bad">The answer was 500 or above, or there was none.</param>
    public void Note(bool failed, bool bad)
    {
        lock (gate)
        {
            trying = false;
            failures = failed ? failures + 1 : 0;
            openedAt = failed && (openedAt is not null || failures >= options.Failures) ? time.GetTimestamp() : null;
            Count(bad);
        }
    }

    /// <summary>The answer to a request that entered has begun well; how it ends is told later. Others need not wait for the end, which a stream may not have for hours; one that breaks off opens again.</summary>
    public void Begin()
    {
        lock (gate)
        {
            if (trying)
                (trying, openedAt, failures) = (false, null, options.Failures - 1);
        }
    }

    /// <summary>A request that entered ended without saying anything about the node: its caller hung up.</summary>
    public void Forget()
    {
        lock (gate)
            trying = false;
    }

    private void Count(bool bad)
    {
        if (time.GetElapsedTime(windowAt) > Window)
            (windowAt, counted) = (time.GetTimestamp(), default);
        counted = (counted.All + 1, counted.Bad + (bad ? 1 : 0));
        if (options.OutlierShare > 0 && counted.All >= LeastRequests && counted.Bad >= counted.All * options.OutlierShare)
            (leftOutAt, windowAt, counted) = (time.GetTimestamp(), time.GetTimestamp(), default);
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
