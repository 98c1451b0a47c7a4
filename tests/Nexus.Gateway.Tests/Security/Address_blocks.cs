using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Address_blocks
{
    private readonly FakeStorage storage = new();
    private readonly FakeTime time = new();

    [Fact]
    public async Task A_blocked_address_is_blocked_after_a_restart_until_its_time_is_over()
    {
        await using (var before = await StartAsync())
        {
            Assert.Equal(201, (int)(await before.Client.PostAsJsonAsync("/api/v1/security/block-ip", new { address = "203.0.113.5", minutes = 30, reason = "scanner" })).StatusCode);
            Assert.Equal(201, (int)(await before.Client.PostAsJsonAsync("/api/v1/security/block-ip", new { address = "2001:db8::1", minutes = 90 })).StatusCode);
        }

        await using (var after = await StartAsync())
        {
            Assert.Equal(403, await FromAsync(after, "203.0.113.5"));
            Assert.Equal(403, await FromAsync(after, "2001:db8::2"));
            Assert.Equal(200, await FromAsync(after, "203.0.113.6"));
            var rules = JsonNode.Parse(await after.Client.GetStringAsync("/api/v1/security/ip-rules"))!;
            Assert.Equal(["blocked by an operator", "scanner"], rules["blocked"]!.AsArray().Select(b => (string)b!["reason"]!).Order());
        }

        time.Advance(TimeSpan.FromMinutes(31));
        await using var late = await StartAsync();
        Assert.Equal(200, await FromAsync(late, "203.0.113.5"));
        Assert.Equal(403, await FromAsync(late, "2001:db8::1"));
        Assert.Single(await StoredAsync());
    }

    [Fact]
    public async Task What_one_node_blocks_and_opens_the_others_follow()
    {
        await using var one = await StartAsync();
        await using var other = await StartAsync();
        await one.Client.PostAsJsonAsync("/api/v1/security/block-ip", new { address = "203.0.113.5" });
        time.Advance(TimeSpan.FromSeconds(1));

        await other.Services.GetRequiredService<AddressBlocks>().FollowAsync(default);
        Assert.Equal(403, await FromAsync(other, "203.0.113.5"));
        Assert.Equal(204, (int)(await other.Client.DeleteAsync("/api/v1/security/block-ip/203.0.113.5")).StatusCode);
        await one.Services.GetRequiredService<AddressBlocks>().FollowAsync(default);

        Assert.Equal(200, await FromAsync(one, "203.0.113.5"));
        Assert.Empty(await StoredAsync());
    }

    private async Task<StoredRecord[]> StoredAsync() =>
        [.. (await storage.QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "core/security/blocks/" }, default)).Records];

    private Task<GatewayHost> StartAsync() => GatewayHost.StartAsync([("security:trustedProxies:0", "127.0.0.1")], kestrel: true, configure: services => services.AddSingleton<IStorage>(storage).AddSingleton<TimeProvider>(time));

    private static async Task<int> FromAsync(GatewayHost host, string address) =>
        (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/health/live", null, ("X-Forwarded-For", address))).StatusCode;
}
