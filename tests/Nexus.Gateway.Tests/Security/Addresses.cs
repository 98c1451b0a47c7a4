using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Addresses
{
    private static readonly (string, string) Proxy = ("security:trustedProxies:0", "127.0.0.0/8");

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("10.2.0.0", false)]
    [InlineData("192.0.2.7", true)]
    [InlineData("192.0.2.8", false)]
    [InlineData("::ffff:10.1.0.9", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("2001:db9::1", false)]
    public void A_set_knows_addresses_and_networks_of_both_families(string address, bool within)
    {
        var set = AddressSet.Parse(["10.1.0.0/16", "10.1.2.0/24", "192.0.2.7", "2001:db8::/32"]);

        Assert.Equal(within, set.Contains(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("ten")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("::/129")]
    [InlineData("")]
    public void What_is_no_network_is_named(string entry) =>
        Assert.Contains($"'{entry}'", Assert.Throws<FormatException>(() => AddressSet.Parse([entry])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("203.0.113.9", 200)]
    [InlineData("203.0.113.10", 403)]
    [InlineData("198.51.100.1", 403)]
    public async Task Denied_wins_over_allowed_and_others_are_refused(string address, int status)
    {
        await using var host = await StartAsync(("security:addresses:allow:0", "203.0.113.0/24"), ("security:addresses:deny:0", "203.0.113.10"));

        var answer = await SendAsync(host, address);

        if (status == 403)
            await Problems.AssertAsync(answer, 403, "ADDRESS_BLOCKED");
        else
            Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_forwarded_address_is_believed_of_trusted_proxies_only()
    {
        await using var trusting = await StartAsync(("security:addresses:deny:0", "203.0.113.10"));
        await using var alone = await GatewayHost.StartAsync([("security:addresses:deny:0", "203.0.113.10")], kestrel: true);

        Assert.Equal(403, (int)(await SendAsync(trusting, "203.0.113.10")).StatusCode);
        Assert.Equal(200, (int)(await SendAsync(alone, "203.0.113.10")).StatusCode);
        // What stands left of the nearest untrusted hop is a claim of that hop.
        Assert.Equal(200, (int)(await SendAsync(trusting, "203.0.113.10, 198.51.100.1")).StatusCode);
        Assert.Equal(403, (int)(await SendAsync(trusting, "198.51.100.1, 203.0.113.10, 127.0.0.9")).StatusCode);
        Assert.Equal(200, (int)(await SendAsync(trusting, "nonsense, <script>")).StatusCode);
    }

    [Fact]
    public async Task A_blocked_address_is_refused_until_it_is_unblocked()
    {
        await using var host = await StartAsync();

        var made = await Resource_routes.SendAsync(host, HttpMethod.Post, "/api/v1/admin/security/block-ip", """{"address":"203.0.113.77","minutes":5,"reason":"probing"}""");
        Assert.Equal(201, (int)made.StatusCode);
        var refused = await SendAsync(host, "203.0.113.77");
        await Problems.AssertAsync(refused, 403, "ADDRESS_BLOCKED");
        Assert.InRange(int.Parse(refused.Headers.GetValues("Retry-After").Single(), System.Globalization.CultureInfo.InvariantCulture), 200, 300);
        var rules = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/security/ip-rules"))!;
        Assert.Equal("203.0.113.77", rules["blocked"]![0]!["address"]!.GetValue<string>());

        Assert.Equal(204, (int)(await host.Client.DeleteAsync("/api/v1/security/block-ip/203.0.113.77")).StatusCode);
        Assert.Equal(200, (int)(await SendAsync(host, "203.0.113.77")).StatusCode);
        Assert.Equal(404, (int)(await host.Client.DeleteAsync("/api/v1/security/block-ip/203.0.113.77")).StatusCode);
    }

    [Fact]
    public async Task Nobody_blocks_the_address_it_calls_from()
    {
        await using var host = await StartAsync();

        await Problems.AssertAsync(await Resource_routes.SendAsync(host, HttpMethod.Post, "/api/v1/security/block-ip", """{"address":"127.0.0.1"}"""), 409, "CONFLICT");
        await Problems.AssertAsync(await Resource_routes.SendAsync(host, HttpMethod.Post, "/api/v1/security/block-ip", """{"address":"here"}"""), 422, "VALIDATION_ERROR");
        await Problems.AssertAsync(await Resource_routes.SendAsync(host, HttpMethod.Put, "/api/v1/security/ip-rules", """{"allow":["10.0.0.0/8"]}"""), 409, "CONFLICT");
    }

    [Fact]
    public async Task A_rule_that_cannot_be_read_stops_the_start_and_is_named()
    {
        var refusal = await Assert.ThrowsAsync<NexusException>(() => GatewayHost.StartAsync([("security:addresses:deny:0", "10.0.0.0/64")]));

        Assert.Equal("CONFIG_VALIDATION_ERROR", refusal.Code);
        Assert.Contains("'10.0.0.0/64'", refusal.Message, StringComparison.Ordinal);
    }

    private static Task<GatewayHost> StartAsync(params (string, string)[] settings) => GatewayHost.StartAsync([Proxy, .. settings], kestrel: true);

    private static Task<HttpResponseMessage> SendAsync(GatewayHost host, string forwarded) =>
        Resource_routes.SendAsync(host, HttpMethod.Get, "/health/live", null, ("X-Forwarded-For", forwarded));
}
