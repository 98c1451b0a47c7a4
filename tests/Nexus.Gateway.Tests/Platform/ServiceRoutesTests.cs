using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Platform;

public sealed class ServiceRoutesTests
{
    [Fact]
    public async Task A_service_tells_what_it_needs_who_uses_it_and_how_its_calls_went()
    {
        await using var host = await StartAsync();

        var one = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/services/pigeon"))!;
        var bound = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/services/mail"))!;
        using var none = await host.Client.GetAsync("/api/v1/services/owl");

        Assert.Equal(("post", 7, 2, "no wind"), ((string)one["service"]!["provider"]!, (int)one["service"]!["calls"]!, (int)one["service"]!["errors"]!, (string)one["service"]!["lastError"]!));
        Assert.Equal(["clock"], one["dependencies"]!.AsArray().Select(d => (string)d!["contract"]!));
        Assert.Equal(["shop"], one["dependents"]!.AsArray().Select(d => (string)d!["consumer"]!));
        Assert.Equal("raven", (string)bound["service"]!["name"]!);
        Assert.Equal(404, (int)none.StatusCode);
    }

    [Fact]
    public async Task A_restarted_service_has_a_new_generation()
    {
        await using var host = await StartAsync();
        host.Plugins.OnExecute = (_, _) =>
        {
            host.Plugins.Statuses = [host.Plugins.Statuses[0] with { Generation = 4 }];
            return Task.FromResult(host.Plugins.Statuses[0]);
        };

        using var answer = await host.Client.PostAsync("/api/v1/services/pigeon/restart", null);
        var told = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

        Assert.Equal("post", Assert.IsType<PluginCommand.Reload>(Assert.Single(host.Plugins.Commands)).Id);
        Assert.Equal(("post", 3, 4), ((string)told["provider"]!, (int)told["before"]!, (int)told["generation"]!));
    }

    private static async Task<GatewayHost> StartAsync()
    {
        var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IServiceRegistry>(new Registry()));
        host.Plugins.Statuses = [new PluginStatus { Id = "post", Version = "1.0.0", State = PluginState.Active, Generation = 3 }];
        return host;
    }

    private sealed class Registry : IServiceRegistry
    {
        public ImmutableArray<ServiceStatus> List() =>
        [
            new ServiceStatus { Contract = "mail", Name = "pigeon", Plugin = "post", Calls = 7, Errors = 2, LastError = "no wind" },
            new ServiceStatus { Contract = "mail", Name = "raven", Plugin = "dark", Bound = true },
        ];

        public ImmutableArray<ServiceUse> Graph() =>
        [
            new ServiceUse("post", "clock", null, "time", true), new ServiceUse("shop", "mail", "pigeon", "post", true), new ServiceUse("watch", "mail", null, "dark", false),
        ];

        public ValueTask<ReadOnlyMemory<byte>> CallAsync(ServiceRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
