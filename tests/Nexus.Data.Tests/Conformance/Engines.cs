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
}
