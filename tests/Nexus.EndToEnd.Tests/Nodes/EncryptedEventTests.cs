using System.Globalization;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Engines.RabbitMq.Tests;
using Nexus.Engines.Redis.Tests;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>What goes over the wire to the engines, and so all that can lie there, while encrypted events are stored, carried and handled.</summary>
public sealed class EncryptedEventTests
{
    private const string Plain = "geheim-4711";

    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            private static readonly List<string> Seen = [];
            public void Configure(IPluginBuilder plugin) => plugin
                .On("*.told", (context, _) => { lock (Seen) Seen.Add(System.Text.Encoding.UTF8.GetString(context.Message.Data.Span)); return Task.CompletedTask; })
                .MapEndpoints(routes => routes.MapGet("/seen", () => { lock (Seen) return Results.Json(Seen.ToArray()); }));
        }
        """;

    [Theory]
    [InlineData("redis")]
    [InlineData("rabbitmq")]
    public async Task Neither_database_nor_transport_gets_the_data_and_the_handler_does(string transport)
    {
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        var database = await PostgreSqlServer.DatabaseAsync();
        await using var redis = transport == "redis" ? await RedisServer.StartAsync() : null;
        var engine = redis?.Address ?? (await RabbitMqServer.SharedAsync()).Address;
        var folder = Directory.CreateTempSubdirectory("nexus-secret-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "listener"), "listener", "1.0.0", Source);
        var (storing, carrying) = (Wire(database, Field(database, "Port")), Wire(engine, engine[(engine.LastIndexOf(':') + 1)..]));
        await using var _ = storing.Proxy;
        await using var __ = carrying.Proxy;
        await using var host = await RunningHost.StartAsync(
            [plugin, Path.Combine(Programs.Plugins, "engines.postgresql"), Path.Combine(Programs.Plugins, $"engines.{transport}")],
            ["--database:type=postgresql", $"--database:connectionString={storing.Address}", $"--events:transport={transport}", redis is null ? $"--plugins:engines.rabbitmq:connectionString={carrying.Address}" : $"--redis:connectionString={carrying.Address}", "--events:encrypt:0=secret.*"]);
        Directory.Delete(folder, recursive: true);

        await host.PostAsync("/api/v1/events", new { name = "secret.told", data = new { text = Plain } });
        await host.PostAsync("/api/v1/events", new { name = "open.told", data = new { text = "offen-4711" } });
        await host.UntilAsync("/api/custom/listener/seen", s => s.AsArray().Count == 2);

        Assert.Equal(["{\"text\":\"geheim-4711\"}", "{\"text\":\"offen-4711\"}"], (await host.GetAsync("/api/custom/listener/seen")).AsArray().Select(s => (string)s!).Order(StringComparer.Ordinal));
        Assert.Equal(Plain, (string)RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=secret.*"))[0]["data"]!["text"]!);
        Assert.Equal((false, false), (storing.Proxy.Saw(Plain), carrying.Proxy.Saw(Plain)));
        Assert.Equal((true, true, true, true), (storing.Proxy.Saw("secret.told"), carrying.Proxy.Saw("secret.told"), storing.Proxy.Saw("offen-4711"), carrying.Proxy.Saw("offen-4711")));
    }

    private static string Field(string connection, string name) =>
        connection.Split(';').First(p => p.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase)).Split('=')[1];

    private static (RecordingProxy Proxy, string Address) Wire(string address, string port)
    {
        var proxy = new RecordingProxy(int.Parse(port, CultureInfo.InvariantCulture));
        return (proxy, address.Replace(port, proxy.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
    }
}
