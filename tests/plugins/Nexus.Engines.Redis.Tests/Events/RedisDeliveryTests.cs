using Nexus.Conformance.Events;
using Nexus.Engines.PostgreSql;
using Nexus.Testing;

namespace Nexus.Engines.Redis.Tests.Events;

public sealed class Redis_streams_over_sqlite_deliver : EventDeliveryConformance
{
    private readonly CountedTransport transport = new(() => new RedisPlugin());
    private RedisServer server = null!;

    protected override CountedTransport? Transport => transport;

    public override async ValueTask InitializeAsync() => server = await RedisServer.StartAsync();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    protected override void Configure(PluginTestOptions options)
    {
        options.Settings["database:type"] = "sqlite";
        options.UseRedis(server, () => transport);
    }
}

internal static class Choices
{
    public static void UsePostgreSql(this PluginTestOptions options, string database)
    {
        options.Settings["database:type"] = "postgresql";
        options.Settings["database:connectionString"] = database;
        options.Storage = new PostgreSqlPlugin();
    }

    public static void UseRedis(this PluginTestOptions options, RedisServer server, Func<IPlugin>? create = null)
    {
        options.Settings["events:transport"] = "redis";
        options.Settings["redis:connectionString"] = server.Address;
        options.Add(new PluginManifest { Name = "engines.redis", Version = "0.1.0", Category = PluginCategory.Core, Description = "Redis.", Entry = "" }, create ?? (() => new RedisPlugin()));
    }
}
