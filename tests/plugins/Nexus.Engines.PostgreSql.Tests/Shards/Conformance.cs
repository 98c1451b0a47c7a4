using Nexus.Conformance;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

public sealed class PostgreSql_over_two_databases_conforms : StorageConformance
{
    private string _first = "";

    protected override IStorageEngine Engine(TimeProvider time) => new OverTwo();

    protected override async ValueTask<StorageOptions> OptionsAsync() => new(Folder, _first = await PostgreSqlServer.DatabaseAsync()) { Time = Clock };

    protected override async ValueTask<bool> DropIndexAsync(string name)
    {
        await using var connection = new Npgsql.NpgsqlConnection(_first + ";Search Path=nexus;Pooling=false");
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand($"DROP INDEX \"{name}\"", connection);
        await command.ExecuteNonQueryAsync();
        return true;
    }

    private sealed class OverTwo : IStorageEngine
    {
        public string Name => "postgresql";

        public async ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken)
        {
            var databases = await Databases.OpenAsync(options.Time, options.ConnectionString!, ("beta", await PostgreSqlServer.DatabaseAsync(), ["t1", "t3"]));
            return databases.Set with { Close = databases.DisposeAsync };
        }
    }
}
