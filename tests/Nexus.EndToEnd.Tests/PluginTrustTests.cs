using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Keys, signatures and trust, from the command line to a node that asks for signatures.</summary>
public sealed class PluginTrustTests
{
    [Fact]
    public async Task A_node_that_asks_for_signatures_takes_what_a_trusted_key_signed_until_the_key_is_revoked()
    {
        await using var host = await RunningHost.StartAsync([], ["--plugins:requireSignature=true"]);
        var package = Path.Combine(host.Folder, "hello.nxp");
        await RunAsync(host, 0, "plugin", "pack", PluginCompiler.Plugin(Path.Combine(host.Folder, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one")), "-o", package);
        var data = Path.Combine(host.Folder, "data");

        var unsigned = await RunAsync(host, 1, "plugin", "install", package);
        await RunAsync(host, 0, "plugin", "keygen", Path.Combine(host.Folder, "my.key"), "Ada");
        await RunAsync(host, 0, "plugin", "sign", package, Path.Combine(host.Folder, "my.key"), "--expires", "2100-01-01");
        var unknown = await RunAsync(host, 1, "plugin", "install", package);
        await RunAsync(host, 0, "plugin", "trust", "add", Path.Combine(host.Folder, "my.key.pub"), "--data", data);
        var verified = JsonNode.Parse(await RunAsync(host, 0, "plugin", "verify", package, "--data", data, "--json"))!;
        await RunAsync(host, 0, "plugin", "install", package);
        var answer = await host.Client.GetStringAsync("/api/custom/hello", TestContext.Current.CancellationToken);

        Assert.Contains("it is not signed, and plugins.requireSignature is on", unsigned, StringComparison.Ordinal);
        Assert.Contains("is not trusted here", unknown, StringComparison.Ordinal);
        Assert.Equal("one", answer);
        Assert.Contains("Ada", await RunAsync(host, 0, "plugin", "trust", "list", "--data", data), StringComparison.Ordinal);

        await RunAsync(host, 0, "plugin", "trust", "revoke", (string)verified["keyId"]!, "key lost", "--data", data);
        await host.KillAndRestartAsync();

        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/custom/hello", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Contains("(key lost)", await RunAsync(host, 0, "plugin", "list"), StringComparison.Ordinal);
        Assert.Contains("was revoked on", await RunAsync(host, 65, "plugin", "verify", package, "--data", data), StringComparison.Ordinal);
        await RunAsync(host, 0, "plugin", "trust", "remove", (string)verified["keyId"]!, "--data", data);
        await RunAsync(host, 65, "plugin", "trust", "remove", (string)verified["keyId"]!, "--data", data);
    }

    [Fact]
    public async Task A_lower_version_than_ever_ran_needs_force_also_after_a_removal()
    {
        await using var host = await RunningHost.StartAsync();
        string Version(string version) => PluginCompiler.Plugin(Path.Combine(host.Folder, version), "hello", version, PluginCompiler.Answering(version));
        await RunAsync(host, 0, "plugin", "install", Version("2.0.0"));
        await RunAsync(host, 0, "plugin", "remove", "hello");

        var refused = await RunAsync(host, 1, "plugin", "install", Version("1.0.0"));
        await RunAsync(host, 0, "plugin", "install", Version("1.0.0"), "--force");

        Assert.Contains("hello 2.0.0 ran here before and 1.0.0 is lower", refused, StringComparison.Ordinal);
        Assert.Equal("1.0.0", await host.Client.GetStringAsync("/api/custom/hello", TestContext.Current.CancellationToken));
    }

    private static async Task<string> RunAsync(RunningHost host, int expected, params string[] arguments)
    {
        var (exitCode, output, errors) = await Programs.CliAsync(host, arguments);
        Assert.True(exitCode == expected, $"nexus {string.Join(' ', arguments)}: exit {exitCode}\n{output}\n{errors}\n{host.Log}");
        return output + errors;
    }
}
