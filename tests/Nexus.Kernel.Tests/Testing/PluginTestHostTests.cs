using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Testing;

/// <summary>What a plugin's author can rely on in a test.</summary>
public sealed class PluginTestHostTests
{
    private static readonly PluginManifest Manifest = new()
    {
        Name = "greeter",
        Version = "1.0.0",
        Category = PluginCategory.Custom,
        Description = "Greets.",
        Entry = "",
        Configuration = (JsonObject)JsonNode.Parse("""{"type":"object","properties":{"greeting":{"type":"string","default":"Hello"},"limit":{"type":"integer","default":3}},"additionalProperties":false}""")!,
    };

    [Fact]
    public async Task Defaults_of_the_manifest_apply_below_the_settings_of_the_test()
    {
        await using var plain = await PluginTestHost.StartAsync(options => options.Add(Manifest, () => new Greeter()));
        await using var set = await PluginTestHost.StartAsync(options =>
        {
            options.Settings["plugins:greeter:greeting"] = "Bonjour";
            options.Add(Manifest, () => new Greeter());
        });

        Assert.Equal("Hello 3", await plain.Client.GetStringAsync("/api/custom/greeter/configured", TestContext.Current.CancellationToken));
        Assert.Equal("Bonjour 3", await set.Client.GetStringAsync("/api/custom/greeter/configured", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_setting_that_the_manifest_does_not_allow_stops_the_plugin_with_its_error()
    {
        var error = await Assert.ThrowsAsync<NexusException>(() => PluginTestHost.StartAsync(options =>
        {
            options.Settings["plugins:greeter:limit"] = "many";
            options.Add(Manifest, () => new Greeter());
        }));

        Assert.Contains("limit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clock_documents_bus_and_network_of_a_plugin_are_the_tests_own()
    {
        var clock = new FakeClock(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var host = await PluginTestHost.StartAsync(options =>
        {
            options.Clock = clock;
            options.Http = request => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($"answer to {request.RequestUri}") };
            options.Settings["database:type"] = "sqlite";
            options.Add(Manifest, () => new Greeter());
        });

        await host.PublishAsync("guest.arrived", """{"name":"Ada"}""");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        var guest = "";
        while (guest.Length == 0)
            guest = await host.Client.GetStringAsync("/api/custom/greeter/guest", patience.Token);

        Assert.Equal("2026-03-01 Ada", guest);
        Assert.Equal("answer to https://weather.example/today", await host.Client.GetStringAsync("/api/custom/greeter/weather", TestContext.Current.CancellationToken));
    }

    private sealed class Greeter : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            plugin.MapEndpoints(routes =>
            {
                Say(routes, "/configured", c => Task.FromResult($"{c.GetRequiredService<IConfiguration>()["greeting"]} {c.GetRequiredService<IConfiguration>()["limit"]}"));
                Say(routes, "/guest", async c => await c.GetRequiredService<IDocuments>().GetAsync<string>("guest") ?? "");
                Say(routes, "/weather", c => c.GetRequiredService<IHttpClientFactory>().CreateClient().GetStringAsync(new Uri("https://weather.example/today")));
            });
            plugin.On("guest.arrived", async (services, context, token) =>
            {
                var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
                var name = JsonNode.Parse(context.Message.Data.Span)!["name"]!.GetValue<string>();
                await services.GetRequiredService<IDocuments>().SetAsync("guest", $"{now:yyyy-MM-dd} {name}", token);
            });
        }

        private static void Say(IEndpointRouteBuilder routes, string path, Func<IServiceProvider, Task<string>> text) =>
            routes.MapGet(path, async (HttpContext context) => await context.Response.WriteAsync(await text(context.RequestServices)));
    }
}
