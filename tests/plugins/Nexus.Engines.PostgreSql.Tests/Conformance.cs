using Nexus.Conformance;

namespace Nexus.Engines.PostgreSql.Tests;

public sealed class PostgreSql_conforms : StorageConformance
{
    protected override IStorageEngine Engine(TimeProvider time) => new PostgreSqlPlugin();

    private string _database = "";

    protected override async ValueTask<StorageOptions> OptionsAsync() => new(Folder, _database = await PostgreSqlServer.DatabaseAsync()) { Time = Clock };

    protected override ValueTask<bool> DropIndexAsync(string name) => RunAsync($"DROP INDEX \"{name}\"");

    protected override ValueTask<bool> SpoilSearchAsync() => RunAsync("UPDATE \"crm.people\" SET words=NULL");

    private async ValueTask<bool> RunAsync(string sql)
    {
        await using var connection = new Npgsql.NpgsqlConnection(_database + ";Search Path=nexus;Pooling=false");
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
        return true;
    }
}

public sealed class PostgreSql_delivers_events : Nexus.Conformance.Events.EventDeliveryConformance
{
    private string _database = "";

    public override async ValueTask InitializeAsync() => _database = await PostgreSqlServer.DatabaseAsync();

    protected override void Configure(Nexus.Testing.PluginTestOptions options)
    {
        options.Settings["database:type"] = "postgresql";
        options.Settings["database:connectionString"] = _database;
        options.Storage = new PostgreSqlPlugin();
    }
}

public sealed class Blobs_of_PostgreSql_conform : BlobConformance
{
    protected override async ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync() =>
        await new PostgreSqlPlugin().OpenAsync(new StorageOptions(Folder, await PostgreSqlServer.DatabaseAsync()), CancellationToken.None) is var set ? (set.Blobs, set) : default;
}

public sealed class Views_on_PostgreSql_conform : Nexus.Conformance.Views.ViewConformance
{
    private string _database = "";

    public override async ValueTask InitializeAsync()
    {
        _database = await PostgreSqlServer.DatabaseAsync();
        await base.InitializeAsync();
    }

    protected override void Configure(Nexus.Testing.PluginTestOptions options)
    {
        options.Settings["database:type"] = "postgresql";
        options.Settings["database:connectionString"] = _database;
        options.Storage = new PostgreSqlPlugin();
    }
}
