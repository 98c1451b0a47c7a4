using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Every kind of security event on a host with identity and the trail.</summary>
public sealed class SecurityEventTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    [Fact]
    public async Task Each_security_event_leaves_who_what_when_where_from_and_result_and_no_password()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Plugins, "core.audit")], [$"--plugins:core.identity:administratorPassword={First}"]);
        await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = "Wrong-Horse-8" });
        var admin = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = First }))["access_token"]!;
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/roles", new { name = "clerk", permissions = new[] { "core.identity:use" } });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/users", new { username = "ada", password = Password, roles = new[] { "clerk" } });
        await SendAsync(host, admin, HttpMethod.Put, "/api/v1/config", new JsonObject { ["logging"] = new JsonObject { ["level"] = "warning" } });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/plugins", new { path = PluginCompiler.Plugin(Path.Combine(host.Folder, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one")) });
        var ada = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "ada", password = Password }))["access_token"]!;
        await SendAsync(host, ada, HttpMethod.Get, "/api/v1/plugins");

        string[] expected = ["auth.access.denied denied", "auth.login.failed denied", "auth.login.succeeded success", "auth.password.changed success", "auth.role.created success", "auth.user.created success", "platform.config.changed success", "platform.plugin.installed success"];
        List<JsonNode> entries;
        var clock = Stopwatch.StartNew();
        do
        {
            entries = [.. (await SendAsync(host, admin, HttpMethod.Get, "/api/v1/audit?limit=200"))["items"]!.AsArray().OfType<JsonNode>()];
        }
        while (expected.Except(entries.Select(e => $"{e["action"]} {e["result"]}")).Any() && clock.Elapsed < TimeSpan.FromSeconds(60));
        Assert.Empty(expected.Except(entries.Select(e => $"{e["action"]} {e["result"]}")));
        foreach (var entry in entries.Where(e => expected.Contains($"{e["action"]} {e["result"]}")))
        {
            Assert.NotEqual("", (string?)entry["actor"] ?? "");
            Assert.Equal("127.0.0.1", (string?)entry["address"]);
            Assert.EndsWith("Z", (string?)entry["at"], StringComparison.Ordinal);
            Assert.NotEqual("", (string?)entry["correlationId"] ?? "");
        }

        var text = new JsonArray([.. entries.Select(e => e.DeepClone())]).ToJsonString();
        Assert.All([First, Password, "Wrong-Horse-8"], secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Secrets_that_identity_keeps_come_under_the_new_key_and_its_tokens_stay_good()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity")], [$"--plugins:core.identity:administratorPassword={First}"]);
        var admin = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = First }))["access_token"]!;
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        var ring = $"{SealedText.Prefix}{System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes("default/core.identity/"))}"[..^2];
        Assert.Contains(ring, DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db")), StringComparison.Ordinal);

        Assert.Equal(2, (int)(await SendAsync(host, admin, HttpMethod.Post, "/api/v1/security/keys/rotate", new { tenant = "default" }))["key"]!);
        host.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", admin);
        var done = await host.UntilAsync("/api/v1/security/keys/reencryption", a => a[0]?["finishedAt"] is not null);
        Assert.Equal((true, 0L), ((long)done[0]!["encrypted"]! > 0, (long)done[0]!["unreadable"]!));
        await host.KillAndRestartAsync();

        Assert.Contains((await SendAsync(host, admin, HttpMethod.Get, "/api/v1/security/keys")).AsArray(), k => (int?)k!["number"] == 2);
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
