using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>Webhooks as their owners manage them.</summary>
public sealed class WebhookHttpTests
{
    private const string Root = "/api/v1/events/webhooks";

    [Fact]
    public async Task A_webhook_is_made_changed_and_removed_and_its_secret_is_shown_once()
    {
        await using var host = await RunningHost.StartAsync();

        var made = await host.PostAsync(Root, new { url = "http://127.0.0.1:9/", patterns = new[] { "orders.*" }, maxAttempts = 1 });
        var id = (string)made["webhook"]!["id"]!;
        var stored = DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db"));
        var published = await host.PostAsync("/api/v1/events", new { name = "orders.opened" });
        var dead = await host.UntilAsync($"{Root}/{id}/deliveries?state=dead", d => d.AsArray().Count == 1);
        var rotated = await host.PostAsync($"{Root}/{id}/rotate");
        using var patched = await host.Client.PatchAsJsonAsync($"{Root}/{id}", new { enabled = false });
        var disabled = (await patched.Content.ReadFromJsonAsync<JsonNode>())!;
        var shown = await Programs.CliAsync(host, "events", "webhooks", "enable", id);
        var listed = await host.GetAsync(Root);
        var removed = await Programs.CliAsync(host, "events", "webhooks", "remove", id);
        using var gone = await host.Client.GetAsync($"{Root}/{id}");

        Assert.StartsWith("whsec_", (string)made["secret"]!, StringComparison.Ordinal);
        Assert.NotEqual((string)made["secret"]!, (string)rotated["secret"]!);
        Assert.Equal((string)published["id"]!, (string)dead[0]!["id"]!);
        Assert.Contains("plugins.outbound.allowed", (string)dead[0]!["deliveries"]![0]!["lastError"]!, StringComparison.Ordinal);
        Assert.False((bool)disabled["enabled"]!);
        Assert.Equal(0, shown.ExitCode);
        Assert.True((bool)Assert.Single(listed.AsArray())!["enabled"]!);
        Assert.DoesNotContain("whsec_", listed.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal((0, 404), (removed.ExitCode, (int)gone.StatusCode));
        Assert.Contains(id, stored, StringComparison.Ordinal);
        Assert.DoesNotContain((string)made["secret"]!, stored, StringComparison.Ordinal);
    }
}
