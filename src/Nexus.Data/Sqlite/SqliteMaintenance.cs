using System.Collections.Immutable;
using Nexus.Data.Search;

namespace Nexus.Data.Sqlite;

/// <summary>Figures and care of the main file.</summary>
internal sealed class SqliteMaintenance(MainFile file) : IStorageMaintenance
{
    public ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) =>
        ValueTask.FromResult(file.Read(resources, (connection, declared) => new StorageDescription("sqlite", NativeLibrarySelection.EnsureSelected(), file.Path, (connection.Scalar("PRAGMA page_count") ?? 0) * (connection.Scalar("PRAGMA page_size") ?? 0),
            [.. declared.OrderBy(r => r.Table, StringComparer.Ordinal).Select(r => Describe(connection, r))])));

    public async ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await file.Writer.RunAsync(connection =>
        {
            var names = ImmutableArray.CreateBuilder<string>();
            foreach (var resource in resources.Where(r => Exists(connection, r.Table)))
            {
                foreach (var index in Declared(resource).Where(i => !Exists(connection, TableIndex.Name(resource.Table, i))))
                {
                    connection.Execute(TableIndex.CreateSql(resource.Table, index));
                    names.Add(TableIndex.Name(resource.Table, index));
                }

                PlannerStatistics.Describe(connection, resource);
            }

            return names.DrainToImmutable();
        });
    }

    public async ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await file.Writer.RunAsync(connection =>
        {
            var search = SearchFields.Of(resource);
            if (search.IsEmpty || !Exists(connection, resource.Table))
                return false;
            connection.Execute(SearchTables.DropSql(resource.Table));
            connection.Execute(SearchTables.CreateSql(resource.Table, search));
            return true;
        });
    }

    public ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken) => new([]);

    private static TableDescription Describe(Connection connection, ResourceDescriptor resource) =>
        new(resource.Table, Bytes(connection, resource.Table), [.. Declared(resource).Select(i => TableIndex.Name(resource.Table, i) is var name && Exists(connection, name) ? new IndexState(name, i.Fields, i.Unique, true, Bytes(connection, name)) : new IndexState(name, i.Fields, i.Unique, false, null))]);

    private static IEnumerable<IndexDescriptor> Declared(ResourceDescriptor resource) => resource.Indexes.DistinctBy(i => TableIndex.Name(resource.Table, i));

    private static bool Exists(Connection connection, string name)
    {
        using var statement = connection.Prepare("SELECT 1 FROM sqlite_master WHERE name=?1");
        return statement.Bind(1, name).Step();
    }

    /// <summary>Null where SQLite was built without its table of pages.</summary>
    private static long? Bytes(Connection connection, string name)
    {
        try
        {
            using var statement = connection.Prepare("SELECT sum(pgsize) FROM dbstat WHERE name=?1");
            return statement.Bind(1, name).Step() && !statement.IsNull(0) ? statement.Integer(0) : null;
        }
        catch (SqliteFailure)
        {
            return null;
        }
    }
}
