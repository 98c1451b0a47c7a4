using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Messages to running plugins.</summary>
public sealed class PluginMessageTests
{
    [Fact]
    public async Task A_message_reaches_one_plugin_and_its_reply_comes_back_and_a_slow_one_is_told()
    {
        await using var host = await RunningHost.StartAsync();
        foreach (var id in new[] { "ping", "pong" }) await host.PostAsync("/api/v1/plugins", new { path = Plugin(host, id) });

        var reply = await host.PostAsync("/api/v1/plugins/ping/message", new { data = new { n = 20 }, timeout = 60 });
        using var slow = await host.Client.PostAsJsonAsync("/api/v1/plugins/ping/message", new { data = new { n = 0 }, timeout = 0.2 }, TestContext.Current.CancellationToken);
        var command = await Programs.CliAsync(host, "plugin", "message", "pong", "{\"n\": 3}", "--timeout", "60");
        // A plugin takes one message after another; the slow one was left behind when who asked waited no longer.
        var all = await host.PostAsync("/api/v1/plugins/broadcast", new { data = new { n = 1 }, timeout = 60, exclude = (string[])["pong"], categories = (string[])["custom"] });

        Assert.Equal("""{"plugin":"ping","data":{"by":"ping","twice":40}}""", reply.ToJsonString());
        Assert.Equal((HttpStatusCode.RequestTimeout, "PLUGIN_COMMUNICATION_TIMEOUT"), (slow.StatusCode, (string?)JsonNode.Parse(await slow.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["code"]));
        Assert.True(command.ExitCode == 0, command.Output + command.Errors);
        Assert.Contains("\"twice\":6", command.Output.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal("""{"replies":{"ping":{"by":"ping","twice":2}},"silent":[]}""", all.ToJsonString());
    }

    [Fact]
    public async Task A_plugin_that_takes_no_messages_says_so()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));

        using var answer = await host.Client.PostAsJsonAsync("/api/v1/plugins/orders/message", new { data = 1 }, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("takes no messages", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static string Plugin(RunningHost host, string id) => PluginCompiler.Plugin(Path.Combine(host.Folder, "sources", id), id, "1.0.0", """
        using System.Text; using System.Text.Json.Nodes;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                var id = plugin.Id;
                plugin.OnMessage(async (services, message, token) =>
                {
                    var n = (int)JsonNode.Parse(message.Span)!["n"]!;
                    if (n == 0) await Task.Delay(8000, token);
                    return Encoding.UTF8.GetBytes(new JsonObject { ["by"] = id, ["twice"] = 2 * n }.ToJsonString());
                });
            }
        }
        """);
}
