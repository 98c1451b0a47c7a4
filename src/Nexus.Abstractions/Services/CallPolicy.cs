namespace Nexus;

/// <summary>On a method of a contract: a call through a proxy that the provider failed (a code of status 500 or above, such as <c>SERVICE_UNAVAILABLE</c> while it is being replaced) is made again. For methods that may run twice; what the provider refuses for the caller's own fault is not tried again.</summary>
/// <param name="tries">Calls in all, 2 to 10.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RetryAttribute(int tries) : Attribute
{
    /// <summary>Calls in all.</summary>
    public int Tries { get; } = tries is >= 2 and <= 10 ? tries : throw new ArgumentOutOfRangeException(nameof(tries), tries, "2 to 10 tries.");

    /// <summary>Milliseconds before the second call, doubled before each further one; 100 by default.</summary>
    public int DelayMilliseconds { get; init; } = 100;
}

/// <summary>On a method of a contract: after failures in a row (as <see cref="RetryAttribute"/> counts them) calls are refused at once with <c>SERVICE_UNAVAILABLE</c>, until one call that is let through succeeds.</summary>
/// <param name="failures">Failures in a row, at least 1.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CircuitBreakerAttribute(int failures) : Attribute
{
    /// <summary>Failures in a row.</summary>
    public int Failures { get; } = failures >= 1 ? failures : throw new ArgumentOutOfRangeException(nameof(failures), failures, "At least 1.");

    /// <summary>Seconds until one call may try; 30 by default.</summary>
    public double OpenSeconds { get; init; } = 30;
}

/// <summary>On a method of a contract: so many calls in a time, which begins with its first call; further ones are refused with <c>RATE_LIMITED</c>. A call that is tried again counts once.</summary>
/// <param name="calls">Calls, at least 1.</param>
/// <param name="seconds">The time.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RateLimiterAttribute(int calls, double seconds) : Attribute
{
    /// <summary>Calls in <see cref="Seconds"/>.</summary>
    public int Calls { get; } = calls >= 1 ? calls : throw new ArgumentOutOfRangeException(nameof(calls), calls, "At least 1.");

    /// <summary>The time in seconds.</summary>
    public double Seconds { get; } = seconds > 0 ? seconds : throw new ArgumentOutOfRangeException(nameof(seconds), seconds, "More than 0.");
}

/// <summary>The attributes of one method of a contract, as data: whoever calls without a proxy makes a <see cref="CallPolicy"/> of them. Immutable.</summary>
public sealed record CallRules
{
    /// <summary>When a failed call is made again; null never.</summary>
    public RetryAttribute? Retry { get; init; }

    /// <summary>When calls are refused because others failed; null never.</summary>
    public CircuitBreakerAttribute? Breaker { get; init; }

    /// <summary>How many calls there may be; null for any number.</summary>
    public RateLimiterAttribute? Limit { get; init; }
}

/// <summary>What the attributes of one method do to the calls of one proxy, so of one consumer: 1. the limit, 2. the breaker, 3. the call, 4. another try from 2. Used by generated proxies, and for calls by names, whose callers are one consumer together. Thread-safe.</summary>
public sealed class CallPolicy
{
    private readonly Lock _gate = new();
    private readonly Func<TimeProvider> time;
    private readonly string call;
    private long _windowAt;
    private int _calls;
    private int _failures;
    private long? _openedAt;
    private bool _trying;

    /// <summary>Makes a policy for the calls of one method.</summary>
    /// <param name="slot">Whose clock it goes by.</param>
    /// <param name="call">Contract and method, for messages.</param>
    public CallPolicy(ServiceSlot slot, string call) => (time, this.call) = (() => slot.Time, call);

    internal CallPolicy(TimeProvider time, string call) => (this.time, this.call) = (() => time, call);

    /// <summary>When a failed call is made again; null never.</summary>
    public RetryAttribute? Retry { get; init; }

    /// <summary>When calls are refused because others failed; null never.</summary>
    public CircuitBreakerAttribute? Breaker { get; init; }

    /// <summary>How many calls there may be; null for any number.</summary>
    public RateLimiterAttribute? Limit { get; init; }

    private TimeProvider Time => time();

    /// <summary>Makes a call under the policy.</summary>
    /// <exception cref="NexusException"><c>RATE_LIMITED</c>, <c>SERVICE_UNAVAILABLE</c>, or the provider's own.</exception>
    public Task<T> RunAsync<T>(Func<Task<T>> make, CancellationToken cancellationToken) => RunAsync(make, mayRepeat: true, cancellationToken);

    internal async Task<T> RunAsync<T>(Func<Task<T>> make, bool mayRepeat, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(make);
        Count();
        for (var tried = 1; ; tried++)
        {
            Enter();
            try
            {
                var result = await make();
                Leave(hasFailed: false);
                return result;
            }
            catch (NexusException error) when (error.Status >= 500)
            {
                if (Leave(hasFailed: true) || !mayRepeat || tried >= (Retry?.Tries ?? 1))
                    throw;
            }
            catch (NexusException)
            {
                // A refusal is an answer.
                Leave(hasFailed: false);
                throw;
            }
            catch
            {
                Forget();
                throw;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(Retry!.DelayMilliseconds * Math.Pow(2, tried - 1)), Time, cancellationToken);
        }
    }

    /// <inheritdoc cref="RunAsync{T}(Func{Task{T}}, CancellationToken)"/>
    public Task RunAsync(Func<Task> make, CancellationToken cancellationToken) =>
        RunAsync(async () =>
        {
            await make();
            return true;
        }, cancellationToken);

    private void Count()
    {
        if (Limit is null)
            return;
        lock (_gate)
        {
            if (_calls == 0 || Time.GetElapsedTime(_windowAt) >= TimeSpan.FromSeconds(Limit.Seconds))
                (_windowAt, _calls) = (Time.GetTimestamp(), 0);
            if (_calls >= Limit.Calls)
                throw new NexusException(ErrorCodes.RateLimited, FormattableString.Invariant($"{call} is called {Limit.Calls} times in {Limit.Seconds} s at most."));
            _calls++;
        }
    }

    private void Enter()
    {
        if (Breaker is null)
            return;
        lock (_gate)
        {
            if (_openedAt is not { } at)
                return;
            if (_trying || Time.GetElapsedTime(at) < TimeSpan.FromSeconds(Breaker.OpenSeconds))
                throw new NexusException(ErrorCodes.ServiceUnavailable, FormattableString.Invariant($"{call} failed {_failures} times in a row and is not called for {Breaker.OpenSeconds} s."));
            _trying = true;
        }
    }

    /// <summary>Notes how a call ended.</summary>
    /// <returns>The breaker is open now.</returns>
    private bool Leave(bool hasFailed)
    {
        if (Breaker is null)
            return false;
        lock (_gate)
        {
            _trying = false;
            _failures = hasFailed ? _failures + 1 : 0;
            _openedAt = hasFailed && (_openedAt is not null || _failures >= Breaker.Failures) ? Time.GetTimestamp() : null;
            return _openedAt is not null;
        }
    }

    /// <summary>The caller gave up, which says nothing of the provider.</summary>
    private void Forget()
    {
        lock (_gate)
            _trying = false;
    }
}
