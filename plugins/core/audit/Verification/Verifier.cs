using System.Collections.Immutable;
using System.Diagnostics;
using Nexus.Core.Audit.Anchors;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Retention;

namespace Nexus.Core.Audit.Verification;

/// <summary>
/// Checks the trail of the tenant of the current call:
/// 1. the seals: numbers and runs without gaps, each naming the one before, each signed by a known key;
/// 2. the seals against the anchors: the same, none missing at the end;
/// 3. the entries of each seal, on all cores: hash of each, chain, root; of archived ones from their file;
/// 4. that nothing lies beyond the last seal.
/// The first finding by position is reported.
/// </summary>
internal sealed class Verifier(TrailStore store, Archives archives, SealKeys keys, ImmutableArray<IAnchor> anchors, TimeProvider time)
{
    /// <summary>Verifies the whole trail.</summary>
    /// <param name="progress">Told the number of entries checked, of how many.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <param name="withAnchors">Whether the anchors are asked too; without them only what the database says of itself is checked.</param>
    public async Task<VerificationReport> RunAsync(IProgress<(long Done, long All)>? progress, CancellationToken cancellationToken, bool withAnchors = true)
    {
        var started = time.GetTimestamp();
        var tenant = TrailStore.Tenant;
        var findings = new Findings();
        var (anchored, words) = withAnchors ? await ReadAnchorsAsync(tenant, keys.PublicKeys(), cancellationToken) : ([], []);
        var seals = await CheckSealsAsync(tenant, anchored, findings, cancellationToken);
        var archived = await archives.ListAsync(cancellationToken);
        var all = seals.Count == 0 ? 0 : seals[^1].Last;
        var (done, missing) = await CheckEntriesAsync(seals, anchored, archived, findings, n => progress?.Report((n, all)), cancellationToken);
        if (await store.LastBatchAsync(cancellationToken) > seals.Count)
            findings.Add(all + 1, 0, FindingKind.Inserted, "an entry lies beyond the last seal");
        if (anchored.Count > 0 && anchored.Keys.Max() is var newest && newest > seals.Count)
            findings.Add(all + 1, seals.Count + 1, FindingKind.Missing, $"the anchor knows seals up to {newest}, the database has {seals.Count}: entries {all + 1} to {anchored[newest].Seal.Last} are gone; if a backup was put back on purpose, say so with 'nexus audit acknowledge'");
        var unanchored = anchors.IsEmpty ? seals.Count : seals.Count(s => !anchored.ContainsKey(s.Number));
        return new VerificationReport(tenant, findings.Worst is null, done, seals.Count, archived.Sum(a => a.Last - a.First + 1), missing, unanchored, time.GetElapsedTime(started), findings.Worst) { Acknowledged = [.. words] };
    }

    /// <summary>The anchored seals that count, and the acknowledgements: a signed one takes back what was anchored before from its number on; an unsigned one says nothing.</summary>
    public async Task<(Dictionary<long, AnchoredSeal> Seals, List<Acknowledgement> Words)> ReadAnchorsAsync(string tenant, ImmutableDictionary<string, string> known, CancellationToken cancellationToken)
    {
        var words = new List<Acknowledgement>();
        // Of two lines about one seal the earlier one counts: what came later may be from a rewritten database.
        var anchored = new Dictionary<long, AnchoredSeal>();
        foreach (var anchor in anchors)
        {
            var own = new Dictionary<long, AnchoredSeal>();
            await foreach (var line in anchor.ReadAsync(tenant, cancellationToken))
            {
                if (line.Sealed is { } kept)
                    own.TryAdd(kept.Seal.Number, kept);
                else if (line.Acknowledged is { } word && SealKeys.Verifies(known, word.Key, word.Signed(), word.Signature))
                    TakeBack(own, words, word);
            }

            foreach (var (number, kept) in own)
                anchored.TryAdd(number, kept);
        }

        return (anchored, words);
    }

    private static void TakeBack(Dictionary<long, AnchoredSeal> own, List<Acknowledgement> words, Acknowledgement word)
    {
        foreach (var number in own.Keys.Where(n => n >= word.From).ToList())
            own.Remove(number);
        if (words.TrueForAll(w => !w.Signature.AsSpan().SequenceEqual(word.Signature)))
            words.Add(word);
    }

    private async Task<List<Seal>> CheckSealsAsync(string tenant, Dictionary<long, AnchoredSeal> anchored, Findings findings, CancellationToken cancellationToken)
    {
        var seals = new List<Seal>();
        var known = keys.PublicKeys();
        var (previous, next) = (new byte[Hashing.Size], 1L);
        while (await store.SealsAsync(seals.Count == 0 ? 0 : seals[^1].Number, 1000, cancellationToken) is { IsEmpty: false } page)
        {
            foreach (var seal in page)
            {
                if (seal.Number != seals.Count + 1)
                {
                    findings.Add(next, seals.Count + 1, FindingKind.Missing, $"seal {seals.Count + 1} is gone; the next one is {seal.Number}");
                    return seals;
                }

                if (seal.First != next || seal.Last < seal.First || seal.Count > Sealer.MaxBatch)
                {
                    findings.Add(next, seal.Number, FindingKind.Altered, $"seal {seal.Number} is about entries {seal.First} to {seal.Last}, but {next} is the next one");
                    return seals;
                }

                if (!seal.Previous.AsSpan().SequenceEqual(previous))
                    findings.AddSeal(seal, $"seal {seal.Number} names another seal before it");
                if (anchored.TryGetValue(seal.Number, out var kept) && !kept.Seal.Signed(tenant).AsSpan().SequenceEqual(seal.Signed(tenant)))
                    await ExplainAsync(seal, kept, $"seal {seal.Number} is not the one that was anchored", findings, cancellationToken);
                else if (!SealKeys.Verifies(known, seal.Key, seal.Signed(tenant), seal.Signature))
                    await ExplainAsync(seal, kept, known.ContainsKey(seal.Key) ? $"the signature of seal {seal.Number} does not fit it" : $"seal {seal.Number} is signed by the unknown key {seal.Key}", findings, cancellationToken);
                previous = seal.Digest(tenant);
                next = seal.Last + 1;
                seals.Add(seal);
            }
        }

        return seals;
    }

    /// <summary>A seal that was made anew: the marks of the anchor say from which entry on.</summary>
    private async Task ExplainAsync(Seal seal, AnchoredSeal? kept, string what, Findings findings, CancellationToken cancellationToken)
    {
        var first = kept?.Seal.First ?? seal.First;
        if (kept is null || !Comparison.WithMarks(await store.FindBatchAsync(seal.Number, cancellationToken), kept, findings, what))
            findings.AddSeal(seal, what);
    }

    private async Task<(long Done, long Unchecked)> CheckEntriesAsync(List<Seal> seals, Dictionary<long, AnchoredSeal> anchored, ImmutableArray<Archive> archived, Findings findings, Action<long> progress, CancellationToken cancellationToken)
    {
        var (done, missing) = (0L, 0L);
        foreach (var archive in archived)
        {
            if (!archives.Exists(archive))
            {
                missing += archive.Last - archive.First + 1;
                continue;
            }

            await foreach (var (seal, batch) in archives.ReadAsync(archive, seals, cancellationToken))
            {
                Comparison.WithSeal(batch, seal, BeforeOf(seals, seal), anchored.GetValueOrDefault(seal.Number), findings);
                progress(done += batch.Count);
            }
        }

        var kept = archived.IsEmpty ? 0 : archived[^1].LastSeal;
        var context = CallContext.Current;
        await Parallel.ForEachAsync(seals.Where(s => s.Number > kept), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken }, async (seal, cancel) =>
        {
            // A finding before this seal is the first one whatever lies here.
            if (findings.First is { } found && found.Position < seal.First)
                return;
            CallContext.Current = context;
            var stored = await store.FindBatchWithTermsAsync(seal.Number, cancel);
            Comparison.WithSeal(stored?.Batch, seal, BeforeOf(seals, seal), anchored.GetValueOrDefault(seal.Number), findings);
            if (stored is { } row && !IsIndexed(row, seal))
                findings.AddSeal(seal, $"what helps to find the entries of seal {seal.Number} does not fit them: a search may miss them");
            progress(Interlocked.Add(ref done, stored?.Batch.Count ?? 0));
        });
        return (done, missing);
    }

    private static bool IsIndexed((Batch Batch, Terms Terms, long Last) row, Seal seal)
    {
        var terms = Terms.Of(row.Batch);
        return row.Batch.First == seal.First && row.Last == seal.Last && row.Terms.Earliest == terms.Earliest && row.Terms.Latest == terms.Latest && row.Terms.Filter.AsSpan().SequenceEqual(terms.Filter);
    }

    private static byte[] BeforeOf(List<Seal> seals, Seal seal) => seal.Number == 1 ? Hashing.Genesis(TrailStore.Tenant) : seals[(int)seal.Number - 2].Chain;
}

/// <summary>What is wrong with an entry.</summary>
internal enum FindingKind
{
    /// <summary>It is not what was sealed.</summary>
    Altered,

    /// <summary>It is gone.</summary>
    Missing,

    /// <summary>It was not sealed.</summary>
    Inserted,

    /// <summary>It lies where another one was sealed.</summary>
    Reordered,
}

/// <summary>The first thing that is wrong.</summary>
internal sealed record Finding(long Position, long Seal, FindingKind Kind, string Detail);

/// <summary>Result of a verification.</summary>
internal sealed record VerificationReport(string Tenant, bool Sound, long Entries, long Seals, long Archived, long ArchivedElsewhere, long Unanchored, TimeSpan Elapsed, Finding? Finding)
{
    /// <summary>Restorations that an operator acknowledged, oldest first.</summary>
    public ImmutableArray<Acknowledgement> Acknowledged { get; init; } = [];
}

/// <summary>Keeps the finding of the lowest position. Thread-safe.</summary>
internal sealed class Findings
{
    private readonly Lock _gate = new();

    private Finding? _seal;

    /// <summary>The first entry that is not as sealed.</summary>
    public Finding? First { get; private set; }

    /// <summary>The first entry that is not as sealed; when all are, the first seal that is not as made.</summary>
    public Finding? Worst => First ?? _seal;

    /// <summary>Adds a seal that is not as made, while nothing says so of an entry under it.</summary>
    public void AddSeal(Seal seal, string detail)
    {
        lock (_gate)
        {
            if (_seal is null || seal.First < _seal.Position)
                _seal = new Finding(seal.First, seal.Number, FindingKind.Altered, detail);
        }
    }

    /// <summary>Adds one; of two at a place the first stays.</summary>
    public void Add(long position, long seal, FindingKind kind, string detail)
    {
        lock (_gate)
        {
            if (First is null || position < First.Position)
                First = new Finding(position, seal, kind, detail);
        }
    }
}
