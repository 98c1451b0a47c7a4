using Nexus.Gateway.Forwarding;

namespace Nexus.Gateway.Tests.Forwarding;

public sealed class BreakerTests
{
    private readonly SetClock clock = new();

    [Fact]
    public void It_opens_after_failures_in_a_row_and_not_after_as_many_with_a_success_between()
    {
        var mixed = new Breaker(new BreakerOptions { Failures = 3 }, clock);
        foreach (var failed in new[] { true, true, false, true, true }) mixed.Note(failed, failed);
        var failing = new Breaker(new BreakerOptions { Failures = 3 }, clock);
        foreach (var failed in new[] { true, true, true }) failing.Note(failed, failed);

        Assert.Equal((BreakerState.Closed, true), (mixed.State, mixed.TryEnter()));
        Assert.Equal((BreakerState.Open, false), (failing.State, failing.TryEnter()));
    }

    [Fact]
    public void After_its_wait_one_request_tries_and_the_others_do_not_pass_until_that_one_ended()
    {
        var breaker = Opened(openSeconds: 5);
        clock.Move(4);
        var (before, wait) = (breaker.TryEnter(), breaker.Wait);
        clock.Move(1);
        var tries = new[] { breaker.TryEnter(), breaker.TryEnter() };
        var trying = breaker.State;
        breaker.Note(failed: false, bad: false);

        Assert.Equal((false, TimeSpan.FromSeconds(1)), (before, wait));
        Assert.Equal([true, false], tries);
        Assert.Equal((BreakerState.HalfOpen, BreakerState.Closed), (trying, breaker.State));
        Assert.True(breaker.TryEnter());
    }

    [Fact]
    public void A_trial_that_fails_begins_the_wait_anew_and_one_whose_caller_left_frees_the_place()
    {
        var breaker = Opened(openSeconds: 5);
        clock.Move(5);
        Assert.True(breaker.TryEnter());
        breaker.Forget();
        var again = breaker.TryEnter();
        breaker.Note(failed: true, bad: true);
        clock.Move(4);

        Assert.True(again);
        Assert.Equal((BreakerState.Open, false), (breaker.State, breaker.TryEnter()));
    }

    [Fact]
    public void An_answer_that_begins_well_closes_it_and_one_that_breaks_off_then_opens_it_again()
    {
        var breaker = new Breaker(new BreakerOptions { Failures = 3, OpenSeconds = 5, OutlierShare = 0 }, clock);
        breaker.Begin();
        foreach (var failed in new[] { true, true, true }) breaker.Note(failed, failed);
        clock.Move(5);
        Assert.True(breaker.TryEnter());
        breaker.Begin();
        var (begun, others) = (breaker.State, breaker.TryEnter());
        breaker.Note(failed: true, bad: true);

        Assert.Equal((BreakerState.Closed, true, BreakerState.Open), (begun, others, breaker.State));
    }

    [Fact]
    public void Whoever_fails_too_large_a_share_is_left_out_for_a_while_though_its_breaker_stays_closed()
    {
        var breaker = new Breaker(new BreakerOptions { OutlierShare = 0.5, OutlierSeconds = 30 }, clock);
        for (var i = 0; i < 19; i++) breaker.Note(failed: false, bad: i % 2 == 0);
        var few = breaker.IsLeftOut;
        breaker.Note(failed: false, bad: true);
        var (many, state) = (breaker.IsLeftOut, breaker.State);
        clock.Move(30);

        Assert.Equal((false, true, BreakerState.Closed), (few, many, state));
        Assert.False(breaker.IsLeftOut);
    }

    [Fact]
    public void Failures_that_are_spread_over_windows_leave_nobody_out()
    {
        var breaker = new Breaker(new BreakerOptions { OutlierShare = 0.5 }, clock);
        for (var i = 0; i < 40; i++)
        {
            breaker.Note(failed: false, bad: true);
            clock.Move(1);
        }

        Assert.False(breaker.IsLeftOut);
    }

    private Breaker Opened(double openSeconds)
    {
        var breaker = new Breaker(new BreakerOptions { Failures = 1, OpenSeconds = openSeconds, OutlierShare = 0 }, clock);
        breaker.Note(failed: true, bad: true);
        return breaker;
    }
}
