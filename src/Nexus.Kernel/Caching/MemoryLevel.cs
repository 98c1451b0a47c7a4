using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.IO.Enumeration;

namespace Nexus.Kernel.Caching;

/// <summary>
/// The nearest level: entries in this process, bounded in number and bytes, over all and for each owner. Readers take no lock. What gives way is the worst of a sample of 16, which needs no list that every hit would have to reorder.
/// </summary>
internal sealed class MemoryLevel(CacheOptions options, Func<string, long?> quotaOf)
{
    private const int Sample = 16;

    private readonly ConcurrentDictionary<string, MemoryEntry> entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<MemoryEntry>> tagged = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Account> accounts = new(StringComparer.Ordinal);
    private readonly List<MemoryEntry> all = [];
    private readonly Lock gate = new();
    private long bytes;
    private long evictions;

    public int Count => all.Count;

    public long Bytes => Interlocked.Read(ref bytes);

    public long Evictions => Interlocked.Read(ref evictions);

    /// <summary>Finds an entry, whatever its age.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out MemoryEntry? entry) => entries.TryGetValue(key, out entry);

    /// <summary>Puts an entry in the place of what was there, unless it is too large; others give way as needed.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="stillHolds">Asked under the lock of removals: whether nothing it was made of was removed meanwhile.</param>
    /// <param name="now">Stamp of now.</param>
    public void Keep(MemoryEntry entry, Func<bool>? stillHolds, long now)
    {
        lock (gate)
        {
            if (stillHolds is not null && !stillHolds())
                return;
            if (entries.TryGetValue(entry.Key, out var before))
                Drop(before);
            if (entry.Value.Length > options.MaxEntryBytes || entry.Size > options.MaxBytes)
                return;
            var account = AccountOf(entry.Owner);
            if (account.Most is { } most)
            {
                if (entry.Size > most)
                    return;
                while (account.Bytes + entry.Size > most)
                    Evict(account.Entries, now);
            }
            while (all.Count >= options.MaxEntries || bytes + entry.Size > options.MaxBytes)
                Evict(all, now);
            Add(entry, account);
        }
    }

    /// <summary>Removes entries by key.</summary>
    /// <returns>How many there were.</returns>
    public long Remove(IEnumerable<string> keys)
    {
        long removed = 0;
        lock (gate)
        {
            foreach (var key in keys)
            {
                if (entries.TryGetValue(key, out var entry))
                {
                    Drop(entry);
                    removed++;
                }
            }
        }
        return removed;
    }

    /// <summary>Removes entries that have a tag.</summary>
    /// <returns>Their keys.</returns>
    public ImmutableArray<string> RemoveTagged(string tag)
    {
        lock (gate)
        {
            if (!tagged.TryGetValue(tag, out var ones))
                return [];
            var left = ones.ToArray();
            foreach (var entry in left)
                Drop(entry);
            return [.. left.Select(e => e.Key)];
        }
    }

    /// <summary>Removes entries whose keys match.</summary>
    public long RemoveMatching(string pattern) => Remove(entries.Keys.Where(key => FileSystemName.MatchesSimpleExpression(pattern, key, ignoreCase: false)).ToArray());

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        lock (gate)
        {
            foreach (var entry in all.ToArray())
                Drop(entry);
        }
    }

    /// <summary>Removes what is past its end, a part at a time so that readers that miss do not wait long.</summary>
    public void Sweep(long now)
    {
        for (var from = 0; ; from += 1000)
        {
            lock (gate)
            {
                if (from >= all.Count)
                    return;
                foreach (var entry in all.Skip(from).Take(1000).Where(e => e.StaleUntil <= now).ToArray())
                    Drop(entry);
            }
        }
    }

    /// <summary>Adds to a number under the lock of writers.</summary>
    public long Add(string key, Func<MemoryEntry?, (MemoryEntry Next, long Value)> next, long now)
    {
        lock (gate)
        {
            entries.TryGetValue(key, out var before);
            var (entry, value) = next(before is { } known && known.FreshUntil > now ? known : null);
            Keep(entry, null, now);
            return value;
        }
    }

    /// <summary>Runs under the lock of removals, so that nothing is kept between the removal and what it must be known by.</summary>
    public T Exclusive<T>(Func<T> work)
    {
        lock (gate)
            return work();
    }

    private Account AccountOf(string owner)
    {
        if (!accounts.TryGetValue(owner, out var account))
            accounts[owner] = account = new Account(quotaOf(owner));
        return account;
    }

    private void Add(MemoryEntry entry, Account account)
    {
        entries[entry.Key] = entry;
        entry.Index = all.Count;
        all.Add(entry);
        entry.OwnIndex = account.Entries.Count;
        account.Entries.Add(entry);
        account.Bytes += entry.Size;
        bytes += entry.Size;
        foreach (var tag in entry.Tags)
        {
            if (!tagged.TryGetValue(tag.Name, out var ones))
                tagged[tag.Name] = ones = [];
            ones.Add(entry);
        }
    }

    private void Drop(MemoryEntry entry)
    {
        if (entry.Index < 0)
            return;
        entries.TryRemove(new KeyValuePair<string, MemoryEntry>(entry.Key, entry));
        var account = accounts[entry.Owner];
        all[^1].Index = entry.Index;
        all[entry.Index] = all[^1];
        all.RemoveAt(all.Count - 1);
        account.Entries[^1].OwnIndex = entry.OwnIndex;
        account.Entries[entry.OwnIndex] = account.Entries[^1];
        account.Entries.RemoveAt(account.Entries.Count - 1);
        entry.Index = entry.OwnIndex = -1;
        account.Bytes -= entry.Size;
        bytes -= entry.Size;
        foreach (var tag in entry.Tags)
        {
            if (tagged.TryGetValue(tag.Name, out var ones) && ones.Remove(entry) && ones.Count == 0)
                tagged.Remove(tag.Name);
        }
    }

    private void Evict(List<MemoryEntry> among, long now)
    {
        var worst = among[0];
        // Of few all are looked at, so that small caches are exact.
        var (from, looks) = among.Count <= Sample ? (0, among.Count) : (Random.Shared.Next(among.Count), Sample);
        for (var i = 0; i < looks; i++)
        {
            var one = among[among.Count <= Sample ? i : (from = Random.Shared.Next(among.Count))];
            if (IsWorse(one, worst, now))
                worst = one;
        }
        Drop(worst);
        evictions++;
    }

    private bool IsWorse(MemoryEntry one, MemoryEntry other, long now)
    {
        if (one.StaleUntil <= now != other.StaleUntil <= now)
            return one.StaleUntil <= now;
        return options.Eviction switch
        {
            CacheEviction.Ttl => one.StaleUntil < other.StaleUntil,
            CacheEviction.Lfu when one.Uses != other.Uses => one.Uses < other.Uses,
            _ => one.UsedAt < other.UsedAt,
        };
    }

    /// <summary>What one owner has.</summary>
    private sealed class Account(long? most)
    {
        public List<MemoryEntry> Entries { get; } = [];

        public long? Most { get; } = most;

        public long Bytes { get; set; }
    }
}
