using System.Collections.Immutable;
using System.Globalization;
using System.IO.Enumeration;
using System.Text;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Search;

/// <summary>What is looked for; null takes any.</summary>
internal sealed record EntryFilter
{
    /// <summary>Id of the caller.</summary>
    public string? Actor { get; init; }

    /// <summary>Pattern of the action, with <c>*</c>.</summary>
    public string? Action { get; init; }

    /// <summary>Pattern of the subject, with <c>*</c>.</summary>
    public string? Subject { get; init; }

    /// <summary>Result.</summary>
    public AuditResult? Result { get; init; }

    /// <summary>Address of the caller.</summary>
    public string? Address { get; init; }

    /// <summary>Request id.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>From when, inclusive.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>To when, exclusive.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Text within the detail.</summary>
    public string? Text { get; init; }
}

/// <summary>Finds entries of the tenant of the current call: batches whose time and filter fit are read and looked through.</summary>
internal sealed class EntrySearch(TrailStore store)
{
    private const int LookUps = 64;

    /// <summary>A page, newest first, and the cursor of the next one.</summary>
    public async Task<(ImmutableArray<SealedEntry> Entries, string? Next)> PageAsync(EntryFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var before = cursor is null ? long.MaxValue : long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : throw new NexusException(ErrorCodes.CursorInvalid, "The cursor is not one of this list.");
        var plan = new Plan(filter);
        var found = ImmutableArray.CreateBuilder<SealedEntry>();
        for (var beyond = long.MaxValue; ;)
        {
            var candidates = await store.LookUpAsync(plan.Time, (0, before), (beyond, true), LookUps, cancellationToken);
            foreach (var seal in candidates.Where(c => plan.MayHold(c.Filter)).Select(c => c.Seal))
            {
                if (await store.FindBatchAsync(seal, cancellationToken) is not { } batch)
                    continue;
                for (var i = batch.Count - 1; i >= 0; i--)
                {
                    if (batch.First + i >= before || !plan.Fits(batch.Encoded(i).Span) || batch.Find(i) is not { } entry)
                        continue;
                    if (found.Count == limit)
                        return (found.ToImmutable(), found[^1].Position.ToString(CultureInfo.InvariantCulture));
                    found.Add(entry);
                }
            }

            if (candidates.Length < LookUps)
                return (found.ToImmutable(), null);
            beyond = candidates[^1].Seal;
        }
    }

    /// <summary>All that fit up to a position, oldest first, in pages.</summary>
    public async IAsyncEnumerable<List<SealedEntry>> AllAsync(EntryFilter filter, long through, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var plan = new Plan(filter);
        for (var beyond = 0L; ;)
        {
            var candidates = await store.LookUpAsync(plan.Time, (0, through + 1), (beyond, false), LookUps, cancellationToken);
            foreach (var seal in candidates.Where(c => plan.MayHold(c.Filter)).Select(c => c.Seal))
            {
                if (await store.FindBatchAsync(seal, cancellationToken) is { } batch)
                    yield return [.. Enumerable.Range(0, batch.Count).Where(i => batch.First + i <= through && plan.Fits(batch.Encoded(i).Span)).Select(batch.Find).OfType<SealedEntry>()];
            }

            if (candidates.Length < LookUps)
                yield break;
            beyond = candidates[^1].Seal;
        }
    }

    /// <summary>A filter made ready: exact values as bytes, patterns as texts.</summary>
    private sealed class Plan
    {
        private readonly List<(int Field, byte[] Value)> _exact = [];
        private readonly List<(int Field, string Pattern)> _patterns = [];
        private readonly AuditResult? _result;
        private readonly byte[]? _text;

        public Plan(EntryFilter filter)
        {
            Time = (filter.From is { } from ? TrailStore.Microseconds(from) : long.MinValue, filter.To is { } to ? TrailStore.Microseconds(to) : long.MaxValue);
            (_result, _text) = (filter.Result, filter.Text is { } text ? Encoding.UTF8.GetBytes(text) : null);
            Add(AuditEncoding.Actor, filter.Actor, pattern: false);
            Add(AuditEncoding.Address, filter.Address, pattern: false);
            Add(AuditEncoding.CorrelationId, filter.CorrelationId, pattern: false);
            Add(AuditEncoding.Action, filter.Action, pattern: true);
            Add(AuditEncoding.Subject, filter.Subject, pattern: true);
        }

        public (long From, long To) Time { get; }

        public bool MayHold(byte[] filter) => _exact.TrueForAll(e => Terms.MayHold(filter, e.Field, e.Value));

        public bool Fits(ReadOnlySpan<byte> encoded)
        {
            if (encoded.Length < 10)
                return false;
            var at = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(encoded[1..]);
            if (at < Time.From || at >= Time.To || (_result is { } result && encoded[9] != (byte)result))
                return false;
            foreach (var (field, value) in _exact)
            {
                if (!AuditEncoding.TextOf(encoded, field).SequenceEqual(value))
                    return false;
            }

            foreach (var (field, pattern) in _patterns)
            {
                if (!FileSystemName.MatchesSimpleExpression(pattern, Encoding.UTF8.GetString(AuditEncoding.TextOf(encoded, field)), ignoreCase: false))
                    return false;
            }

            return _text is null || AuditEncoding.TextOf(encoded, AuditEncoding.Detail).IndexOf(_text) >= 0;
        }

        // Only the star is a pattern; the other signs that the matcher knows stand for themselves.
        private void Add(int field, string? value, bool pattern)
        {
            if (value is null)
                return;
            if (pattern && value.Contains('*', StringComparison.Ordinal))
                _patterns.Add((field, value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("?", "\\?", StringComparison.Ordinal)));
            else
                _exact.Add((field, Encoding.UTF8.GetBytes(value)));
        }
    }
}
