using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Capabilities of a running host's plugins, by HTTP and by command.</summary>
public sealed class PluginPermissionTests
{
    [Fact]
    public async Task Capabilities_are_shown_denied_and_granted_while_the_plugin_runs()
    {
        await using var host = await RunningHost.StartAsync();
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"), m => m["permissions"] = new JsonArray(new JsonObject { ["name"] = "http.external", ["reason"] = "It asks for the weather." }));
        await host.PostAsync("/api/v1/plugins", new { path = folder });
        var asked = await host.GetAsync("/api/v1/plugins/hello/permissions");

        using var answer = await host.Client.PutAsJsonAsync("/api/v1/plugins/hello/permissions", new { deny = (string[])["api.register"], revoke = (string[])["http.external"] }, TestContext.Current.CancellationToken);
        var denied = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        using var refused = await host.Client.GetAsync("/api/custom/hello", TestContext.Current.CancellationToken);
        var problem = JsonNode.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        await host.KillAndRestartAsync();
        using var stillRefused = await host.Client.GetAsync("/api/custom/hello", TestContext.Current.CancellationToken);
        var granted = await Programs.CliAsync(host, "plugin", "grant", "hello", "api.register", "http.external");
        var unknown = await Programs.CliAsync(host, "plugin", "deny", "hello", "http.externl");
        var shown = await Programs.CliAsync(host, "plugin", "permissions", "hello");

        Assert.Equal("It asks for the weather.", (string?)asked["requested"]![0]!["reason"]);
        Assert.Contains("http.external", asked["granted"]!.AsArray().Select(c => (string?)c));
        Assert.Equal(["api.register", "http.external"], denied["denied"]!.AsArray().Select(c => (string?)c));
        Assert.Equal((HttpStatusCode.Forbidden, "CAPABILITY_DENIED"), (refused.StatusCode, (string?)problem["code"]));
        Assert.Equal(HttpStatusCode.Forbidden, stillRefused.StatusCode);
        Assert.True(granted.ExitCode == 0, granted.Errors);
        Assert.Equal("one", await host.Client.GetStringAsync("/api/custom/hello", TestContext.Current.CancellationToken));
        Assert.True(unknown.ExitCode == 1, unknown.Errors);
        Assert.True(unknown.Errors.Contains("did you mean 'http.external'?", StringComparison.Ordinal), unknown.Errors);
        Assert.Contains("\"denied\": []", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_package_does_around_the_ports_is_listed_with_its_place()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-validate-").FullName;
        try
        {
            PluginCompiler.Plugin(folder, "runner", "1.0.0", "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) { } public void Run() => System.Diagnostics.Process.Start(\"sh\"); }");

            var (exitCode, output, errors) = await Programs.RunAsync("dotnet", [Programs.Cli, "plugin", "validate", folder], folder, new Dictionary<string, string> { ["NEXUS_HOST_ROOT"] = Programs.Root });

            Assert.True(exitCode == 0, errors);
            Assert.Contains("!!  ThePlugin.Run (Plugin.dll) uses System.Diagnostics.Process.Start, which needs process: the manifest does not ask for it", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
