using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Lazy_plugins
{
    private const string Route = "/api/custom/probe/v";

    [Theory]
    [InlineData(null, false, 401, 0)]
    [InlineData("Bearer wrong", false, 401, 0)]
    [InlineData("Bearer t1", false, 200, 1)]
    [InlineData(null, true, 200, 1)]
    public async Task A_stranger_wakes_no_plugin_unless_its_manifest_says_it_is_public(string? authorization, bool isPublic, int status, int woken)
    {
        var activation = new Activation();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IPluginActivation>(activation));
        var identity = new FakeIdentity().Token("t1", "ada", "reader").Grant("reader", "sample.probe:read").Plugin();
        var lazy = FakePlugins.Plugin("sample.probe", null, ("GET", "/v", c => c.Response.WriteAsync("up")));
        lazy = lazy with { Manifest = lazy.Manifest with { Tags = isPublic ? ["public"] : [] }, Endpoints = [lazy.Endpoints[0] with { Permission = isPublic ? null : "sample.probe:read" }] };
        host.Plugins.Publish(new PlatformSnapshot(1, [identity]) { Inactive = [lazy.Manifest] });
        activation.OnActivate = () => host.Plugins.Publish(identity, lazy);

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, Route, null, authorization is null ? ("X-Nothing", "1") : ("Authorization", authorization));

        Assert.Equal((status, woken), ((int)answer.StatusCode, activation.Count));
    }

    [Fact]
    public async Task Who_may_use_no_route_of_a_plugin_that_ran_before_does_not_wake_it()
    {
        var activation = new Activation();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IPluginActivation>(activation));
        var identity = new FakeIdentity().Token("t1", "ada", "reader").Token("t2", "bob", "other").Grant("reader", "sample.probe:read").Plugin();
        var lazy = FakePlugins.Plugin("sample.probe", null, ("GET", "/v", c => c.Response.WriteAsync("up")));
        lazy = lazy with { Endpoints = [lazy.Endpoints[0] with { Permission = "sample.probe:read" }] };
        var version = 100;
        void Sleep() => host.Plugins.Publish(new PlatformSnapshot(version += 10, [identity]) { Inactive = [lazy.Manifest] });
        async Task<int> AskAsync(string token) => (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, Route, null, ("Authorization", "Bearer " + token))).StatusCode;
        activation.OnActivate = () => host.Plugins.Publish(identity, lazy);

        Sleep();
        Assert.Equal((403, 1), (await AskAsync("t2"), activation.Count));
        Sleep();
        Assert.Equal((403, 1), (await AskAsync("t2"), activation.Count));
        Sleep();
        Assert.Equal((200, 2), (await AskAsync("t1"), activation.Count));
        lazy = lazy with { Manifest = lazy.Manifest with { Version = "9.0.0" } };
        Sleep();
        Assert.Equal((403, 3), (await AskAsync("t2"), activation.Count));
    }

    private sealed class Activation : IPluginActivation
    {
        public int Count { get; private set; }

        public Action? OnActivate { get; set; }

        public ValueTask<bool> ActivateAsync(string path, CancellationToken cancellationToken)
        {
            Count++;
            OnActivate?.Invoke();
            return ValueTask.FromResult(true);
        }
    }
}
