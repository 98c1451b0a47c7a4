using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Addresses that are not served until a time, set by an operator or by the watch over sign-ins. IPv6 is blocked by /64. A look costs one dictionary read; each change is stored, so that a restart opens none. Thread-safe.</summary>
internal sealed class AddressBlocks(TimeProvider time, BlockStore store)
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
    public async ValueTask<AddressBlock> AddAsync(IPAddress address, TimeSpan duration, string reason)
    {
        var now = time.GetUtcNow();
        if (blocks.Count >= MaxBlocks)
            Forget(now);
        var key = AddressSet.CountingKey(address);
        var block = blocks.AddOrUpdate(key, new AddressBlock(address.ToString(), reason, now, now + duration), (_, known) => known.Until > now + duration ? known : new AddressBlock(address.ToString(), reason, now, now + duration));
        await store.SetAsync(key, block);
        return block;
    }

    /// <summary>Ends a block; false when there was none.</summary>
    public async ValueTask<bool> RemoveAsync(IPAddress address)
    {
        var key = AddressSet.CountingKey(address);
        if (!blocks.TryRemove(key, out _))
            return false;
        await store.SetAsync(key, null);
        return true;
    }

    /// <summary>The block of an address, or null.</summary>
    public AddressBlock? Find(IPAddress address)
    {
        if (blocks.IsEmpty || !blocks.TryGetValue(AddressSet.CountingKey(address), out var block))
            return null;
        return block.Until > time.GetUtcNow() ? block : null;
    }

    /// <summary>Takes over what is stored, so what other nodes blocked and opened too, and removes what is over.</summary>
    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var stored = await store.ReadAsync(cancellationToken);
        foreach (var (key, block) in stored)
        {
            if (block.Until <= now)
                await store.RemoveAsync(key, block, cancellationToken);
            else if (blocks.Count < MaxBlocks)
                blocks[key] = block;
        }

        // A block that began after the read is not in it.
        foreach (var (key, block) in blocks.Where(b => b.Value.Until <= now || (b.Value.At < now && !stored.ContainsKey(b.Key) && store.IsKept)))
            blocks.TryRemove(new(key, block));
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
