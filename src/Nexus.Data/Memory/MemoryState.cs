using System.Collections.Immutable;
using Nexus.Data.Search;

namespace Nexus.Data.Memory;

/// <summary>One immutable state of all record tables. A commit makes the next one; who holds one reads a snapshot.</summary>
internal sealed record MemoryState(ImmutableDictionary<(string Tenant, string Table), ImmutableSortedDictionary<string, StoredRecord>> Tables)
{
    public static readonly IComparer<string> KeyOrder = Comparer<string>.Create(JsonScalar.CompareText);

    public static readonly ImmutableSortedDictionary<string, StoredRecord> NoRecords = ImmutableSortedDictionary.Create<string, StoredRecord>(KeyOrder);

    public static MemoryState Empty { get; } = new(ImmutableDictionary<(string, string), ImmutableSortedDictionary<string, StoredRecord>>.Empty);

    public ImmutableSortedDictionary<string, StoredRecord> Of(string tenant, string table) => Tables.GetValueOrDefault((tenant, table), NoRecords);
}

/// <summary>What is declared of a table.</summary>
internal sealed record MemoryTable(ImmutableArray<IndexDescriptor> Unique, SearchFields Search)
{
    public static MemoryTable Of(ResourceDescriptor descriptor) => new([.. descriptor.Indexes.Where(i => i.Unique)], SearchFields.Of(descriptor));
}
