using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Addresses that are not served until a time, set by an operator or by the watch over sign-ins. IPv6 is blocked by /64. In memory: a restart forgets them; lasting rules are those of <c>security.addresses</c>.</summary>
internal sealed class AddressBlocks(TimeProvider time)
{
    private const int MaxBlocks = 100_000;
    private readonly ConcurrentDictionary<ulong, AddressBlock> blocks = new();

    /// <summary>The blocks that hold now, newest first.</summary>
    public ImmutableArray<AddressBlock> Current
    {
        get
        {
            var now = time.GetUtcNow();
            return [.. blocks.Values.Where(b => b.Until > now).OrderByDescending(b => b.At)];
        }
    }

    /// <summary>Blocks an address; a block that lasts longer stays.</summary>
    public AddressBlock Add(IPAddress address, TimeSpan duration, string reason)
    {
        var now = time.GetUtcNow();
        if (blocks.Count >= MaxBlocks)
            Forget(now);
        var block = new AddressBlock(address.ToString(), reason, now, now + duration);
        return blocks.AddOrUpdate(AddressSet.CountingKey(address), block, (_, known) => known.Until > block.Until ? known : block);
    }

    /// <summary>Ends a block; false when there was none.</summary>
    public bool Remove(IPAddress address) => blocks.TryRemove(AddressSet.CountingKey(address), out _);

    /// <summary>The block of an address, or null.</summary>
    public AddressBlock? Find(IPAddress address)
    {
        if (blocks.IsEmpty || !blocks.TryGetValue(AddressSet.CountingKey(address), out var block))
            return null;
        return block.Until > time.GetUtcNow() ? block : null;
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var (key, block) in blocks.OrderBy(b => b.Value.Until).Take(MaxBlocks / 10))
            blocks.TryRemove(new(key, block));
        foreach (var (key, block) in blocks.Where(b => b.Value.Until <= now))
            blocks.TryRemove(new(key, block));
    }
}

/// <summary>One blocked address.</summary>
/// <param name="Address">The address.</param>
/// <param name="Reason">Why.</param>
/// <param name="At">Since when.</param>
/// <param name="Until">Until when.</param>
internal sealed record AddressBlock(string Address, string Reason, DateTimeOffset At, DateTimeOffset Until);
