using System.Collections.Frozen;
using System.Collections.Immutable;
using Nexus.Data.Sharing;

namespace Nexus.Data.Sharding;

/// <summary>The databases and which tenant lies in which. Immutable.</summary>
/// <param name="all">The databases, by number; the first is the platform's own.</param>
/// <param name="tenants">Tenants that lie in another than the first.</param>
internal sealed class Shards(ImmutableArray<Shard> all, IReadOnlyDictionary<string, int> tenants)
{
    private readonly FrozenDictionary<string, Shard> _tenants = tenants.ToFrozenDictionary(t => t.Key, t => all[t.Value], StringComparer.Ordinal);

    public ImmutableArray<Shard> All => all;

    /// <summary>The platform's own.</summary>
    public Shard First => all[0];

    public Shard Of(string tenant) => _tenants.TryGetValue(tenant, out var shard) ? shard : First;

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
            place.Add(OfNumber(settlement.Fence, "deliveries"), $"the event {settlement.EventId} that is handled", null);
        foreach (var settlement in batch.TaskSettlements)
            place.Add(OfNumber(settlement.Fence, ITaskStore.Leases), $"the task {settlement.Id} that runs", null);
        return place.Shard ?? First;
    }

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
