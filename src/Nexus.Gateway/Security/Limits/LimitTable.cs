using System.Runtime.CompilerServices;

namespace Nexus.Gateway.Security.Limits;

/// <summary>A rate: a bucket of so many requests that fills again in a window, or so many requests within one. Made once and kept, with the texts that headers have of it.</summary>
internal sealed class Rate
{
    public Rate(int requests, TimeSpan window)
    {
        Requests = Math.Max(1, requests);
        Window = window;
        Text = LimitNotice.Text(Requests);
        Policy = $"{Text};w={LimitNotice.Seconds(window)}";
    }

    public int Requests { get; }

    public TimeSpan Window { get; }

    /// <summary>The number of requests.</summary>
    public string Text { get; }

    /// <summary>The number of requests with the window.</summary>
    public string Policy { get; }
}

/// <summary>What a table said to one request.</summary>
/// <param name="Allowed">It may go on.</param>
/// <param name="Remaining">Requests that may follow at once.</param>
/// <param name="Wait">How long to wait: before going on when allowed, before trying again when not.</param>
/// <param name="Reset">Time until all is as if there had been no request.</param>
internal readonly record struct Verdict(bool Allowed, int Remaining, TimeSpan Wait, TimeSpan Reset);

/// <summary>
/// Counts requests by key within a fixed amount of memory, whatever the number of keys. A token bucket is kept as one number, the time at which it is
/// full again (the generic cell rate algorithm): an entry whose time has passed says the same as none, so that idle keys cost no sweep and make
/// room by themselves. Sets of eight entries are found by the key's hash; when all eight are in use, the one that is full again first gives way, which
/// forgives its key at most one bucket. Keys are mixed with a secret of the process, so that nobody can aim at a set. Safe for concurrent use.
/// </summary>
internal sealed class LimitTable
{
    private const int Ways = 8;
    private static readonly ulong Secret = (ulong)Random.Shared.NextInt64() | 1;
    private readonly int length;
    private readonly Lock[] stripes = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];
    private readonly int mask;
    private readonly TimeProvider time;
    private readonly double ticksPerClock;
    private Slot[]? made;

    /// <summary>Makes a table.</summary>
    /// <param name="sets">Sets of eight entries of 24 bytes; a power of two.</param>
    /// <param name="time">The clock.</param>
    public LimitTable(int sets, TimeProvider time)
    {
        length = sets * Ways;
        mask = sets - 1;
        this.time = time;
        ticksPerClock = (double)TimeSpan.TicksPerSecond / time.TimestampFrequency;
    }

    /// <summary>Bytes that the table takes from its first use on, and never more.</summary>
    public long Bytes => (long)length * Unsafe.SizeOf<Slot>();

    private Slot[] Slots => Volatile.Read(ref made) ?? Interlocked.CompareExchange(ref made, new Slot[length], null) ?? made;

    /// <summary>A key of a number and a text.</summary>
    public static ulong Mix(ulong number, string text) => Scatter(number ^ Secret) + Mix(text);

    /// <summary>A key of a text.</summary>
    public static ulong Mix(string text)
    {
        // The framework's hash is seeded by the process; the second half makes collisions of two texts a matter of 2^-64.
        var second = 0xcbf29ce484222325UL ^ Secret;
        foreach (var c in text)
            second = (second ^ c) * 0x100000001b3UL;
        return ((ulong)(uint)text.GetHashCode(StringComparison.Ordinal) << 32) ^ Scatter(second);
    }

    /// <summary>Takes a request out of a token bucket.</summary>
    /// <param name="key">Whose bucket.</param>
    /// <param name="rate">Its size; may differ from call to call.</param>
    /// <param name="patience">How long the request may be made to wait for its token; the answer then tells how long.</param>
    public Verdict Take(ulong key, Rate rate, TimeSpan patience = default)
    {
        var now = Now();
        var window = rate.Window.Ticks;
        var period = Math.Max(1, window / rate.Requests);
        lock (StripeOf(key, out var set))
        {
            ref var slot = ref Find(key, set, now);
            var full = Math.Max(slot.Until, now) + period;
            var wait = full - now - window;
            if (wait > patience.Ticks)
                return new Verdict(false, 0, TimeSpan.FromTicks(wait), TimeSpan.FromTicks(full - period - now));
            slot.Until = full;
            return new Verdict(true, wait > 0 ? 0 : (int)((window - (full - now)) / period), TimeSpan.FromTicks(Math.Max(0, wait)), TimeSpan.FromTicks(full - now));
        }
    }

    /// <summary>Counts a request within a window that begins with its first request.</summary>
    public Verdict Count(ulong key, Rate rate)
    {
        var now = Now();
        lock (StripeOf(key, out var set))
        {
            ref var slot = ref Find(key, set, now);
            if (slot.Until <= now)
                (slot.Until, slot.Count) = (now + rate.Window.Ticks, 0);
            var left = TimeSpan.FromTicks(slot.Until - now);
            if (slot.Count >= rate.Requests)
                return new Verdict(false, 0, left, left);
            slot.Count++;
            return new Verdict(true, rate.Requests - slot.Count, TimeSpan.Zero, left);
        }
    }

    /// <summary>Requests that <see cref="Count"/> has counted in the current window of a key.</summary>
    public int Counted(ulong key)
    {
        var now = Now();
        lock (StripeOf(key, out var set))
        {
            foreach (ref var slot in Slots.AsSpan(set, Ways))
            {
                if (slot.Key == key && slot.Until > now)
                    return slot.Count;
            }
            return 0;
        }
    }

    /// <summary>Forgets a key.</summary>
    public void Forget(ulong key)
    {
        lock (StripeOf(key, out var set))
        {
            foreach (ref var slot in Slots.AsSpan(set, Ways))
            {
                if (slot.Key == key)
                    slot = default;
            }
        }
    }

    private long Now() => (long)(time.GetTimestamp() * ticksPerClock);

    private Lock StripeOf(ulong key, out int set)
    {
        var hash = Scatter(key ^ Secret);
        set = ((int)(hash >> 16) & mask) * Ways;
        // By the set, not by the key: two keys of one set must meet in one lock.
        return stripes[(set / Ways) & 63];
    }

    private ref Slot Find(ulong key, int set, long now)
    {
        var ways = Slots.AsSpan(set, Ways);
        var free = 0;
        for (var i = 0; i < Ways; i++)
        {
            if (ways[i].Key == key && ways[i].Until > now)
                return ref ways[i];
            if (ways[i].Until < ways[free].Until)
                free = i;
        }
        ways[free] = new Slot { Key = key };
        return ref ways[free];
    }

    private static ulong Scatter(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9UL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebUL;
        return x ^ (x >> 31);
    }

    private struct Slot
    {
        public ulong Key;
        public long Until;
        public int Count;
    }
}
