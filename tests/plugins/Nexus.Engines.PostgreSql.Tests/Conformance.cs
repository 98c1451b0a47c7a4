using Nexus.Conformance;

namespace Nexus.Engines.PostgreSql.Tests;

public sealed class PostgreSql_conforms : StorageConformance
{
    protected override IStorageEngine Engine(TimeProvider time) => new PostgreSqlPlugin();

    protected override async ValueTask<StorageOptions> OptionsAsync() => new(Folder, await PostgreSqlServer.DatabaseAsync()) { Time = Clock };
}
