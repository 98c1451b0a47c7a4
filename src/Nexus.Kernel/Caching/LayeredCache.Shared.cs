using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Caching;

/// <summary>The part that meets other nodes: shared levels, removals, notices.</summary>
internal sealed partial class LayeredCache
{
    private static readonly TimeSpan MostWait = TimeSpan.FromMilliseconds(100);
    private readonly Lock sending = new();
    private readonly Dictionary<string, string> unsentTags = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> beingTold = new(StringComparer.Ordinal);
    private bool isSending;

    /// <summary>Takes up the shared levels, nearest first, and the messages between nodes.</summary>
    public void Attach(IEnumerable<SharedLevel> levels, IBroadcast? messages)
    {
        shared = [.. levels];
        broadcast = messages;
        if (messages is null)
            Connected(true);
        Forget();
    }

    /// <summary>Says whether the others are heard from now on. After a silence everything in memory may be outdated.</summary>
    public void Connected(bool heard)
    {
        if (heard)
        {
            if (Interlocked.Exchange(ref isolatedSince, long.MaxValue) == long.MaxValue)
                return;
            Volatile.Write(ref isolatedUntil, long.MaxValue);
            Forget();
            return;
        }
        var now = time.GetTimestamp();
        if (Interlocked.CompareExchange(ref isolatedSince, now, long.MaxValue) == long.MaxValue)
            Volatile.Write(ref isolatedUntil, now + Stamps(TimeSpan.FromSeconds(options.IsolatedSeconds)));
    }

    /// <summary>Does what another node asks for.</summary>
    public void Receive(ReadOnlyMemory<byte> message)
    {
        if (CacheNotice.Read(message) is not { } notice || notice.Node == node)
            return;
        foreach (var key in notice.Keys)
            Overtake(key);
        memory.Remove(notice.Keys);
        foreach (var tag in notice.Tags)
            RemoveTagged(tag.Name, tag.Token);
        if (notice.Pattern is { } pattern)
            RemoveMatching(pattern);
    }

    /// <summary>Removes entries by key, everywhere.</summary>
    public async ValueTask<long> RemoveKeysAsync(ImmutableArray<string> keys, CancellationToken cancellationToken)
    {
        if (keys.IsEmpty)
            return 0;
        foreach (var key in keys)
            Overtake(key);
        var removed = memory.Remove(keys);
        foreach (var level in shared)
            removed = Math.Max(removed, await level.RemoveAsync(keys, null, cancellationToken));
        // Again: a reader of this node may have found the old value before the shared level had forgotten it, and put it back, or be about to.
        foreach (var key in keys)
            Overtake(key);
        memory.Remove(keys);
        await TellAsync(new CacheNotice(node) { Keys = keys }, cancellationToken);
        return removed;
    }

    /// <summary>Removes entries by tag, everywhere.</summary>
    public async ValueTask<long> RemoveTagsAsync(ImmutableArray<string> tags, CancellationToken cancellationToken)
    {
        if (tags.IsEmpty)
            return 0;
        long removed = 0;
        var changed = tags.Select(t => new CacheTag(t, Guid.NewGuid().ToString("N"))).ToImmutableArray();
        Announce(tags, 1);
        try
        {
            foreach (var tag in changed)
                removed += RemoveTagged(tag.Name, tag.Token);
            foreach (var level in shared)
            {
                foreach (var tag in changed)
                    await level.ChangeTokenAsync(tag.Name, tag.Token, cancellationToken);
            }
        }
        finally
        {
            Announce(tags, -1);
        }
        TagsRemoved?.Invoke(tags);
        await TellAsync(new CacheNotice(node) { Tags = changed }, cancellationToken);
        return removed;
    }

    /// <summary>Removes entries by pattern, everywhere.</summary>
    public async ValueTask<long> RemoveMatchingAsync(string pattern, CancellationToken cancellationToken)
    {
        var removed = RemoveMatching(pattern);
        foreach (var level in shared)
            removed = Math.Max(removed, await level.RemoveAsync([], pattern, cancellationToken));
        memory.RemoveMatching(pattern);
        await TellAsync(new CacheNotice(node) { Pattern = pattern }, cancellationToken);
        return removed;
    }

    /// <summary>Removes by tag without a wait: here at once, elsewhere as soon as the others can be told. Of several removals of one tag meanwhile only the last is told.</summary>
    public void RemoveTagSoon(string tag)
    {
        var token = Guid.NewGuid().ToString("N");
        var isAlone = shared.Length == 0 && broadcast is null;
        lock (sending)
        {
            if (!isAlone)
                unsentTags[tag] = token;
        }
        RemoveTagged(tag, token);
        TagsRemoved?.Invoke([tag]);
        if (isAlone)
            return;
        lock (sending)
        {
            if (isSending)
                return;
            isSending = true;
        }
        _ = Task.Run(SendTagsAsync);
    }

    /// <summary>What is due every moment: removals that a level missed.</summary>
    public async ValueTask CatchUpAsync(CancellationToken cancellationToken)
    {
        foreach (var level in shared)
        {
            if (await level.CatchUpAsync(cancellationToken) is not { } told)
                continue;
            log.LogInformation("cache.caughtup {Level}: {Keys} keys, {Tags} tags", level.Name, told.Keys.Length, told.Tags.Length);
            await TellAsync(new CacheNotice(node) { Keys = told.Keys, Tags = told.Tags, Pattern = told.All ? CacheKey.Prefix + "*" : null }, cancellationToken);
        }
    }

    private async Task SendTagsAsync()
    {
        while (true)
        {
            ImmutableArray<CacheTag> tags;
            lock (sending)
            {
                if (unsentTags.Count == 0)
                {
                    isSending = false;
                    return;
                }
                tags = [.. unsentTags.Select(t => new CacheTag(t.Key, t.Value))];
                Announce(tags.Select(t => t.Name), 1);
                unsentTags.Clear();
            }
            foreach (var level in shared)
                await Task.WhenAll(tags.Select(t => level.ChangeTokenAsync(t.Name, t.Token, CancellationToken.None).AsTask()));
            Announce(tags.Select(t => t.Name), -1);
            await TellAsync(new CacheNotice(node) { Tags = tags }, CancellationToken.None);
        }
    }

    /// <summary>Counts the removals of a tag that shared levels are being told of: until they know, their word about its token is outdated.</summary>
    private void Announce(IEnumerable<string> tags, int by)
    {
        lock (sending)
        {
            foreach (var tag in tags)
            {
                if (by > 0)
                    beingTold[tag] = beingTold.GetValueOrDefault(tag) + 1;
                else if (--beingTold[tag] == 0)
                    beingTold.Remove(tag);
            }
        }
    }

    private bool IsBeingTold(string tag)
    {
        lock (sending)
            return unsentTags.ContainsKey(tag) || beingTold.ContainsKey(tag);
    }

    private long RemoveTagged(string tag, string token) => memory.Exclusive(() =>
    {
        tokens.Change(tag, token);
        return (long)memory.RemoveTagged(tag).Length;
    });

    private long RemoveMatching(string pattern)
    {
        foreach (var key in flights.Keys.Concat(lookUps.Keys).Where(k => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, k, ignoreCase: false)))
            Overtake(key);
        return memory.RemoveMatching(pattern);
    }

    private void Overtake(string key)
    {
        if (lookUps.TryGetValue(key, out var lookUp))
            lookUp.Overtake();
        if (flights.TryGetValue(key, out var flight))
        {
            flight.Overtake();
            // Who asks from now on starts anew.
            flights.TryRemove(new KeyValuePair<string, Flight>(key, flight));
        }
    }

    private void Forget()
    {
        foreach (var key in flights.Keys.Concat(lookUps.Keys))
            Overtake(key);
        memory.Exclusive(() =>
        {
            tokens.Forget();
            memory.Clear();
            return true;
        });
    }

    private async ValueTask TellAsync(CacheNotice notice, CancellationToken cancellationToken)
    {
        if (broadcast is not { } messages)
            return;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
            await messages.PublishAsync(CacheNotice.Channel, notice.Write(), limit.Token);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The others lost the connection as well, and forget all they have when they hear again.
            log.LogDebug("cache.untold {Reason}", exception.Message);
        }
    }

    /// <summary>Waits for the value of a node that loads it, as long as its claim may last.</summary>
    private async ValueTask<Found> AwaitSharedAsync(Flight flight, CacheCall call, bool renews)
    {
        var claim = renews ? TimeSpan.Zero : TimeSpan.FromSeconds(options.ClaimSeconds);
        var begun = time.GetTimestamp();
        var wait = TimeSpan.FromMilliseconds(10);
        while (true)
        {
            var found = await LookUpAsync(flight, call, claim, flight.Abandoned);
            if (!found.IsClaimed || found.Record is { Life.Ticks: > 0 } || StaleValue(flight, found.Record) is not null || time.GetElapsedTime(begun) > claim)
                return found;
            await Task.Delay(wait, time, flight.Abandoned);
            wait = wait * 2 < MostWait ? wait * 2 : MostWait;
        }
    }

    /// <summary>Asks the levels in order; what a farther one has is put into the nearer ones.</summary>
    private async ValueTask<Found> LookUpAsync(Flight? flight, CacheCall call, TimeSpan claim, CancellationToken cancellationToken)
    {
        var levels = shared;
        var first = default(CacheAnswer);
        CacheRecord? stale = null;
        for (var i = 0; i < levels.Length; i++)
        {
            var answer = await levels[i].FindAsync(call.Key, i == 0 ? claim : TimeSpan.Zero, cancellationToken);
            if (i == 0)
                first = answer;
            if (answer.Record is not { } record || !await HasItsTagsAsync(record, levels[i], cancellationToken))
                continue;
            if (record.Life <= TimeSpan.Zero)
            {
                stale ??= record;
                continue;
            }
            if (flight is null || flight.IsOvertaken)
                return new Found(record, levels[i].Name, null, false);
            for (var nearer = 0; nearer < i; nearer++)
                await levels[nearer].StoreAsync(call.Key, record, nearer == 0 ? first.Claim : null, cancellationToken);
            if (call.UsesMemory)
                Keep(call, record.Value, new Span(record.Life, record.Whole, record.Stale), record.Tags, () => !flight.IsOvertaken && AreUnchanged(record.Tags, flight.StartedAt));
            return new Found(record, levels[i].Name, null, false);
        }
        // An entry whose tag was removed is still fresh for the level: the claim on it is taken by removing it.
        if (first is { Record.Life.Ticks: > 0, Claim: null } && claim > TimeSpan.Zero && levels.Length > 0)
        {
            await levels[0].RemoveAsync([call.Key], null, cancellationToken);
            first = await levels[0].FindAsync(call.Key, claim, cancellationToken);
        }
        return new Found(stale, null, first.Claim, first.IsClaimed);
    }

    /// <summary>Whether no tag of an entry was removed since it was loaded. A token that this node does not know, or knows otherwise, is asked for.</summary>
    private async ValueTask<bool> HasItsTagsAsync(CacheRecord record, SharedLevel level, CancellationToken cancellationToken)
    {
        foreach (var tag in record.Tags)
        {
            var (known, asked) = memory.Exclusive(() => (tokens.Find(tag.Name), tokens.Now));
            if (known == tag.Token)
                continue;
            if (IsBeingTold(tag.Name) || await level.FindTokenAsync(tag.Name, cancellationToken) is not { } current)
                return false;
            // Removed here or told of by another node since it was asked for: the answer is of before.
            var isCurrent = memory.Exclusive(() =>
            {
                if (!tokens.IsUnchanged(tag.Name, asked))
                    return false;
                tokens.Learn(tag.Name, current.Token);
                return true;
            });
            if (!isCurrent || current.Token != tag.Token)
                return false;
        }
        return true;
    }

    /// <summary>The tags of a new entry with their tokens; null when one was removed since the load began.</summary>
    private async ValueTask<ImmutableArray<CacheTag>?> TagsOfAsync(CacheCall call, ImmutableArray<string> loaded, long began, TimeSpan took, CancellationToken cancellationToken)
    {
        if (call.Rules.Tags.IsDefaultOrEmpty && loaded.IsDefaultOrEmpty)
            return [];
        var names = (call.Rules.Tags.IsDefault ? [] : call.Rules.Tags).Concat(loaded.IsDefault ? [] : call.Space is { } space ? loaded.Select(space.NameOf()) : loaded).Distinct(StringComparer.Ordinal);
        var tags = ImmutableArray.CreateBuilder<CacheTag>();
        foreach (var one in names)
        {
            if (memory.Exclusive(() => tokens.IsUnchanged(one, began) ? tokens.Find(one) ?? "?" : null) is not { } token)
                return null;
            if (token == "?" && call.UsesShared && shared is [var level, ..] && await level.FindTokenAsync(one, cancellationToken) is { } current)
            {
                memory.Exclusive(() =>
                {
                    tokens.Learn(one, current.Token);
                    return true;
                });
                // Removed on another node while this one loaded, and the notice is still on its way.
                if (took > TimeSpan.Zero && current.Age <= took + TimeSpan.FromMilliseconds(100))
                    return null;
                token = current.Token;
            }
            tags.Add(new CacheTag(one, token == "?" ? "" : token));
        }
        return tags.DrainToImmutable();
    }

    private bool AreUnchanged(ImmutableArray<CacheTag> tags, long since)
    {
        foreach (var tag in tags)
        {
            if (!tokens.IsUnchanged(tag.Name, since))
                return false;
        }
        return true;
    }

    /// <summary>What the shared levels said.</summary>
    private readonly record struct Found(CacheRecord? Record, string? Level, string? Claim, bool IsClaimed);
}
