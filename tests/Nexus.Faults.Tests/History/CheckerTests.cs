namespace Nexus.Faults.Tests.History;

/// <summary>The checker accepts what a system may do, and each kind of fault, put into a history that was whole, is found: who finds nothing proves nothing.</summary>
public sealed class CheckerTests
{
    [Fact]
    public void A_history_with_unknown_outcomes_is_accepted_either_way()
    {
        var (history, final) = Whole();
        var later = Op("w9", Deed.Update, "a", 60, 61) with { Outcome = Outcome.Unknown, Expected = 3, Value = "w9" };

        Assert.Empty(Checker.Check(history, final));
        Assert.Empty(Checker.Check([.. history, later], final));
        Assert.Empty(Checker.Check([.. history, later], With(final, "a", (4, "w9"))));
    }

    [Fact]
    public void A_lost_write_is_found()
    {
        var (history, final) = Whole();

        Assert.Equal(["register a: acknowledged as revision 3, and is 2"], Checker.Check([.. history.Where(o => o.Id != "r3")], With(final, "a", (2, "w2"))));
        Assert.Equal(["register a: acknowledged as revision 3, and lost"], Checker.Check([.. history], Without(final, "a")));
    }

    [Fact]
    public void A_write_that_took_the_place_of_another_is_found()
    {
        var (history, final) = Whole();
        var second = Op("w4", Deed.Update, "a", 21, 24) with { Expected = 1, Revision = 2, Value = "w4" };

        Assert.Contains("register a: 2 changes were acknowledged as revision 2", Checker.Check([.. history, second], final));
    }

    [Fact]
    public void A_value_from_nowhere_and_a_revision_from_nowhere_are_found()
    {
        var (history, final) = Whole();

        Assert.Equal(["register a: the last state has other at revision 3, where w3 was acknowledged"], Checker.Check(history, With(final, "a", (3, "other"))));
        Assert.Equal(["register a: the last state has w3 at revision 4, where nobody wrote it", "register a: revision 4 of 4 was made by nobody"], Checker.Check(history, With(final, "a", (4, "w3"))));
        Assert.Equal(["register z was made by nobody"], Checker.Check(history, With(final, "z", (1, "z"))));
    }

    [Fact]
    public void A_stale_read_is_found_on_whichever_node_and_a_concurrent_one_is_none()
    {
        var (history, final) = Whole();
        var stale = Op("r4", Deed.Read, "a", 40, 41) with { Node = "two", Revision = 2, Value = "w2" };

        Assert.Equal(["register a: r4 (Read at two) is at revision 2 after w3 had ended at 3"], Checker.Check([.. history, stale], final));
        Assert.Empty(Checker.Check([.. history, stale with { Invoked = At(32), Completed = At(33) }], final));
    }

    [Fact]
    public void A_read_that_finds_nothing_is_right_before_and_after_the_life_of_a_record_only()
    {
        var (history, final) = Whole();
        Operation Absent(string key, int from, int to) => Op("r5", Deed.Read, key, from, to);

        Assert.Empty(Checker.Check([.. history, Absent("a", 1, 2)], final));
        Assert.Empty(Checker.Check([.. history, Absent("a", 1, 35)], final));
        Assert.Equal(["register a: two does not have it although w1 had ended and nobody deleted it"], Checker.Check([.. history.Where(o => o.Id is not ("r3" or "w3")), Absent("a", 25, 26) with { Node = "two" }], With(final, "a", (2, "w2"))).Take(1));
        Assert.Equal(["register b: its deletion was acknowledged, and it is there at revision 1"], Checker.Check(history, With(final, "b", (1, "b1"))));
        Assert.Equal(["register b: r6 (Read at one) is at revision 1 after b2 had ended at deleted"], Checker.Check([.. history, Op("r6", Deed.Read, "b", 50, 51) with { Revision = 1, Value = "b1" }], final));
    }

    [Fact]
    public void A_duplicate_a_lost_and_a_refused_effect_are_found()
    {
        var (history, final) = Whole();

        Assert.Equal(["effect e1 (Ok) is there 2 times"], Checker.Check(history, final with { Effects = [.. final.Effects, ("e1", "c")], Counters = new() { ["c"] = 2 } }));
        Assert.Equal(["effect e1 was acknowledged by one and is lost"], Checker.Check(history, final with { Effects = [], Counters = [] }));
        Assert.Equal(["counter c is 2 with 1 effects"], Checker.Check(history, final with { Counters = new() { ["c"] = 2 } }));
        Assert.Equal(["effect e2 was refused with 422 and is there"], Checker.Check(history, final with { Effects = [.. final.Effects, ("e2", "c")], Counters = new() { ["c"] = 2 } }));
        Assert.Empty(Checker.Check(history, final with { Effects = [.. final.Effects, ("e3", "c")], Counters = new() { ["c"] = 2 } }));
        Assert.Equal(["effect e3 (Unknown) is there 2 times"], Checker.Check(history, final with { Effects = [.. final.Effects, ("e3", "c"), ("e3", "c")], Counters = new() { ["c"] = 3 } }));
    }

    [Fact]
    public void A_task_that_ran_twice_is_a_fault_where_once_is_promised()
    {
        var (history, final) = Whole();

        Assert.Equal(["task t1 (Ok) is there 2 times"], Checker.Check(history, final with { Jobs = ["t1", "t1"] }));
        Assert.Equal(["task t1 was acknowledged by one and is lost"], Checker.Check(history, final with { Jobs = [] }));
        Assert.Empty(Checker.Check(history, final with { LooseJobs = ["t2", "t2"] }));
        Assert.Equal(["loose task t2 was acknowledged by one and is lost"], Checker.Check(history, final with { LooseJobs = [] }));
        Assert.Equal(["the schedule fired 2 times for noon"], Checker.Check(history, final with { Ticks = ["noon", "one", "noon"] }));
    }

    [Fact]
    public void A_lost_journal_and_a_ledger_out_of_balance_are_found()
    {
        var (history, final) = Whole();

        Assert.Equal(["journal j1 was acknowledged by one and is lost"], Checker.Check(history, final with { Journals = [] }));
        Assert.Equal(["journal j1 (Ok) is there 2 times"], Checker.Check(history, final with { Journals = ["j1", "j1"] }));
        Assert.Equal(["the balances of the ledger sum up to 0.10"], Checker.Check(history, final with { LedgerSum = 0.10m }));
    }

    [Fact]
    public void A_session_that_is_taken_after_its_end_or_refused_before_it_is_found()
    {
        var (history, final) = Whole();
        Operation Use(int seconds, Outcome outcome) => Op("u9", Deed.Use, "s", seconds, seconds) with { Node = "two", Outcome = outcome, Answer = "401", Invoked = TimeSpan.FromSeconds(seconds), Completed = TimeSpan.FromSeconds(seconds) };

        Assert.Empty(Checker.Check([.. history, Use(10, Outcome.Ok), Use(21, Outcome.Ok), Use(22, Outcome.Failed)], final));
        Assert.Equal(["two took session s 3.0 s after it was revoked"], Checker.Check([.. history, Use(23, Outcome.Ok)], final));
        Assert.Equal(["two refused session s with 401 9.0 s after its sign-in, and nobody revoked it"], Checker.Check([.. history, Use(10, Outcome.Failed)], final));
    }

    [Fact]
    public void A_cache_that_has_what_was_overwritten_or_of_another_key_is_found()
    {
        var (history, final) = Whole();

        Assert.Empty(Checker.Check(history, final with { Cached = [("two", "k", "v2")] }));
        Assert.Equal(["two has v1 in its cache for k, which v2 took the place of"], Checker.Check(history, final with { Cached = [("two", "k", "v1")] }));
        Assert.Equal(["two has v1 in its cache for other, which nobody wrote there"], Checker.Check(history, final with { Cached = [("two", "other", "v1")] }));
        Assert.Equal(["one had v3 in its cache for k, which nobody wrote there"], Checker.Check([.. history, Op("r7", Deed.CacheRead, "k", 50, 51) with { Value = "v3" }], final));
    }

    /// <summary>A short history of everything, and the state that it leaves.</summary>
    private static (List<Operation> History, FinalState Final) Whole() => (
    [
        Op("w1", Deed.Create, "a", 10, 15) with { Revision = 1, Value = "w1" },
        Op("w2", Deed.Update, "a", 20, 25) with { Expected = 1, Revision = 2, Value = "w2" },
        Op("w3", Deed.Update, "a", 30, 35) with { Expected = 2, Revision = 3, Value = "w3" },
        Op("r3", Deed.Read, "a", 31, 37) with { Revision = 3, Value = "w3" },
        Op("b1", Deed.Create, "b", 10, 15) with { Revision = 1, Value = "b1" },
        Op("b2", Deed.Delete, "b", 20, 25) with { Expected = 1 },
        Op("b3", Deed.Read, "b", 22, 30),
        Op("e1", Deed.Publish, "c", 10, 12),
        Op("e2", Deed.Publish, "c", 10, 12) with { Outcome = Outcome.Failed, Answer = "422" },
        Op("e3", Deed.Publish, "c", 10, 12) with { Outcome = Outcome.Unknown },
        Op("t1", Deed.Enqueue, "work", 10, 12),
        Op("t2", Deed.EnqueueLoose, "loose", 10, 12),
        Op("j1", Deed.Post, "book", 10, 12),
        Op("v1", Deed.CacheWrite, "k", 10, 12) with { Value = "v1" },
        Op("v2", Deed.CacheWrite, "k", 20, 22) with { Value = "v2" },
        Op("s1", Deed.SignIn, "s", 900, 1000),
        Op("s2", Deed.Revoke, "s", 19_900, 20_000),
    ], new FinalState
    {
        Registers = new() { ["a"] = (3, "w3") },
        Effects = [("e1", "c")],
        Counters = new() { ["c"] = 1 },
        Jobs = ["t1"],
        LooseJobs = ["t2"],
        Journals = ["j1"],
        Ticks = ["noon", "one"],
    });

    private static Operation Op(string id, Deed deed, string key, int from, int to) => new() { Id = id, Deed = deed, Key = key, Node = "one", Invoked = At(from), Completed = At(to), Outcome = Outcome.Ok };

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static FinalState With(FinalState final, string key, (long, string) value) => final with { Registers = new(final.Registers) { [key] = value } };

    private static FinalState Without(FinalState final, string key) => final with { Registers = final.Registers.Where(r => r.Key != key).ToDictionary() };
}
