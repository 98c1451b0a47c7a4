using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Events whose data are confidential: what lies on the disk, who gets them, who sees that there are data only.</summary>
public sealed class EventEncryptionTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    private const string Source = """"
        [Event("vault.opened", Encrypted = true)]
        public sealed record Opened(string Text);
        public sealed class ThePlugin : IPlugin
        {
            private static readonly List<string> Seen = [];
            private static void Note(string by, EventContext context) { lock (Seen) Seen.Add($"{by} {context.Message.Name} {System.Text.Encoding.UTF8.GetString(context.Message.Data.Span)}"); }
            private static EventMessage Of(string name, string text) => new() { Name = name, Source = "nexus", Data = System.Text.Encoding.UTF8.GetBytes($$"""{"text":"{{text}}"}""") };
            public void Configure(IPluginBuilder plugin) => plugin
                .On("finance.*", (context, _) => { Note("durable", context); return context.Message.Name == "finance.poisoned" ? throw new InvalidOperationException("no") : Task.CompletedTask; }, handler => handler with { MaxAttempts = 1 })
                .On("finance.*", (context, _) => { Note("here", context); return Task.CompletedTask; }, handler => handler with { Durable = false })
                .On("finance.*", (context, _) => { Note("filtered", context); return Task.CompletedTask; }, handler => handler with { Filter = new Filter.Compare("text", FilterOperator.Equal, System.Text.Json.JsonSerializer.SerializeToElement("geheim-stream")) })
                .On<Opened>((opened, _) => { lock (Seen) Seen.Add("typed " + opened.Text); return Task.CompletedTask; })
                .MapEndpoints(routes =>
                {
                    routes.MapGet("/seen", () => { lock (Seen) return Results.Json(Seen.ToArray()); });
                    routes.MapPost("/typed/{text}", async (string text, IEvents events) => Results.Json(await events.PublishAsync(new Opened(text))));
                    routes.MapPost("/sql/{text}", async (string text, ISqlDatabase sql) => await sql.WriteAsync((session, _) => { session.Publish(Of("finance.posted", text)); return ValueTask.FromResult(0); }));
                    routes.MapPost("/documents/{text}", (string text, IDocuments documents) => documents.CommitAsync([new DocumentWrite("a", new System.Text.Json.Nodes.JsonObject())], [Of("finance.noted", text)]).AsTask());
                    routes.MapPost("/stream/{text}", async (string text, IEventStreams streams) => Results.Json(await streams.AppendAsync("safe", [Of("finance.kept", text)])));
                    routes.MapGet("/stream", async (IEventStreams streams) => Results.Json((await streams.ReadAsync(new StreamQuery("safe"))).Events.Select(e => System.Text.Encoding.UTF8.GetString(e.Message.Data.Span)).ToArray()));
                    routes.MapPost("/forge/{name}", async (string name, IEvents events, ISqlDatabase sql, IEventStreams streams) =>
                    {
                        var claimed = new EventMessage { Name = name, Source = "nexus", Tenant = CallContext.Current.Tenant };
                        await events.PublishAsync(claimed);
                        await sql.WriteAsync((session, _) => { session.Publish(claimed with { Id = Guid.CreateVersion7() }); return ValueTask.FromResult(0); });
                        await streams.AppendAsync("claims", [claimed with { Id = Guid.CreateVersion7() }]);
                    });
                });
        }
        """";

    private static readonly string[] Plain = ["geheim-typed", "geheim-sql", "geheim-documents", "geheim-stream", "geheim-api", "geheim-dead"];

    [Fact]
    public async Task No_file_of_the_node_holds_the_data_and_handlers_get_them_also_after_restarts_rotations_and_replays()
    {
        await using var host = await StartAsync();
        await host.PostAsync("/api/custom/vault/typed/geheim-typed");
        await host.PostAsync("/api/custom/vault/sql/geheim-sql");
        await host.PostAsync("/api/custom/vault/documents/geheim-documents");
        await host.PostAsync("/api/custom/vault/stream/geheim-stream");
        await host.PostAsync("/api/v1/events", new { name = "finance.told", data = new { text = "geheim-api" }, encrypted = true });
        await host.PostAsync("/api/v1/events", new { name = "finance.poisoned", data = new { text = "geheim-dead" } });
        string[] expected = ["durable finance.posted {\"text\":\"geheim-sql\"}", "durable finance.noted {\"text\":\"geheim-documents\"}", "durable finance.kept {\"text\":\"geheim-stream\"}", "durable finance.told {\"text\":\"geheim-api\"}", "here finance.posted {\"text\":\"geheim-sql\"}", "here finance.told {\"text\":\"geheim-api\"}", "filtered finance.kept {\"text\":\"geheim-stream\"}", "typed geheim-typed"];

        var seen = await host.UntilAsync("/api/custom/vault/seen", s => !expected.Except(Texts(s)).Any());
        await host.UntilAsync("/api/v1/events/dead-letters", d => d.AsArray().Count == 1);
        await host.PostAsync("/api/v1/security/keys/rotate", new { tenant = "default" });
        await host.KillAndRestartAsync();

        Assert.Single(Texts(seen), s => s.StartsWith("filtered", StringComparison.Ordinal));
        Assert.Equal(["{\"text\":\"geheim-stream\"}"], Texts(await host.GetAsync("/api/custom/vault/stream")));
        Assert.Equal(5, (int)(await host.PostAsync("/api/v1/events/replay", new { group = "vault/finance.*" }))["replayed"]!);
        await host.UntilAsync("/api/custom/vault/seen", s => !expected.Where(e => e.StartsWith("durable", StringComparison.Ordinal)).Except(Texts(s)).Any());
        var dead = await host.UntilAsync("/api/v1/events/dead-letters", d => d.AsArray().Count == 1);
        Assert.Equal(("geheim-dead", true), ((string)dead[0]!["data"]!["text"]!, (bool)dead[0]!["encrypted"]!));
        Assert.Equal(0, await host.StopAsync());
        foreach (var file in Directory.EnumerateFiles(host.Folder, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/plugins/", StringComparison.Ordinal)))
        {
            var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
            Assert.All(Plain, text => Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) < 0, $"{file} holds {text}"));
        }

        // The others stand in the addresses of the test's own requests.
        Assert.All(Plain[4..], text => Assert.DoesNotContain(text, host.Log, StringComparison.Ordinal));
        Assert.Contains("finance.posted", DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_read_events_but_not_decrypt_them_sees_that_they_are_encrypted_on_every_way()
    {
        await using var host = await StartAsync(Path.Combine(Programs.Plugins, "core.identity"));
        var admin = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = First }))["access_token"]!;
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        var reader = await UserAsync(host, admin, "reader", "platform.events:read", "platform.webhooks:*");
        var auditor = await UserAsync(host, admin, "auditor", "platform.events:read", "platform.events:decrypt", "platform.webhooks:*");
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/events/streams/safe", new { events = new[] { new { name = "finance.told", data = new { text = "geheim-api" } } } });

        foreach (var (token, sees) in new[] { (reader, false), (auditor, true) })
        {
            var listed = (await SendAsync(host, token, HttpMethod.Get, "/api/v1/events?pattern=finance.*"))[0]!;
            JsonNode[] ways =
            [
                listed,
                await SendAsync(host, token, HttpMethod.Get, $"/api/v1/events/{listed["id"]}"),
                (await SendAsync(host, token, HttpMethod.Get, "/api/v1/events/streams/safe"))["events"]![0]!,
                await FollowAsync(host, token, "/api/v1/events/stream?pattern=finance.*"),
                (await FollowAsync(host, token, "/live?events=finance.*"))["message"]!,
            ];
            Assert.All(ways, way => Assert.Equal((true, sees ? "geheim-api" : null), ((bool)way["encrypted"]!, (string?)way["data"]?["text"])));
        }

        var refused = await SendAsync(host, reader, HttpMethod.Post, "/api/v1/events/webhooks", new { url = "https://example.com", patterns = new[] { "finance.*" }, decrypt = true });
        var made = await SendAsync(host, auditor, HttpMethod.Post, "/api/v1/events/webhooks", new { url = "https://example.com", patterns = new[] { "other.*" }, decrypt = true });
        var moved = await SendAsync(host, reader, HttpMethod.Patch, $"/api/v1/events/webhooks/{made["webhook"]!["id"]}", new { url = "https://elsewhere.example" });
        var closed = await SendAsync(host, reader, HttpMethod.Patch, $"/api/v1/events/webhooks/{made["webhook"]!["id"]}", new { decrypt = false, url = "https://elsewhere.example" });
        Assert.Equal(("INSUFFICIENT_EVENT_PERMISSIONS", "INSUFFICIENT_EVENT_PERMISSIONS"), ((string)refused["code"]!, (string)moved["code"]!));
        Assert.Equal((true, false), ((bool)made["webhook"]!["decrypt"]!, (bool)closed["decrypt"]!));
    }

    [Theory]
    [InlineData(true, """{"text":"geheim-api"}""")]
    [InlineData(false, null)]
    public async Task A_webhook_gets_the_data_if_it_was_made_to_decrypt(bool decrypt, string? data)
    {
        await using var host = await StartAsync();
        using var receiver = new HttpListener();
        var address = $"http://127.0.0.1:{RunningHost.FreePort()}/";
        receiver.Prefixes.Add(address);
        receiver.Start();
        await host.PostAsync("/api/v1/events/webhooks", new { url = address, patterns = new[] { "finance.*" }, decrypt });

        await host.PostAsync("/api/v1/events", new { name = "finance.told", data = new { text = "geheim-api" } });
        var got = await receiver.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        var body = (await JsonNode.ParseAsync(got.Request.InputStream, cancellationToken: TestContext.Current.CancellationToken))!;
        got.Response.Close();

        Assert.Equal(("finance.told", true, data), ((string)body["name"]!, (bool)body["encrypted"]!, body["data"]?.ToJsonString()));
    }

    [Fact]
    public async Task Neither_a_plugin_nor_a_client_publishes_as_the_platform()
    {
        await using var host = await StartAsync();

        await host.PostAsync("/api/custom/vault/forge/orders.claimed");
        await host.PostAsync("/api/v1/events", new { name = "orders.told", publisher = "nexus", source = "nexus", headers = new Dictionary<string, string> { ["nexus-sealed"] = "1" } });
        await host.PostAsync("/api/v1/events/streams/one", new { events = new[] { new { name = "orders.appended" } } });
        using var client = await host.Client.PostAsJsonAsync("/api/v1/events", new { name = "plugin.enabled", data = new { id = "vault" } });
        using var plugin = await host.Client.PostAsync("/api/custom/vault/forge/system.started", null);

        var publishers = RunningHost.Rows(await host.UntilAsync("/api/v1/events?pattern=orders.*", e => e.AsArray().Count == 5)).Select(e => $"{e["name"]} {e["publisher"]} {e["data"]}");
        Assert.Equal(["orders.appended nexus.api {}", "orders.claimed vault {}", "orders.claimed vault {}", "orders.claimed vault {}", "orders.told nexus.api {}"], publishers.Order(StringComparer.Ordinal));
        Assert.Equal("INVALID_EVENT_TYPE", (string)(await client.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken))!["code"]!);
        Assert.False(plugin.IsSuccessStatusCode);
        Assert.DoesNotContain(RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=*&limit=1000")), e => (string?)e["publisher"] != "nexus" && ((string)e["name"]!).StartsWith("system.", StringComparison.Ordinal));
    }

    private static async Task<RunningHost> StartAsync(params string[] more)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-vault-").FullName;
        var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "vault"), "vault", "1.0.0", Source), .. more], ["--events:encrypt:0=finance.*", "--plugins:outbound:allowed:0=127.0.0.1", $"--plugins:core.identity:administratorPassword={First}"]);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static string[] Texts(JsonNode list) => [.. list.AsArray().Select(t => (string)t!)];

    private static async Task<string> UserAsync(RunningHost host, string admin, string name, params string[] permissions)
    {
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/roles", new { name, permissions });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/users", new { username = name, password = Password, roles = new[] { name } });
        return (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = name, password = Password }))["access_token"]!;
    }

    /// <summary>The first event of a stream from its beginning.</summary>
    private static async Task<JsonNode> FollowAsync(RunningHost host, string token, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Add("Last-Event-ID", "0");
        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await lines.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal) && line.Contains("finance.told", StringComparison.Ordinal)) return JsonNode.Parse(line[6..])!;
        }

        throw new InvalidOperationException($"{path} ended");
    }

    private static async Task<JsonNode> SendAsync(RunningHost host, string? token, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }
}
