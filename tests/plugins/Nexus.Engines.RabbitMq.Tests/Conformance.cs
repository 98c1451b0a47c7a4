using Nexus.Conformance.Events;
using Nexus.Conformance.Tasks;
using Nexus.Engines.PostgreSql;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Testing;

namespace Nexus.Engines.RabbitMq.Tests;

public abstract class RabbitMqDelivery : EventDeliveryConformance
{
    private readonly CountedTransport _transport = new(() => new RabbitMqPlugin());
    private RabbitMqServer _broker = null!;

    protected override CountedTransport? Transport => _transport;

    public override async ValueTask InitializeAsync() => _broker = await RabbitMqServer.SharedAsync();

    protected override void Configure(PluginTestOptions options) => options.UseRabbitMq(_broker, () => _transport);
}

public sealed class RabbitMq_over_sqlite_delivers : RabbitMqDelivery
{
    protected override void Configure(PluginTestOptions options)
    {
        base.Configure(options);
        options.Settings["database:type"] = "sqlite";
    }
}

public sealed class RabbitMq_over_postgresql_delivers : RabbitMqDelivery
{
    private string _database = "";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _database = await PostgreSqlServer.DatabaseAsync();
    }

    protected override void Configure(PluginTestOptions options)
    {
        base.Configure(options);
        options.UsePostgreSql(_database);
    }
}

public sealed class RabbitMq_over_postgresql_carries_tasks : TaskDeliveryConformance
{
    private readonly CountedTransport _transport = new(() => new RabbitMqPlugin());
    private RabbitMqServer _broker = null!;
    private string _database = "";

    protected override CountedTransport? Transport => _transport;

    public override async ValueTask InitializeAsync() => (_broker, _database) = (await RabbitMqServer.SharedAsync(), await PostgreSqlServer.DatabaseAsync());

    protected override void Configure(PluginTestOptions options)
    {
        options.UseRabbitMq(_broker, () => _transport);
        options.UsePostgreSql(_database);
        options.Settings["tasks:transport"] = "rabbitmq";
    }
}

internal static class Choices
{
    public static void UseRabbitMq(this PluginTestOptions options, RabbitMqServer broker, Func<IPlugin>? create = null, string? prefix = null)
    {
        options.Settings["events:transport"] = "rabbitmq";
        options.Settings["plugins:engines.rabbitmq:connectionString"] = broker.Address;
        options.Settings["plugins:engines.rabbitmq:prefix"] = prefix ?? $"t{Guid.NewGuid():n}";
        options.Add(new PluginManifest { Name = "engines.rabbitmq", Version = "0.1.0", Category = PluginCategory.Core, Description = "RabbitMQ.", Entry = "" }, create ?? (() => new RabbitMqPlugin()));
    }

    public static void UsePostgreSql(this PluginTestOptions options, string database)
    {
        options.Settings["database:type"] = "postgresql";
        options.Settings["database:connectionString"] = database;
        options.Storage = new PostgreSqlPlugin();
    }
}
