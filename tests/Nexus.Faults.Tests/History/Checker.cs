namespace Nexus.Faults.Tests.History;

/// <summary>Whether a history and the state after it can be explained by a system that keeps its promises. Each violation is one sentence.</summary>
internal static class Checker
{
    /// <summary>A session that one node ended is over on all within a second; another one is for machines that are busy.</summary>
    public static readonly TimeSpan SessionsSettle = TimeSpan.FromSeconds(2);

    public static List<string> Check(IReadOnlyList<Operation> history, FinalState final) =>
    [
        .. history.Where(o => o.Deed is Deed.Create or Deed.Update or Deed.Delete or Deed.Read).GroupBy(o => o.Key).SelectMany(g => Registers.Check(g.Key, [.. g], final.Registers.TryGetValue(g.Key, out var state) ? state : null)),
        .. final.Registers.Keys.Except(history.Select(o => o.Key)).Select(key => $"register {key} was made by nobody"),
        .. Effects(history, Deed.Publish, "effect", final.Effects.Select(e => e.Operation), once: true),
        .. Counters(final),
        .. Effects(history, Deed.Enqueue, "task", final.Jobs, once: true),
        .. Effects(history, Deed.EnqueueLoose, "loose task", final.LooseJobs, once: false),
        .. Effects(history, Deed.Post, "journal", final.Journals, once: true),
        .. final.LedgerFindings.Select(f => $"the ledger finds {f}"),
        .. final.LedgerSum == 0 ? Array.Empty<string>() : [$"the balances of the ledger sum up to {final.LedgerSum}"],
        .. Cached(history, final),
        .. Sessions(history),
        .. final.Ticks.GroupBy(t => t).Where(g => g.Count() > 1).Select(g => $"the schedule fired {g.Count()} times for {g.Key}"),
    ];

    /// <summary>What was acknowledged is there once, what is unknown at most once, what was refused not at all.</summary>
    private static IEnumerable<string> Effects(IReadOnlyList<Operation> history, Deed deed, string what, IEnumerable<string> found, bool once)
    {
        var counts = found.GroupBy(f => f).ToDictionary(g => g.Key, g => g.Count());
        foreach (var operation in history.Where(o => o.Deed == deed))
        {
            counts.Remove(operation.Id, out var count);
            if (count == 0 && operation.Outcome == Outcome.Ok)
                yield return $"{what} {operation.Id} was acknowledged by {operation.Node} and is lost";
            if (count > 1 && once)
                yield return $"{what} {operation.Id} ({operation.Outcome}) is there {count} times";
            if (count > 0 && operation.Outcome == Outcome.Failed)
                yield return $"{what} {operation.Id} was refused with {operation.Answer} and is there";
        }

        foreach (var id in counts.Keys)
            yield return $"{what} {id} was asked for by nobody";
    }

    private static IEnumerable<string> Counters(FinalState final)
    {
        var effects = final.Effects.GroupBy(e => e.Counter).ToDictionary(g => g.Key, g => (long)g.Count());
        return effects.Keys.Union(final.Counters.Keys).Where(c => effects.GetValueOrDefault(c) != final.Counters.GetValueOrDefault(c)).Select(c => $"counter {c} is {final.Counters.GetValueOrDefault(c)} with {effects.GetValueOrDefault(c)} effects");
    }

    /// <summary>A cache may forget, but what it has was written to that key, and when all is quiet nothing that was overwritten.</summary>
    private static IEnumerable<string> Cached(IReadOnlyList<Operation> history, FinalState final)
    {
        var writes = history.Where(o => o.Deed == Deed.CacheWrite && o.Outcome != Outcome.Failed).ToLookup(o => o.Key);
        foreach (var read in history.Where(o => o.Deed == Deed.CacheRead && o is { Outcome: Outcome.Ok, Value: not null }))
        {
            if (!writes[read.Key].Any(w => w.Value == read.Value && w.Invoked <= read.Completed))
                yield return $"{read.Node} had {read.Value} in its cache for {read.Key}, which nobody wrote there";
        }

        foreach (var (node, key, value) in final.Cached)
        {
            var write = writes[key].FirstOrDefault(w => w.Value == value);
            if (write is null)
                yield return $"{node} has {value} in its cache for {key}, which nobody wrote there";
            else if (write.Outcome == Outcome.Ok && writes[key].FirstOrDefault(w => w.Outcome == Outcome.Ok && w.Invoked > write.Completed) is { } later)
                yield return $"{node} has {value} in its cache for {key}, which {later.Value} took the place of";
        }
    }

    /// <summary>A sign-in holds on every node until it is revoked, and on none after that.</summary>
    private static IEnumerable<string> Sessions(IReadOnlyList<Operation> history)
    {
        foreach (var session in history.Where(o => o.Deed is Deed.SignIn or Deed.Use or Deed.Revoke).GroupBy(o => o.Key))
        {
            var begun = session.FirstOrDefault(o => o is { Deed: Deed.SignIn, Outcome: Outcome.Ok })?.Completed;
            var asked = session.Where(o => o.Deed == Deed.Revoke && o.Outcome != Outcome.Failed).Select(o => (TimeSpan?)o.Invoked).Min();
            var revoked = session.Where(o => o is { Deed: Deed.Revoke, Outcome: Outcome.Ok }).Select(o => (TimeSpan?)o.Completed).Min();
            foreach (var use in session.Where(o => o.Deed == Deed.Use))
            {
                if (use.Outcome == Outcome.Ok && revoked is { } over && use.Invoked > over + SessionsSettle)
                    yield return $"{use.Node} took session {session.Key} {(use.Invoked - over).TotalSeconds:0.0} s after it was revoked";
                if (use.Outcome == Outcome.Failed && begun is { } since && use.Invoked > since && !(use.Completed > asked))
                    yield return $"{use.Node} refused session {session.Key} with {use.Answer} {(use.Invoked - since).TotalSeconds:0.0} s after its sign-in, and nobody revoked it";
            }
        }
    }
}
