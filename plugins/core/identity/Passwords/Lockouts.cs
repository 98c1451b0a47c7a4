using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Passwords;

/// <summary>
/// Counts wrong tries, for names that exist and names that do not alike, so that being locked says nothing about an account. A try is counted
/// when it begins: of a thousand tries sent at once no more are looked at than one after the other. Thread-safe; counts are in memory, bounded;
/// an account that is locked is so after a restart too.
/// </summary>
internal sealed class Lockouts(PasswordOptions options, TimeProvider time, LockStore? store = null) : IDisposable
{
    private const int Remembered = 100_000;
    private readonly Dictionary<Place, Entry> entries = [];
    private readonly Lock gate = new();
    private readonly SemaphoreSlim storing = new(1, 1);

    /// <summary>Number of names that are remembered.</summary>
    public int Count
    {
        get
        {
            lock (gate) return entries.Count;
        }
    }

    /// <summary>Reads what was locked in a tenant.</summary>
    public async Task LoadAsync(string tenant, CancellationToken cancellationToken)
    {
        foreach (var (who, since) in store is null ? [] : await store.LoadAsync(tenant, cancellationToken))
        {
            if (since + options.Lockout <= time.GetUtcNow()) continue;
            lock (gate) entries[who] = new Entry { Failures = options.Attempts, Last = since };
        }
    }

    /// <summary>Takes over a lock that another node set or opened, or, without its path, all that are set.</summary>
    public async Task FollowAsync(string tenant, string? path, CancellationToken cancellationToken)
    {
        await LoadAsync(tenant, cancellationToken);
        if (path is null || store is null || await store.IsLockedAsync(tenant, path, cancellationToken)) return;
        lock (gate)
        {
            foreach (var (who, _) in entries.Where(e => e.Key.Tenant == tenant && e.Value.Failures >= options.Attempts && path.EndsWith('/' + LockStore.NameOf(e.Key), StringComparison.Ordinal)).ToList())
                entries.Remove(who);
        }
    }

    /// <summary>Begins a try; <see cref="EndAsync"/> follows. Waits while so many tries are under way that one more could be one too many.</summary>
    /// <returns>Null when the try may be made, else when the account opens again.</returns>
    public async ValueTask<DateTimeOffset?> BeginAsync(Place who, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            lock (gate)
            {
                var entry = Find(who) ?? Add(who);
                if (entry.Failures >= options.Attempts) return entry.Last + options.Lockout;
                if (entry.Failures + entry.Running < options.Attempts)
                {
                    entry.Running++;
                    return null;
                }

                wait = (entry.Ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await wait.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Ends a try: null when it came to nothing (it was cancelled), else whether the password held. How many tries are left. A lock is durable when this returns.</summary>
    public async ValueTask<int> EndAsync(Place who, bool? held)
    {
        var left = End(who, held);
        if (held == false && left <= 0) await StoreAsync(who);
        return left;
    }

    private int End(Place who, bool? held)
    {
        lock (gate)
        {
            if (!entries.TryGetValue(who, out var entry)) return options.Attempts;
            entry.Running--;
            if (held == false)
            {
                entry.Failures++;
                entry.Last = time.GetUtcNow();
            }
            else if (held == true)
            {
                entry.Failures = 0;
            }

            entry.Ended?.TrySetResult();
            entry.Ended = null;
            if (entry is { Failures: 0, Running: 0 }) entries.Remove(who);
            return options.Attempts - entry.Failures;
        }
    }

    /// <summary>When a locked account opens again; null when it is not locked.</summary>
    public DateTimeOffset? LockedUntil(Place who)
    {
        lock (gate)
            return Find(who) is { } entry && entry.Failures >= options.Attempts ? entry.Last + options.Lockout : null;
    }

    /// <summary>Opens an account; false when no wrong try counted.</summary>
    public async ValueTask<bool> UnlockAsync(Place who)
    {
        bool locked;
        lock (gate)
        {
            if (!entries.TryGetValue(who, out var entry) || entry.Failures == 0) return false;
            locked = entry.Failures >= options.Attempts;
            entry.Failures = 0;
        }

        if (locked) await StoreAsync(who);
        return true;
    }

    /// <summary>Forgets locks whose time is over, here and where they are stored.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        lock (gate) ForgetOver();
        if (store is not null) await store.SweepAsync(cancellationToken);
    }

    public void Dispose() => storing.Dispose();

    // One after the other, and always what holds now: a lock and its opening that cross on their way leave what was last.
    private async Task StoreAsync(Place who)
    {
        if (store is null) return;
        await storing.WaitAsync();
        try
        {
            await store.SetAsync(who, LockedUntil(who) - options.Lockout, LockedUntil(who));
        }
        finally
        {
            storing.Release();
        }
    }

    private Entry? Find(Place who)
    {
        if (!entries.TryGetValue(who, out var entry)) return null;
        if (entry.Failures > 0 && entry.Last + options.Lockout <= time.GetUtcNow()) entry.Failures = 0;
        return entry;
    }

    private Entry Add(Place who)
    {
        if (entries.Count >= Remembered) Shrink();
        return entries[who] = new Entry();
    }

    // Those that count no longer first; when a flood of invented names fills the table, the oldest tenth: it costs the flood ten thousand tries to free one account of four.
    private void Shrink()
    {
        ForgetOver();
        if (entries.Count < Remembered) return;
        foreach (var (who, _) in entries.Where(e => e.Value.Running == 0).OrderBy(e => e.Value.Failures >= options.Attempts).ThenBy(e => e.Value.Last).Take(Remembered / 10).ToList()) entries.Remove(who);
    }

    private void ForgetOver()
    {
        var now = time.GetUtcNow();
        foreach (var (who, _) in entries.Where(e => e.Value.Running == 0 && e.Value.Last + options.Lockout <= now).ToList()) entries.Remove(who);
    }

    private sealed class Entry
    {
        public int Failures { get; set; }

        public int Running { get; set; }

        public DateTimeOffset Last { get; set; }

        public TaskCompletionSource? Ended { get; set; }
    }
}
