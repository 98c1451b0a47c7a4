using System.Collections.Immutable;
using Nexus.Data.Sharing;

namespace Nexus.Data.Sharding;

/// <summary>The databases and which tenant lies in which, as far as this node knows: the database itself refuses a tenant that was moved, and then the placement is read anew.</summary>
/// <param name="all">The databases, by number; the first is the platform's own.</param>
/// <param name="tenants">Tenants that lie in another than the first.</param>
/// <param name="time">The clock.</param>
/// <param name="find">Reads where a tenant is placed: the name of a database.</param>
internal sealed class Shards(ImmutableArray<Shard> all, IReadOnlyDictionary<string, int> tenants, TimeProvider time, Func<string, CancellationToken, ValueTask<string>> find)
{
    /// <summary>How long a call waits for a tenant that is closed for its move.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private ImmutableDictionary<string, Shard> _tenants = tenants.ToImmutableDictionary(t => t.Key, t => all[t.Value], StringComparer.Ordinal);
    private volatile bool _hasMoved;

    public ImmutableArray<Shard> All => all;

    /// <summary>The platform's own.</summary>
    public Shard First => all[0];

    public Shard Of(string tenant) => _tenants.TryGetValue(tenant, out var shard) ? shard : First;

    /// <summary>The database of a name; null when there is none.</summary>
    public Shard? Named(string name) => all.FirstOrDefault(s => s.Name == name);

    /// <summary>Notes where a tenant lies now.</summary>
    public void Relocate(string tenant, Shard shard)
    {
        if (Of(tenant) == shard)
            return;
        _hasMoved = true;
        ImmutableInterlocked.AddOrUpdate(ref _tenants, tenant, shard, (_, _) => shard);
    }

    /// <summary>Asks the database of a tenant. Where the tenant has left it, the one where it lies now is asked; while it is closed, the call waits.</summary>
    /// <param name="tenant">The tenant; null for work that concerns all.</param>
    /// <param name="work">The asking. Refused, it has had no effect and is done again.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="TenantAwayException">It was closed for longer than 10 s.</exception>
    public ValueTask<T> AtHomeAsync<T>(string? tenant, Func<Shard, ValueTask<T>> work, CancellationToken cancellationToken) => AtHomeAsync(() => tenant is null ? First : Of(tenant), work, cancellationToken);

    /// <summary>The same, of a database that several tenants may decide.</summary>
    public async ValueTask<T> AtHomeAsync<T>(Func<Shard> of, Func<Shard, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        for (long? refused = null; ;)
        {
            var shard = of();
            try
            {
                return await work(shard);
            }
            catch (TenantAwayException e) when (refused is not { } first || time.GetElapsedTime(first) < Patience)
            {
                refused ??= time.GetTimestamp();
                if (Named(await find(e.Tenant, cancellationToken)) is { } now)
                    Relocate(e.Tenant, now);
            }

            if (of() == shard)
                await Task.Delay(Pause, time, cancellationToken);
        }
    }

    /// <summary>The database to which a number belongs that left one.</summary>
    /// <exception cref="StorageConflictException">There is none of that number any more: what was leased from it is lost.</exception>
    public Shard OfNumber(long number, string table) => Shard.NumberOf(number) is var n && n >= 0 && n < all.Length ? all[n] : throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, table, ""), 0);

    /// <summary>The one database that a batch belongs to.</summary>
    /// <exception cref="NexusException"><c>SHARD_CROSSED</c>.</exception>
    public Shard Of(WriteBatch batch)
    {
        var place = new Place();
        foreach (var write in batch.Writes)
        {
            // The mark of a change lies beside what it tells of.
            if (write.Key.Table != ChangeMarks.Table)
                place.Add(Of(write.Key.Tenant), write.Key.Table, write.Key.Tenant);
        }

        foreach (var message in batch.Events)
            place.Add(Of(message.Tenant), message.Name, message.Tenant);
        foreach (var entry in batch.Audit)
            place.Add(Of(entry.Tenant), entry.Action, entry.Tenant);
        foreach (var task in batch.Tasks)
            place.Add(Of(task.Tenant), task.Task, task.Tenant);
        foreach (var settlement in batch.Settlements)
            place.Add(LeasedFrom(settlement.Fence, "deliveries", place.Shard), $"the event {settlement.EventId} that is handled", null);
        foreach (var settlement in batch.TaskSettlements)
            place.Add(LeasedFrom(settlement.Fence, ITaskStore.Leases, place.Shard), $"the task {settlement.Id} that runs", null);
        return place.Shard ?? First;
    }

    /// <summary>The database that gave a lease. Its tenant may have been moved since, and what it wants to write lies elsewhere: the lease is lost then.</summary>
    private Shard LeasedFrom(long fence, string table, Shard? others) => OfNumber(fence, table) is var shard && _hasMoved && others is not null && others != shard
        ? throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, table, ""), 0)
        : shard;

    /// <summary>The first part of a batch, which says where the others have to be.</summary>
    private struct Place
    {
        private string _what;

        public Shard? Shard { get; private set; }

        public void Add(Shard shard, string what, string? tenant)
        {
            if (Shard is null)
                (Shard, _what) = (shard, Name(what, tenant));
            else if (Shard != shard)
                throw Crossed(_what, Shard, Name(what, tenant), shard);
        }

        private static string Name(string what, string? tenant) => tenant is null ? what : $"{what} of tenant {tenant}";
    }

    /// <summary>What would span two databases.</summary>
    public static NexusException Crossed(string one, Shard ofOne, string other, Shard ofOther) => new(
        ErrorCodes.ShardCrossed,
        $"One unit of work cannot change two databases: {one} lies in {ofOne.Name}, {other} in {ofOther.Name}. Nothing was written. Write each tenant's part in a unit of its own, such as in the handler of an event or in a task of that tenant.");
}
