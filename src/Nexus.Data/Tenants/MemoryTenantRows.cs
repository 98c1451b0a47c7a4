using System.Collections.Immutable;
using Nexus.Data.Memory;

namespace Nexus.Data.Tenants;

/// <summary>A tenant in memory.</summary>
internal sealed class MemoryTenantRows(MemoryRecords records, MemoryEventLog events) : ITenantRows
{
    public void Read(string tenant, Action<string?, StoredRecord?, EventMessage?> visit)
    {
        foreach (var (key, table) in records.State.Tables.Where(t => t.Key.Tenant == tenant && t.Key.Table != IStorage.Answers).OrderBy(t => t.Key.Table, StringComparer.Ordinal))
        {
            foreach (var record in table.Values)
                visit(key.Table, record, null);
        }

        foreach (var message in events.OfTenant(tenant))
            visit(null, null, message);
    }

    public ImmutableArray<string> Tables(string tenant) =>
        [.. records.State.Tables.Where(t => t.Key.Tenant == tenant && t.Key.Table != IStorage.Answers && t.Value.Count > 0).Select(t => t.Key.Table).Order(StringComparer.Ordinal)];

    public ValueTask<(ImmutableSortedDictionary<string, long> Records, long Events)> DeleteAsync(string tenant) =>
        ValueTask.FromResult((records.DeleteTenant(tenant), events.DeleteTenant(tenant)));
}
