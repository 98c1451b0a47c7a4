using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Security.Transport;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

public sealed class Node_address
{
    [Theory]
    [InlineData("localhost:8123", "http://localhost:8123")]
    [InlineData("127.0.0.1:8123", "http://127.0.0.1:8123")]
    [InlineData("[::1]:8123", "http://[::1]:8123")]
    [InlineData("nexus.example.org", "http://nexus.example.org")]
    public async Task A_request_to_a_known_host_says_how_the_node_is_reached(string named, string expected)
    {
        await using var host = await GatewayHost.StartAsync([("server:allowedHosts:0", "nexus.example.org")], kestrel: true);

        Assert.Equal(expected, Of(host, named));
    }

    [Fact]
    public async Task A_host_that_merely_a_caller_wrote_is_never_taken()
    {
        await using var host = await GatewayHost.StartAsync([("server:allowedHosts:0", "*")], kestrel: true);

        Assert.Equal($"http://127.0.0.1:{host.Address.Port}", Of(host, "evil.example"));
        Assert.Equal($"http://127.0.0.1:{host.Address.Port}", host.Services.GetRequiredService<NodeAddress>().Public);
    }

    [Fact]
    public async Task The_public_address_of_the_settings_wins_everywhere()
    {
        await using var host = await GatewayHost.StartAsync([("server:publicUrl", "https://nexus.example.org/")], kestrel: true);

        Assert.Equal("https://nexus.example.org", Of(host, "localhost:8123"));
        Assert.Equal("https://nexus.example.org", host.Services.GetRequiredService<NodeAddress>().Public);
    }

    private static string Of(GatewayHost host, string named)
    {
        var context = new DefaultHttpContext();
        (context.Request.Scheme, context.Request.Host) = ("http", new HostString(named));
        return host.Services.GetRequiredService<NodeAddress>().Of(context);
    }
}
