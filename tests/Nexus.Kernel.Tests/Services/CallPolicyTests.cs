using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tests.Services;

/// <summary>A contract whose methods say what becomes of failed and of many calls.</summary>
[ServiceContract(Name = "rates")]
public interface IRates
{
    [Retry(3, DelayMilliseconds = 10)]
    Task<decimal> GetAsync(string currency, CancellationToken cancellationToken = default);

    [CircuitBreaker(2, OpenSeconds = 5)]
    ValueTask<int> CountAsync();

    [RateLimiter(2, 0.5)]
    ValueTask RefreshAsync();

    [Retry(5, DelayMilliseconds = 10), CircuitBreaker(3, OpenSeconds = 60)]
    Task ResetAsync();

    Task<int> PlainAsync();
}

public sealed class CallPolicyTests : IDisposable
{
    private readonly StepClock _clock = new();
    private readonly ServiceBench _bench;
    private readonly Rates _rates = new();
    private readonly IRates _proxy;

    public CallPolicyTests()
    {
        _bench = new ServiceBench(_clock);
        _bench.Plugins.Publish(ServiceBench.Plugin("bank", plugin => plugin.Provide<IRates>(null, ServiceLifetime.Singleton, _ => _rates)));
        _proxy = _bench.For("shop").Get<IRates>();
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_call_that_the_provider_failed_is_made_again_until_the_tries_are_used_up()
    {
        _rates.Fail(2, new InvalidOperationException("down"));
        var answer = await _proxy.GetAsync("EUR");
        var calls = _rates.Calls;
        _rates.Fail(3, new InvalidOperationException("down"));
        var error = await Assert.ThrowsAsync<NexusException>(() => _proxy.GetAsync("EUR"));

        Assert.Equal((1.5m, 3), (answer, calls));
        Assert.Equal(("INTERNAL_ERROR", 6), (error.Code, _rates.Calls));
        Assert.Equal([10, 20, 10, 20], _clock.Delays.Select(d => d.TotalMilliseconds));
    }

    [Fact]
    public async Task A_refusal_for_the_callers_fault_and_a_method_without_the_attribute_are_not_tried_again()
    {
        _rates.Fail(1, new NexusException("VALIDATION_ERROR", "No such currency."));
        var refused = await Assert.ThrowsAsync<NexusException>(() => _proxy.GetAsync("XXX"));
        _rates.Fail(1, new InvalidOperationException("down"));
        await Assert.ThrowsAsync<NexusException>(() => _proxy.PlainAsync());

        Assert.Equal(("VALIDATION_ERROR", 2), (refused.Code, _rates.Calls));
    }

    [Fact]
    public async Task A_breaker_opens_after_failures_in_a_row_lets_one_call_try_and_closes_when_it_succeeds()
    {
        _rates.Fail(2, new InvalidOperationException("down"));
        await FailsAsync("INTERNAL_ERROR");
        await FailsAsync("INTERNAL_ERROR");
        await FailsAsync("SERVICE_UNAVAILABLE");
        var whileOpen = _rates.Calls;

        _clock.Move(TimeSpan.FromSeconds(5));
        _rates.Fail(1, new InvalidOperationException("down"));
        await FailsAsync("INTERNAL_ERROR");
        await FailsAsync("SERVICE_UNAVAILABLE");
        _clock.Move(TimeSpan.FromSeconds(5));

        Assert.Equal((2, 3), (whileOpen, _rates.Calls));
        Assert.Equal(7, await _proxy.CountAsync());
        Assert.Equal(7, await _proxy.CountAsync());

        async Task FailsAsync(string code) => Assert.Equal(code, (await Assert.ThrowsAsync<NexusException>(async () => await _proxy.CountAsync())).Code);
    }

    [Fact]
    public async Task A_limited_method_refuses_calls_over_its_limit_until_the_time_is_over()
    {
        await _proxy.RefreshAsync();
        await _proxy.RefreshAsync();
        var refused = await Assert.ThrowsAsync<NexusException>(async () => await _proxy.RefreshAsync());
        _clock.Move(TimeSpan.FromMilliseconds(500));
        await _proxy.RefreshAsync();

        Assert.Equal("RATE_LIMITED", refused.Code);
        Assert.Equal("rates.RefreshAsync is called 2 times in 0.5 s at most.", refused.Message);
        Assert.Equal(3, _rates.Calls);
    }

    [Fact]
    public async Task A_breaker_that_opens_ends_the_tries()
    {
        _rates.Fail(9, new InvalidOperationException("down"));

        await Assert.ThrowsAsync<NexusException>(() => _proxy.ResetAsync());

        Assert.Equal(3, _rates.Calls);
    }

    [Fact]
    public async Task The_breaker_of_one_consumer_is_not_that_of_another()
    {
        _rates.Fail(2, new InvalidOperationException("down"));
        for (var i = 0; i < 2; i++)
            await Assert.ThrowsAsync<NexusException>(async () => await _proxy.CountAsync());

        Assert.Equal(7, await _bench.For("crm").Get<IRates>().CountAsync());
    }

    [Fact]
    public async Task Calls_by_names_follow_the_attributes_as_one_consumer_until_the_provider_is_replaced()
    {
        _rates.Fail(2, new InvalidOperationException("down"));
        var answer = await SendAsync("GetAsync", "[\"EUR\"]");
        await SendAsync("RefreshAsync");
        await SendAsync("RefreshAsync");
        var limited = await FailsAsync("RefreshAsync");
        _rates.Fail(9, new InvalidOperationException("down"));
        var failures = new[] { await FailsAsync("CountAsync"), await FailsAsync("CountAsync"), await FailsAsync("CountAsync") };
        var calls = _rates.Calls;
        _bench.Plugins.Publish(ServiceBench.Plugin("bank", plugin => plugin.Provide<IRates>(null, ServiceLifetime.Singleton, _ => _rates)));
        _rates.Fail(0, new InvalidOperationException("down"));

        Assert.Equal("1.5", answer);
        Assert.Equal("RATE_LIMITED: rates.RefreshAsync is called 2 times in 0.5 s at most.", limited);
        Assert.Equal("SERVICE_UNAVAILABLE: rates.CountAsync failed 2 times in a row and is not called for 5 s.", failures[2]);
        Assert.Equal(7, calls);
        Assert.Equal("7", await SendAsync("CountAsync"));
        Assert.Equal(7, await _proxy.CountAsync());

        async Task<string> SendAsync(string method, string arguments = "[]") => Encoding.UTF8.GetString((await _bench.Registry.CallAsync(new ServiceRequest("rates", null, method, Encoding.UTF8.GetBytes(arguments)), CancellationToken.None)).Span);

        async Task<string> FailsAsync(string method) => await Assert.ThrowsAsync<NexusException>(() => SendAsync(method)) is var error ? $"{error.Code}: {error.Message}" : "";
    }

    private sealed class Rates : IRates
    {
        private Exception? error;
        private int failures;

        public int Calls { get; private set; }

        public void Fail(int times, Exception with) => (failures, error) = (times, with);

        public async Task<decimal> GetAsync(string currency, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return Answer(1.5m);
        }

        public ValueTask<int> CountAsync() => new(Answer(7));

        public ValueTask RefreshAsync() => new(Task.FromResult(Answer(0)));

        public Task ResetAsync() => Task.FromResult(Answer(0));

        public Task<int> PlainAsync() => Task.FromResult(Answer(0));

        private T Answer<T>(T answer)
        {
            Calls++;
            return failures-- > 0 ? throw error! : answer;
        }
    }

    /// <summary>Moved by hand; what waits for it waits no longer than a moment, and is written down.</summary>
    private sealed class StepClock : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public List<TimeSpan> Delays { get; } = [];

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Delays.Add(dueTime);
            return System.CreateTimer(callback, state, TimeSpan.Zero, period);
        }

        public void Move(TimeSpan by) => _ticks += by.Ticks;
    }
}
