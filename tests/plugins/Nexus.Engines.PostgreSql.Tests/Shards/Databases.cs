using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>A storage over several databases, opened as a host opens it: by its configuration.</summary>
internal sealed class Databases : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private Databases(ServiceProvider services, StorageSet set) => (_services, Set) = (services, set);

    public StorageSet Set { get; }

    public IStorage Records => Set.Records;

    public IServiceProvider Services => _services;

    /// <summary>Opens it.</summary>
    /// <param name="first">Address of the platform's own.</param>
    /// <param name="shards">Names, addresses and tenants of the others.</param>
    public static Task<Databases> OpenAsync(string first, params (string Name, string Address, string[] Tenants)[] shards) => OpenAsync(TimeProvider.System, first, shards);

    public static async Task<Databases> OpenAsync(TimeProvider time, string first, params (string Name, string Address, string[] Tenants)[] shards)
    {
        var settings = new Dictionary<string, string?> { ["database:type"] = "postgresql", ["database:connectionString"] = first, ["database:directory"] = Path.GetTempPath() };
        foreach (var (name, address, tenants) in shards)
        {
            settings[$"database:shards:{name}:connectionString"] = address;
            for (var i = 0; i < tenants.Length; i++)
                settings[$"database:shards:{name}:tenants:{i}"] = tenants[i];
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var services = new ServiceCollection().AddSingleton(time).AddSingleton<IStorageEngine>(new PostgreSqlPlugin()).AddNexusData(configuration).BuildServiceProvider();
        try
        {
            return new Databases(services, await StorageOpener.OpenAsync(services));
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts what follows changes.</summary>
    public async Task StartAsync()
    {
        foreach (var one in _services.GetServices<IHostedService>())
            await one.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _services.GetServices<IHostedService>())
            await one.StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
    }

    /// <summary>How much a statement counts in a database.</summary>
    public static async Task<long> CountAsync(string address, string sql)
    {
        await using var connection = new Npgsql.NpgsqlConnection(address + ";Search Path=nexus;Pooling=false");
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
