using System.Diagnostics;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>The log of a running node, by the command line.</summary>
public sealed class NodeLogTests
{
    private const string Source = """
        using Microsoft.Extensions.Logging;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r =>
            {
                r.MapPost("/pay/{card}", (string card, ILoggerFactory logs) =>
                {
                    var log = logs.CreateLogger("acme.shop.payment");
                    log.LogDebug("tried {Card}", card);
                    log.LogError("refused {Card}", card);
                });
            });
        }
        """;

    [Fact]
    public async Task Errors_are_followed_as_they_come_and_a_request_is_found_by_its_id_whatever_its_level()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-logs-").FullName;
        await using var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "shop"), "acme.shop", "1.0.0", Source)]);
        Directory.Delete(folder, recursive: true);
        using var following = Follow(host, "logs", "--level", "ERROR", "--component", "acme", "-f");

        var first = await PayAsync(host, "one");
        Assert.Contains("ERROR       acme.shop.payment: refused one", await following.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        using var settings = await host.Client.PutAsync("/api/v1/config", new StringContent("""{"logging":{"categories":{"acme.shop":"debug"}}}""", System.Text.Encoding.UTF8, "application/json"));
        Assert.True(settings.IsSuccessStatusCode, await settings.Content.ReadAsStringAsync());
        var second = await PayAsync(host, "two");
        Assert.Contains("refused two", await following.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        following.Kill();

        Assert.Equal(["refused one"], await LinesAsync(host, "--component", "acme", "--request", first));
        Assert.Equal(["tried two", "refused two"], await LinesAsync(host, "--component", "acme", "--request", second));
        Assert.Equal(["refused one", "refused two"], await LinesAsync(host, "--search", "REFUSED", "--from", "1d"));
        Assert.Empty(await LinesAsync(host, "--search", "refused", "--to", "1d"));
        var (code, _, errors) = await Programs.CliAsync(host, "logs", "--from", "soon");
        Assert.Equal((64, true), (code, errors.Contains("'soon' is neither a moment", StringComparison.Ordinal)));
    }

    private static async Task<string> PayAsync(RunningHost host, string card)
    {
        using var answer = await host.Client.PostAsync($"/api/custom/shop/pay/{card}", null);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return answer.Headers.GetValues("X-Request-ID").Single();
    }

    private static async Task<IEnumerable<string>> LinesAsync(RunningHost host, params string[] filter)
    {
        var (code, output, errors) = await Programs.CliAsync(host, ["logs", "--json", .. filter]);
        Assert.True(code == 0, errors);
        return JsonNode.Parse(output)!.AsArray().Select(line => (string)line!["message"]!);
    }

    private static Process Follow(RunningHost host, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Programs.Cli, .. arguments]) { RedirectStandardOutput = true, WorkingDirectory = host.Folder };
        (start.Environment["NEXUS_URL"], start.Environment["NEXUS_HOST_ROOT"]) = (host.Address.ToString(), Programs.Root);
        return Process.Start(start)!;
    }
}
