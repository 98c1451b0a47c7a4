using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Caching;

/// <summary>
/// A shared level behind a guard: it has a short time for each answer, is left alone for a while after several failures, and never fails a caller. Removals that it could not be told are kept and told first when it answers again; until then nothing is read from it.
/// </summary>
internal sealed class SharedLevel(string name, ICacheLevel level, CacheOptions options, TimeProvider time, ILogger log)
{
    private const int FailuresToRest = 3;
    private const int MostOwed = 10_000;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly HashSet<string> owedKeys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> owedTags = new(StringComparer.Ordinal);
    private bool owesAll;
    private long hits;
    private long misses;
    private int failures;
    private long restsUntil = long.MinValue;

    public string Name => name;

    public long Hits => Interlocked.Read(ref hits);

    public long Misses => Interlocked.Read(ref misses);

    /// <summary>What is wrong with it, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Time of the last question about its state.</summary>
    public TimeSpan? Latency { get; private set; }

    /// <summary>There are removals that it does not know of.</summary>
    public bool IsBehind
    {
        get
        {
            lock (gate)
                return owesAll || owedKeys.Count > 0 || owedTags.Count > 0;
        }
    }

    /// <summary>Looks up; an answer without a record when it cannot tell.</summary>
    public async ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken)
    {
        if (IsBehind)
            return default;
        var (answered, answer) = await TryAsync(token => level.FindAsync(key, claim, token), cancellationToken);
        if (answered && answer.Record is { Life.Ticks: > 0 })
            Interlocked.Increment(ref hits);
        else
            Interlocked.Increment(ref misses);
        return answered ? answer : default;
    }

    /// <summary>Stores; null when it could not be reached.</summary>
    public async ValueTask<bool?> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken)
    {
        var (answered, stored) = await TryAsync(token => level.StoreAsync(key, record, claim, token), cancellationToken);
        if (!answered && claim is null)
            Owe(key);
        return answered ? stored : null;
    }

    /// <summary>The token of a tag; null when it could not be reached.</summary>
    public async ValueTask<(string Token, TimeSpan Age)?> FindTokenAsync(string tag, CancellationToken cancellationToken)
    {
        if (IsBehind)
            return null;
        var (answered, answer) = await TryAsync(token => level.FindAsync(TagKey(tag), TimeSpan.Zero, token), cancellationToken);
        if (!answered)
            return null;
        return answer.Record is { } record ? (Encoding.UTF8.GetString(record.Value.Span), record.Whole - record.Life) : ("", TimeSpan.MaxValue);
    }

    /// <summary>Gives a tag another token.</summary>
    public async ValueTask ChangeTokenAsync(string tag, string token, CancellationToken cancellationToken)
    {
        var (answered, _) = await TryAsync(cancel => level.StoreAsync(TagKey(tag), TokenRecord(token), null, cancel), cancellationToken);
        if (!answered)
        {
            lock (gate)
                owedTags[tag] = token;
        }
    }

    public async ValueTask<long> RemoveAsync(ImmutableArray<string> keys, string? pattern, CancellationToken cancellationToken)
    {
        var (answered, removed) = await TryAsync(token => level.RemoveAsync(new CacheRemoval(keys, pattern), token), cancellationToken, pattern is null ? 1 : 20);
        if (!answered)
        {
            foreach (var key in keys)
                Owe(key);
            if (pattern is not null)
                OweAll();
        }
        return removed;
    }

    public ValueTask<(bool Answered, long Value)> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken) =>
        TryAsync(token => level.AddAsync(key, by, life, token), cancellationToken);

    public async ValueTask<CacheLevelState?> LookAsync(CancellationToken cancellationToken)
    {
        var (answered, state) = await TryAsync(level.LookAsync, cancellationToken, evenAtRest: true);
        if (answered)
            Latency = state!.Latency;
        return answered ? state : null;
    }

    /// <summary>Tells the level what it missed.</summary>
    /// <returns>The removals that it knows now, for the other nodes; null when there were none, or it still does not answer.</returns>
    public async ValueTask<(ImmutableArray<string> Keys, ImmutableArray<CacheTag> Tags, bool All)?> CatchUpAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<string> keys;
        ImmutableArray<CacheTag> tags;
        bool all;
        lock (gate)
        {
            (keys, tags, all) = ([.. owedKeys], [.. owedTags.Select(t => new CacheTag(t.Key, t.Value))], owesAll);
        }
        if (keys.IsEmpty && tags.IsEmpty && !all)
            return null;
        var (answered, _) = await TryAsync(async token =>
        {
            if (all)
                await level.RemoveAsync(new CacheRemoval([], CacheKey.Prefix + "*"), token);
            else if (!keys.IsEmpty)
                await level.RemoveAsync(new CacheRemoval(keys), token);
            foreach (var tag in tags)
                await level.StoreAsync(TagKey(tag.Name), TokenRecord(tag.Token), null, token);
            return true;
        }, cancellationToken, 20);
        if (!answered)
            return null;
        lock (gate)
        {
            owedKeys.ExceptWith(keys);
            foreach (var tag in tags.Where(t => owedTags.TryGetValue(t.Name, out var still) && still == t.Token))
                owedTags.Remove(tag.Name);
            owesAll &= !all;
        }
        return (keys, tags, all);
    }

    private static string TagKey(string tag)
    {
        var part = CacheKey.Part(tag);
        if (part.Length > 400)
            part = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(tag)));
        return $"{CacheKey.Prefix}cache:~tag:{part}:token";
    }

    /// <summary>A token outlives every entry that could carry an older one.</summary>
    private CacheRecord TokenRecord(string token)
    {
        var life = TimeSpan.FromSeconds(options.MaxLifeSeconds + options.StaleSeconds + 3600);
        return new CacheRecord(Encoding.UTF8.GetBytes(token), life, life, TimeSpan.Zero, []);
    }

    private void Owe(string key)
    {
        lock (gate)
        {
            owedKeys.Add(key);
            if (owedKeys.Count <= MostOwed)
                return;
            owedKeys.Clear();
            owesAll = true;
        }
    }

    private void OweAll()
    {
        lock (gate)
            owesAll = true;
    }

    private async ValueTask<(bool Answered, T? Value)> TryAsync<T>(Func<CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken, double patience = 1, bool evenAtRest = false)
    {
        if (!evenAtRest && time.GetTimestamp() < Volatile.Read(ref restsUntil))
            return default;
        var limit = TimeSpan.FromSeconds(options.TimeoutSeconds * patience);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ending.CancelAfter(limit);
        try
        {
            var value = await call(ending.Token).AsTask().WaitAsync(limit, cancellationToken);
            Recover();
            return (true, value);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception)
        {
            Fail(exception is OperationCanceledException or TimeoutException ? $"No answer within {limit.TotalSeconds:0.###} s." : exception.Message);
            return default;
        }
    }

    private void Recover()
    {
        if (Failure is null)
            return;
        Interlocked.Exchange(ref failures, 0);
        Volatile.Write(ref restsUntil, long.MinValue);
        Failure = null;
        log.LogInformation("cache.recovered {Level}", name);
    }

    private void Fail(string reason)
    {
        if (Failure is null)
            log.LogWarning("cache.failing {Level}: {Reason}", name, reason);
        Failure = reason;
        if (Interlocked.Increment(ref failures) >= FailuresToRest)
            Volatile.Write(ref restsUntil, time.GetTimestamp() + (long)(Rest.TotalSeconds * time.TimestampFrequency));
    }
}
