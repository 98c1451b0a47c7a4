using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Tests.Services;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Testing;

/// <summary>Fakes in the place of services, as plugin authors use them.</summary>
public sealed class ReplacementTests
{
    [Fact]
    public async Task A_fake_replaces_a_service_for_one_test_host_only()
    {
        await using var plain = await PluginTestHost.StartAsync(options => { options.Add<Post>(); options.Add<Shop>(); });
        await using var faked = await PluginTestHost.StartAsync(options => { options.Add<Shop>(); options.Add<Post>(); options.Replace<Services.IMail>(new Mail("fake")); });

        var text = await plain.Client.GetStringAsync("/api/custom/shop/send", TestContext.Current.CancellationToken);
        var fakeText = await faked.Client.GetStringAsync("/api/custom/shop/send", TestContext.Current.CancellationToken);

        Assert.Equal("real to Ada", text);
        Assert.Equal("fake to Ada", fakeText);
    }

    [Fact]
    public async Task A_fake_stands_in_for_a_plugin_that_the_test_does_not_have()
    {
        await using var host = await PluginTestHost.StartAsync(options => { options.Add<Shop>(); options.Replace<Services.IMail>(new Mail("fake")); });

        Assert.Equal("fake to Ada", await host.Client.GetStringAsync("/api/custom/shop/send", TestContext.Current.CancellationToken));
    }

    private sealed class Post : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin.Provide<Services.IMail>(null, ServiceLifetime.Singleton, _ => new Mail("real"));
    }

    private sealed class Shop : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            plugin.Require<Services.IMail>();
            plugin.MapEndpoints(routes => routes.MapGet("/send", async (HttpContext context) =>
                await context.Response.WriteAsync(await context.RequestServices.GetRequiredService<Services.IMail>().SendAsync("Ada", context.RequestAborted))));
        }
    }
}
