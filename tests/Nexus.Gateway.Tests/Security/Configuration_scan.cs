using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting.Internal;
using Nexus.Gateway.Security.Scan;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

/// <summary>What the scan says of settings.</summary>
public sealed class Configuration_scan
{
    [Theory]
    [InlineData("Production", null, true)]
    [InlineData("Production", "https://nexus.example.org", false)]
    [InlineData("Development", null, false)]
    public async Task A_production_node_that_does_not_know_its_public_address_is_a_finding(string environment, string? address, bool found)
    {
        await using var host = await GatewayHost.StartAsync(address is null ? [] : [("server:publicUrl", address)]);
        // The check alone is told another environment: a production host does not start without identity.
        var check = ActivatorUtilities.CreateInstance<ConfigurationCheck>(host.Services, new HostingEnvironment { EnvironmentName = environment });

        var findings = await check.RunAsync(TestContext.Current.CancellationToken);

        Assert.Equal(found, findings.Any(f => f is { Id: "config.no-public-url", Subject: "server.publicUrl", Severity: Severity.Medium }));
    }
}
