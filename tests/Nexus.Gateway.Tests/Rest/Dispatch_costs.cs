using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Rest;

/// <summary>What a request to a plugin allocates beside what the framework and the handler do. Time on a shared machine means little; bytes are exact.</summary>
public sealed class Dispatch_costs
{
    [Fact]
    public async Task A_call_that_asks_for_nothing_allocates_its_request_its_view_and_its_scope()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/quick", _ => Task.CompletedTask)));
        var call = host.Services.GetRequiredService<PluginRoutes>().Endpoints.OfType<RouteEndpoint>().Single().RequestDelegate!;
        var services = host.Services.GetRequiredService<IServiceScopeFactory>();
        var context = new DefaultHttpContext();

        Assert.InRange(Bytes(() =>
        {
            RequestView.Begin(context, new GatewayRequest(context), services);
            Assert.True(call(context).IsCompletedSuccessfully);
        }), 1, 304);
    }

    private static long Bytes(Action once)
    {
        const int Times = 1000;
        for (var i = 0; i < Times; i++)
            once();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Times; i++)
            once();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Times;
    }
}
