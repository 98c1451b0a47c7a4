namespace Nexus.Faults.Tests.History;

/// <summary>
/// Linearizability of one register whose every change demands the revision before it. The revisions are the order, so it needs no search:
/// 1. each revision was made by one acknowledged change, or by one without an answer that demanded the revision before;
/// 2. what is read at a revision is what that change wrote;
/// 3. an operation that began after another had ended saw or made no earlier revision, and a change a later one;
/// 4. the last state has every acknowledged change, and every revision up to it is explained by 1.
/// </summary>
internal static class Registers
{
    public static IEnumerable<string> Check(string key, IReadOnlyList<Operation> operations, (long Revision, string Value)? final)
    {
        var made = operations.Where(o => o.Deed is Deed.Create or Deed.Update && o.Outcome == Outcome.Ok).ToLookup(o => o.Revision!.Value);
        var maybe = operations.Where(o => o.Deed is Deed.Create or Deed.Update && o.Outcome == Outcome.Unknown).ToLookup(o => o.Expected + 1);
        var deletes = operations.Where(o => o.Deed == Deed.Delete && o.Outcome != Outcome.Failed).ToArray();
        return
        [
            .. made.Where(g => g.Count() > 1).Select(g => $"register {key}: {g.Count()} changes were acknowledged as revision {g.Key}"),
            .. made.SelectMany(g => g).Where(o => o.Revision != o.Expected + 1).Select(o => $"register {key}: {o.Id} demanded revision {o.Expected} and made {o.Revision}"),
            .. Values(key, operations, made, maybe, final),
            .. Order(key, operations, deletes),
            .. Last(key, made, maybe, deletes, final),
        ];
    }

    private static IEnumerable<string> Values(string key, IReadOnlyList<Operation> operations, ILookup<long, Operation> made, ILookup<long, Operation> maybe, (long Revision, string Value)? final)
    {
        var reads = operations.Where(o => o is { Deed: Deed.Read, Outcome: Outcome.Ok, Revision: not null }).Select(o => (o.Node, Revision: o.Revision!.Value, o.Value, o.Completed));
        foreach (var (node, revision, value, completed) in final is { } last ? reads.Append(("the last state", last.Revision, last.Value, TimeSpan.MaxValue)) : reads)
        {
            var sources = made.Contains(revision) ? made[revision] : maybe[revision];
            if (!sources.Any(o => o.Value == value && o.Invoked <= completed))
                yield return $"register {key}: {node} has {value} at revision {revision}, where {(made.Contains(revision) ? $"{made[revision].First().Value} was acknowledged" : "nobody wrote it")}";
        }
    }

    private static IEnumerable<string> Order(string key, IReadOnlyList<Operation> operations, Operation[] deletes)
    {
        var seen = operations.Where(o => o.Outcome == Outcome.Ok).ToArray();
        var ended = seen.OrderBy(o => o.Completed).ToArray();
        // Where each stands is known when it begins: what a read found missing may have been there for others before it ended.
        var ranks = new Dictionary<Operation, long>(ReferenceEqualityComparer.Instance);
        var (next, latest, by) = (0, Operation.Before, "");
        foreach (var operation in seen.OrderBy(o => o.Invoked))
        {
            for (; next < ended.Length && ended[next].Completed < operation.Invoked; next++)
            {
                if (ranks[ended[next]] is var rank && rank > latest)
                    (latest, by) = (rank, ended[next].Id);
            }

            var own = ranks[operation] = Rank(operation, latest);
            if (operation.Deed == Deed.Read && operation.Revision is null && own == Operation.Deleted && !deletes.Any(d => d.Invoked <= operation.Completed))
                yield return $"register {key}: {operation.Node} does not have it although {by} had ended and nobody deleted it";
            else if (own < latest || own == latest && operation.Deed is Deed.Create or Deed.Update && own != Operation.Before)
                yield return $"register {key}: {operation.Id} ({operation.Deed} at {operation.Node}) is at revision {Text(own)} after {by} had ended at {Text(latest)}";
        }
    }

    /// <summary>Where in the order of revisions an operation stands; nothing found is the end of a register that was there before, or its time before the beginning.</summary>
    private static long Rank(Operation operation, long latest) => operation switch
    {
        { Deed: Deed.Delete } => Operation.Deleted,
        { Revision: { } revision } => revision,
        _ => latest == Operation.Before ? Operation.Before : Operation.Deleted,
    };

    private static IEnumerable<string> Last(string key, ILookup<long, Operation> made, ILookup<long, Operation> maybe, Operation[] deletes, (long Revision, string Value)? final)
    {
        var acknowledged = made.Select(g => g.Key).DefaultIfEmpty().Max();
        if (final is null)
        {
            if (acknowledged > 0 && deletes.Length == 0)
                yield return $"register {key}: acknowledged as revision {acknowledged}, and lost";
            yield break;
        }

        if (deletes.Any(d => d.Outcome == Outcome.Ok))
            yield return $"register {key}: its deletion was acknowledged, and it is there at revision {final.Value.Revision}";
        if (final.Value.Revision < acknowledged)
            yield return $"register {key}: acknowledged as revision {acknowledged}, and is {final.Value.Revision}";
        for (var revision = 1L; revision <= final.Value.Revision; revision++)
        {
            if (!made.Contains(revision) && !maybe.Contains(revision))
                yield return $"register {key}: revision {revision} of {final.Value.Revision} was made by nobody";
        }
    }

    private static string Text(long rank) => rank switch { Operation.Before => "none", Operation.Deleted => "deleted", _ => $"{rank}" };
}
