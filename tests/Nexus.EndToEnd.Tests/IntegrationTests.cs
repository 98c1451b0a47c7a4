using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>A plugin that asks another server, which is slow, fails and comes back.</summary>
public sealed class IntegrationTests
{
    private const string Secret = "sesame-opens-the-bank";

    private const string Rates = """
        public sealed class RatesOptions { public string Address { get; set; } = ""; public string Key { get; set; } = ""; }
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddOptions<RatesOptions>();
                plugin.Services.AddHttpClient("bank").UseRules(new CallRules { Retry = new RetryAttribute(3) { DelayMilliseconds = 10 }, Breaker = new CircuitBreakerAttribute(6) { OpenSeconds = 0.5 } }, System.TimeSpan.FromSeconds(2));
                plugin.MapEndpoints(routes =>
                {
                    routes.MapGet("/{path}", (string path, System.Net.Http.IHttpClientFactory clients, Microsoft.Extensions.Options.IOptions<RatesOptions> options) => AskAsync(System.Net.Http.HttpMethod.Get, path, clients, options.Value));
                    routes.MapPost("/{path}", (string path, System.Net.Http.IHttpClientFactory clients, Microsoft.Extensions.Options.IOptions<RatesOptions> options) => AskAsync(System.Net.Http.HttpMethod.Post, path, clients, options.Value));
                });
            }

            private static async Task<string> AskAsync(System.Net.Http.HttpMethod method, string path, System.Net.Http.IHttpClientFactory clients, RatesOptions options)
            {
                using var request = new System.Net.Http.HttpRequestMessage(method, options.Address + path + "?key=" + options.Key);
                request.Headers.Add("X-Bank-Key", options.Key);
                using var answer = await clients.CreateClient("bank").SendAsync(request);
                return $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}";
            }
        }
        """;

    [Fact]
    public async Task A_plugin_asks_another_server_with_tries_a_time_limit_a_breaker_and_a_secret()
    {
        await using var bank = await Bank.StartAsync();
        var folder = Directory.CreateTempSubdirectory("nexus-integration-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "rates"), "rates", "1.0.0", Rates, manifest =>
        {
            manifest["permissions"] = new JsonArray(new JsonObject { ["name"] = "http.external", ["reason"] = "It asks the bank." });
            manifest["configuration"] = JsonNode.Parse("""{ "type": "object", "properties": { "address": { "type": "string" }, "key": { "type": "string", "secret": true } } }""");
        });
        await using var host = await RunningHost.StartAsync([plugin], ["--plugins:outbound:allowed:0=127.0.0.1", $"--plugins:rates:address={bank.Address}", $"--plugins:rates:key={Secret}"]);
        Directory.Delete(folder, recursive: true);

        // Two failures, then an answer; a change is asked for once.
        Assert.Equal((200, "200 5"), await AskAsync(host, HttpMethod.Get, "shaky"));
        Assert.Equal(3, bank.Asked["shaky"]);
        Assert.Equal((200, "503 broken"), await AskAsync(host, HttpMethod.Post, "pay"));
        Assert.Equal(1, bank.Asked["pay"]);
        Assert.Equal((200, "404 no"), await AskAsync(host, HttpMethod.Get, "nothing"));
        Assert.Equal(1, bank.Asked["nothing"]);
        Assert.Equal([Secret], bank.Keys.Distinct());

        var (status, slow) = await AskAsync(host, HttpMethod.Get, "hangs");
        Assert.Equal((503, $"127.0.0.1:{bank.Address.Port} did not answer within 2 s."), (status, (string?)JsonNode.Parse(slow)!["detail"]));
        Assert.Equal(3, bank.Asked["hangs"]);

        // Six failures in a row: nothing is asked any more, until one request may try.
        await AskAsync(host, HttpMethod.Get, "broken");
        var before = bank.Asked["broken"];
        var refused = new List<string>();
        for (var i = 0; i < 5; i++)
            refused.Add((await AskAsync(host, HttpMethod.Get, "broken")).Text);
        Assert.Contains(refused, text => text.Contains("bank failed", StringComparison.Ordinal) && text.Contains("is not called for 0.5 s", StringComparison.Ordinal));
        Assert.InRange(bank.Asked["broken"] - before, 0, 4);
        await UntilAsync(async () => (await AskAsync(host, HttpMethod.Get, "well")).Text == "200 7");

        var settings = await host.Client.GetStringAsync("/api/v1/config", TestContext.Current.CancellationToken);
        Assert.DoesNotContain(Secret, settings + slow + string.Concat(refused) + host.Log, StringComparison.Ordinal);
    }

    private static async Task<(int Status, string Text)> AskAsync(RunningHost host, HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, "/api/custom/rates/" + path);
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), "The breaker stays open.");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private sealed class Bank(WebApplication app) : IAsyncDisposable
    {
        public ConcurrentDictionary<string, int> Asked { get; } = new();

        public ConcurrentBag<string?> Keys { get; } = [];

        public Uri Address => new(app.Urls.First() + "/");

        public static async Task<Bank> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var bank = new Bank(app);
            app.Run(bank.AnswerAsync);
            await app.StartAsync();
            return bank;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private async Task AnswerAsync(HttpContext context)
        {
            var path = context.Request.Path.Value!.Trim('/');
            var count = Asked.AddOrUpdate(path, 1, (_, known) => known + 1);
            Keys.Add(context.Request.Headers["X-Bank-Key"]);
            if (path == "hangs")
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var (status, text) = path switch
            {
                "shaky" => count < 3 ? (HttpStatusCode.BadGateway, "not yet") : (HttpStatusCode.OK, "5"),
                "well" => (HttpStatusCode.OK, "7"),
                "nothing" => (HttpStatusCode.NotFound, "no"),
                _ => (HttpStatusCode.ServiceUnavailable, "broken"),
            };
            context.Response.StatusCode = (int)status;
            await context.Response.WriteAsync(text);
        }
    }
}
