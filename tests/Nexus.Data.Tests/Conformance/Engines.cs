using Nexus.Conformance;
using Nexus.Data.Memory;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Conformance;

public sealed class Memory_conforms : StorageConformance
{
    protected override IStorageEngine Engine(TimeProvider time) => new MemoryStorage(time);
}

public sealed class Sqlite_conforms : StorageConformance
{
    protected override IStorageEngine Engine(TimeProvider time) => new SqliteStorage(time);

    protected override ValueTask<bool> DropIndexAsync(string name)
    {
        using var other = Connection.OpenWriter(Path.Combine(Folder, "nexus.db"));
        other.Execute($"DROP INDEX \"{name}\"");
        return ValueTask.FromResult(true);
    }

    protected override ValueTask<bool> SpoilSearchAsync()
    {
        using var other = Connection.OpenWriter(Path.Combine(Folder, "nexus.db"));
        other.Execute("DELETE FROM \"crm.people$search\"");
        return ValueTask.FromResult(true);
    }
}

/// <summary>SQLite as an engine that has no table of its own for tasks.</summary>
public sealed class Sqlite_with_tasks_as_records_conforms : StorageConformance
{
    protected override IStorageEngine Engine(TimeProvider time) => new WithoutTasks(new SqliteStorage(time));

    private sealed class WithoutTasks(IStorageEngine inner) : IStorageEngine
    {
        public string Name => inner.Name;

        public async ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken) => await inner.OpenAsync(options, cancellationToken) with { Tasks = null };
    }
}
