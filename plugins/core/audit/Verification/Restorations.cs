using System.Collections.Immutable;
using Nexus.Core.Audit.Anchors;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Verification;

/// <summary>
/// Takes an operator's word that the database was put back. For the tenant of the current call, while nothing is sealed:
/// 1. the database is sound in itself, for what was altered is no restoration;
/// 2. the first anchored seal that it does not have is found;
/// 3. the signed word goes into every anchor, and behind it the seals that the database has instead.
/// </summary>
internal sealed class Restorations(TrailStore store, Verifier verifier, Sealer sealer, SealKeys keys, ImmutableArray<IAnchor> anchors, TimeProvider time)
{
    /// <exception cref="RuleViolationException">There is nothing to acknowledge, or the database is not sound.</exception>
    public Task<Acknowledgement> AcknowledgeAsync(string reason, CancellationToken cancellationToken) => sealer.WhileStillAsync(() => AcknowledgeHeldAsync(reason, cancellationToken), cancellationToken);

    private async Task<Acknowledgement> AcknowledgeHeldAsync(string reason, CancellationToken cancellationToken)
    {
        var tenant = TrailStore.Tenant;
        var report = await verifier.RunAsync(null, cancellationToken, withAnchors: false);
        if (report.Finding is { } finding)
            throw new RuleViolationException($"Entry {finding.Position} is {finding.Kind.ToString().ToLowerInvariant()}: {finding.Detail}. Only a database that is sound in itself can have been put back; restore another backup.");
        var (anchored, _) = await verifier.ReadAnchorsAsync(tenant, keys.PublicKeys(), cancellationToken);
        var seals = await SealsAsync(cancellationToken);
        var from = anchored.Where(a => a.Key > seals.Count || !a.Value.Seal.Signed(tenant).AsSpan().SequenceEqual(seals[(int)a.Key - 1].Signed(tenant))).Select(a => a.Key).DefaultIfEmpty(0).Min();
        if (from == 0)
            throw new RuleViolationException("The trail has every seal that is anchored; there is nothing to acknowledge.");
        var through = anchored.Keys.Max();
        var word = new Acknowledgement(tenant, from, through, anchored[from].Seal.First, anchored[through].Seal.Last, TrailStore.Microseconds(time.GetUtcNow()), CallContext.Current.Caller.Id, reason, keys.Current);
        word = word with { Signature = keys.Sign(word.Signed()) };
        foreach (var anchor in anchors)
        {
            await anchor.AcknowledgeAsync(word, CancellationToken.None);
            foreach (var seal in seals.Skip((int)from - 1))
            {
                var batch = await store.FindBatchAsync(seal.Number, CancellationToken.None);
                await anchor.AppendAsync(new AnchoredSeal(tenant, seal, AnchoredSeal.MarksOf(batch?.Leaves() ?? [])), CancellationToken.None);
            }
        }

        return word;
    }

    private async Task<List<Seal>> SealsAsync(CancellationToken cancellationToken)
    {
        var seals = new List<Seal>();
        while (await store.SealsAsync(seals.Count, 1000, cancellationToken) is { IsEmpty: false } page)
            seals.AddRange(page);
        return seals;
    }
}
