using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class LifecycleTests
{
    [Fact]
    public async Task A_plugin_passes_every_state_on_its_way_up_and_down()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"));
        await host.StartAsync();

        await host.RunAsync(new PluginCommand.Disable("hello"));

        var states = host.Log.Lines.Where(l => l.StartsWith("Plugin hello 1.0.0 generation", StringComparison.Ordinal)).Select(l => l.Split(": ")[1].Split(' ')[0]);
        Assert.Equal(["Validating", "Loading", "Loaded", "Initializing", "Registering", "Active", "Stopping", "Stopped"], states);
        Assert.Equal((PluginState.Stopped, false), (host.Status("hello").State, host.Status("hello").Enabled));
        Assert.Empty(host.Kernel.Current.Plugins);
    }

    [Fact]
    public async Task A_failed_plugin_leaves_the_others_serving_and_an_essential_one_stops_the_start()
    {
        const string broken = "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => throw new InvalidOperationException(\"broken\"); }";
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"));
        host.Add("broken", broken);
        await host.StartAsync();
        await using var strict = new KernelHost();
        strict.Add("broken", broken, manifest: m => m["essential"] = true);

        var error = await Assert.ThrowsAsync<NexusException>(strict.StartAsync);

        Assert.Equal("one", await host.CallAsync("hello"));
        var status = host.Status("broken");
        Assert.Equal((PluginState.Failed, PluginState.Loading), (status.State, status.FailedIn));
        Assert.Contains("broken", status.Cause);
        Assert.NotNull(status.Remedy);
        Assert.Contains("The essential plugin broken", error.Message);
    }

    [Fact]
    public async Task Plugins_start_after_what_they_need_and_stop_before_it()
    {
        await using var host = new KernelHost();
        var stop = "public Task StopAsync(IServiceProvider s, CancellationToken t) => Task.CompletedTask;";
        host.Add("b.first", PluginCompiler.Answering("b", interfaces: ", IStop", members: stop));
        host.Add("a.second", PluginCompiler.Answering("a", interfaces: ", IStop", members: stop), manifest: m => m["dependencies"] = new JsonArray(new JsonObject { ["id"] = "b.first", ["range"] = "1.0" }));
        await host.StartAsync();
        Assert.Equal(["b.first", "a.second"], host.Kernel.Current.Plugins.Select(p => p.Manifest.Name));

        var refused = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Disable("b.first")));
        await host.Kernel.StopAsync(CancellationToken.None);

        Assert.Equal("PLUGIN_DEPENDENCY_ERROR", refused.Code);
        Assert.Contains("a.second", refused.Message);
        Assert.Equal(["a.second", "b.first"], host.Log.Lines.Where(l => l.EndsWith(": Stopped", StringComparison.Ordinal)).Select(l => l.Split(' ')[1]));
    }

    [Fact]
    public async Task A_lazy_plugin_is_loaded_by_the_first_request_under_its_prefix()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("woken"), manifest: m => m["lazy"] = true);
        await host.StartAsync();
        Assert.Equal(["hello"], host.Kernel.Current.Inactive.Select(m => m.Name));
        Assert.DoesNotContain(host.Log.Lines, l => l.Contains("Loading", StringComparison.Ordinal));

        Assert.False(await host.Kernel.ActivateAsync("/api/custom/other", CancellationToken.None));
        Assert.True(await host.Kernel.ActivateAsync("/api/custom/hello/x", CancellationToken.None));

        Assert.Equal("woken", await host.CallAsync("hello"));
        Assert.Empty(host.Kernel.Current.Inactive);
    }

    [Fact]
    public async Task Rollback_swaps_to_the_kept_version()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"));
        await host.StartAsync();
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("two")), Update: true));
        Assert.Equal("two", await host.CallAsync("hello"));

        var status = await host.RunAsync(new PluginCommand.Rollback("hello"));

        Assert.Equal("one", await host.CallAsync("hello"));
        Assert.Equal("1.0.0", status.Version);
    }

    [Fact]
    public async Task A_version_that_falls_ill_in_its_watch_period_is_swapped_back()
    {
        await using var host = new KernelHost(o => (o.WatchPeriod, o.HealthInterval) = (TimeSpan.FromMinutes(2), TimeSpan.FromMilliseconds(100)));
        host.Add("hello", PluginCompiler.Answering("one"));
        await host.StartAsync();
        var ill = PluginCompiler.Answering("two", interfaces: ", ICheckHealth", members: "private int asked; public Task<PluginHealth> CheckHealthAsync(IServiceProvider s, CancellationToken t) => Task.FromResult(asked++ == 0 ? PluginHealth.Healthy : new PluginHealth(HealthLevel.Unhealthy, \"gone\"));");

        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", ill), Update: true));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (host.Status("hello").Cause is null)
        {
            await Task.Delay(20, limit.Token);
        }

        Assert.Equal("one", await host.CallAsync("hello"));
        Assert.Contains("gone", host.Status("hello").Cause);
    }

    [Fact]
    public async Task A_changed_folder_is_swapped_in()
    {
        await using var host = new KernelHost(o => o.HotReload = true);
        host.Add("hello", PluginCompiler.Answering("one"));
        await host.StartAsync();

        host.Add("hello", PluginCompiler.Answering("two"), "1.0.1");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await host.CallAsync("hello") != "two")
        {
            await Task.Delay(20, limit.Token);
        }

        Assert.Equal("1.0.1", host.Status("hello").Version);
    }

    [Fact]
    public async Task Two_versions_of_one_private_library_run_side_by_side()
    {
        await using var host = new KernelHost();
        string[] libraries = [.. new[] { "1", "2" }.Select(v => PluginCompiler.Compile(Path.Combine(host.Folder, "library" + v), "Library", $"public static class Answer {{ public static string Get() => \"library {v}\"; }}"))];
        const string source = "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet(\"/\", () => Answer.Get())); }";
        host.Add("first", source, references: libraries[0]);
        host.Add("second", source, references: libraries[1]);

        await host.StartAsync();

        Assert.Equal(("library 1", "library 2"), (await host.CallAsync("first"), await host.CallAsync("second")));
    }

    [Fact]
    public async Task An_endpoint_describes_its_parameters_and_answers_as_OpenAPI_text()
    {
        await using var host = new KernelHost();
        host.Add("hello", """
            public sealed record Order(string Number, int Count) { public bool Paid { get; init; } public string? Note { get; init; } }
            public sealed class ThePlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes
                    .MapPost("/orders/{id:int}", (int id, [FromQuery(Name = "dry-run")] bool? dry, Order order) => TypedResults.Ok(order)).WithName("place").WithSummary("Places an order").WithTags("shop"));
            }
            """);

        await host.StartAsync();

        var endpoint = Assert.Single(host.Kernel.Current.Plugins[0].Endpoints);
        Assert.Equal(("/orders/{id:int}", "POST"), (endpoint.Pattern, Assert.Single(endpoint.Methods)));
        var operation = JsonNode.Parse(endpoint.OpenApi.Span)!;
        Assert.Equal(("place", "Places an order", "shop"), ((string?)operation["operationId"], (string?)operation["summary"], (string?)operation["tags"]![0]));
        Assert.Equal("""[{"name":"id","in":"path","required":true,"schema":{"type":"integer"}},{"name":"dry-run","in":"query","required":false,"schema":{"type":"boolean"}}]""", operation["parameters"]!.ToJsonString());
        Assert.Equal(JsonValueKind.Object, operation["requestBody"]!["content"]!["application/json"]!["schema"]!["properties"]!["number"]!.GetValueKind());
        var (sent, answered) = (operation["requestBody"]!["content"]!["application/json"]!["schema"]!, operation["responses"]!["200"]!["content"]!["application/json"]!["schema"]!);
        Assert.NotNull(answered["properties"]!["count"]);
        Assert.Equal(("Order", "Order"), ((string?)sent["title"], (string?)answered["title"]));
        // What is never null always stands in an answer; a request may leave it out where it has a default.
        Assert.Equal(("""["number","count"]""", """["number","count","paid"]"""), (sent["required"]!.ToJsonString(), answered["required"]!.ToJsonString()));
    }
}
