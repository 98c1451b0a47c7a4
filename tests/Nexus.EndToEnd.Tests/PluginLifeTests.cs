using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What an operator does with plugins of a running host, by HTTP and by command.</summary>
public sealed class PluginLifeTests
{
    [Fact]
    public async Task A_reload_by_HTTP_and_by_command_serves_what_is_on_disk_now()
    {
        await using var host = await RunningHost.StartAsync([], ["--plugins:hotReload=false"]);
        PluginCompiler.Plugin(Path.Combine(host.Folder, "plugins", "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        await host.KillAndRestartAsync();
        var first = await host.Client.GetStringAsync("/api/custom/hello");

        PluginCompiler.Plugin(Path.Combine(host.Folder, "plugins", "hello"), "hello", "2.0.0", PluginCompiler.Answering("two"));
        var answer = await host.PostAsync("/api/v1/plugins/hello/reload");
        var second = await host.Client.GetStringAsync("/api/custom/hello");
        PluginCompiler.Plugin(Path.Combine(host.Folder, "plugins", "hello"), "hello", "3.0.0", PluginCompiler.Answering("three"));
        var command = await Programs.CliAsync(host, "plugin", "reload", "hello");

        Assert.Equal(("one", "two", "three"), (first, second, await host.Client.GetStringAsync("/api/custom/hello")));
        Assert.Equal(("2.0.0", "Active", 1), ((string?)answer["version"], (string?)answer["state"], (int)answer["routesAffected"]!));
        Assert.True(command.ExitCode == 0, command.Output + command.Errors);
        Assert.Contains("hello\t3.0.0\tActive", command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_keeps_old_code_in_memory_is_named_by_HTTP_and_by_command()
    {
        await using var host = await RunningHost.StartAsync([], ["--plugins:unloadLimit=500ms"]);
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "leaky"), "leaky", "1.0.0", """
            public sealed class ThePlugin : IPlugin, IStart
            {
                public void Configure(IPluginBuilder plugin) { }
                public Task StartAsync(IServiceProvider s, CancellationToken t) { AppDomain.CurrentDomain.ProcessExit += Bye; return Task.CompletedTask; }
                private void Bye(object? sender, EventArgs e) { }
            }
            """);
        await host.PostAsync("/api/v1/plugins", new { path = folder });
        var stopped = await host.PostAsync("/api/v1/plugins/leaky/disable");

        var answer = await host.GetAsync("/api/v1/plugins/leaky/why-alive");
        var command = await Programs.CliAsync(host, "plugin", "why-alive", "leaky");

        Assert.Equal("Quarantined", (string?)stopped["state"]);
        Assert.Equal(1, (int)answer["generationsAlive"]!);
        Assert.Equal(("leaky#1", "static-event"), ((string?)answer["holds"]![0]!["context"], (string?)answer["holds"]![0]!["cause"]));
        Assert.True(command.ExitCode == 0, command.Output + command.Errors);
        Assert.Contains("static-event", command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_store_that_cannot_be_written_is_named_with_the_way_out()
    {
        await using var host = await RunningHost.StartAsync();
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        var store = Path.Combine(host.Folder, "data", "packages");
        if (Directory.Exists(store)) Directory.Delete(store, recursive: true);
        // A file in its place refuses everybody, the superuser too, who may write where a mode forbids it.
        await File.WriteAllTextAsync(store, "", TestContext.Current.CancellationToken);

        using var response = await host.Client.PostAsJsonAsync("/api/v1/plugins", new { path = folder }, TestContext.Current.CancellationToken);
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        var command = await Programs.CliAsync(host, "plugin", "install", folder);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "STORAGE_UNAVAILABLE"), (response.StatusCode, (string?)problem["code"]));
        Assert.Contains($"The package store {store} cannot be written", (string?)problem["detail"], StringComparison.Ordinal);
        Assert.Contains("plugins.dataDirectory", (string?)problem["detail"], StringComparison.Ordinal);
        Assert.Equal(1, command.ExitCode);
        Assert.Contains("cannot be written", command.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain((await host.GetAsync("/api/v1/plugins")).AsArray(), p => (string?)p!["id"] == "hello");
    }

    [Fact]
    public async Task A_removed_plugin_whose_files_lie_in_a_plugin_folder_stays_removed_and_the_command_says_so()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));

        var removed = await Programs.CliAsync(host, "plugin", "remove", "orders");
        await host.PostAsync("/api/v1/plugins/discover");
        await host.KillAndRestartAsync();

        Assert.True(removed.ExitCode == 0, removed.Errors);
        Assert.Contains("orders stays removed until they change or it is installed again", removed.Output, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/business/orders/orders/", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_version_is_rolled_out_widened_and_promoted_by_HTTP_and_by_command()
    {
        await using var host = await RunningHost.StartAsync();
        await host.PostAsync("/api/v1/plugins", new { path = PluginCompiler.Plugin(Path.Combine(host.Folder, "v1"), "hello", "1.0.0", PluginCompiler.Answering("one")) });
        var second = PluginCompiler.Plugin(Path.Combine(host.Folder, "v2"), "hello", "2.0.0", PluginCompiler.Answering("two"));

        var begun = await Programs.CliAsync(host, "plugin", "rollout", "hello", second, "--percent", "10");
        var widened = await host.PostAsync("/api/v1/plugins/hello/rollout", new { percent = 50.5 });
        var served = await host.Client.GetStringAsync("/api/custom/hello");
        var promoted = await Programs.CliAsync(host, "plugin", "rollout", "hello", "--promote");
        var none = await Programs.CliAsync(host, "plugin", "rollout", "hello", "--abort");
        var both = await Programs.CliAsync(host, "plugin", "rollout", "hello", "--abort", "--promote");

        Assert.True(begun.ExitCode == 0, begun.Output + begun.Errors);
        Assert.Contains("2.0.0 reaches 10 % of the callers", begun.Output, StringComparison.Ordinal);
        Assert.Equal(("1.0.0", "2.0.0", 50.5), ((string?)widened["version"], (string?)widened["rollout"]!["version"], (double)widened["rollout"]!["percent"]!));
        Assert.Contains(served, (string[])["one", "two"]);
        Assert.True(promoted.ExitCode == 0, promoted.Output + promoted.Errors);
        Assert.Equal("two", await host.Client.GetStringAsync("/api/custom/hello"));
        Assert.Equal((1, 64), (none.ExitCode, both.ExitCode));
    }

    [Fact]
    public async Task Only_the_named_plugins_run()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Samples, "inventory")], ["--plugins", "orders"]);

        Assert.Equal(HttpStatusCode.OK, (await host.Client.GetAsync("/api/business/orders/orders/", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/business/inventory/stock/", TestContext.Current.CancellationToken)).StatusCode);
    }
}
