using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Tests.Services;

public sealed class ServiceRequirementsTests
{
    private static readonly ActivePlugin Post = ServiceBench.Plugin("post", plugin => plugin.Provide<IMail>("post", ServiceLifetime.Singleton, _ => new Mail("post")));

    [Fact]
    public void An_unmet_service_is_named()
    {
        var error = Assert.Throws<NexusException>(() => ServiceRequirements.Check(Consumer(null), []));

        Assert.Equal("PLUGIN_DEPENDENCY_ERROR", error.Code);
        Assert.Contains("shop requires the service mail", error.Message);
    }

    [Fact]
    public void A_named_implementation_that_is_missing_is_told_with_those_there_are()
    {
        var error = Assert.Throws<NexusException>(() => ServiceRequirements.Check(Consumer("fax"), [Post]));

        Assert.Equal("PLUGIN_DEPENDENCY_ERROR", error.Code);
        Assert.Contains("\"fax\"; provided are post", error.Message);
    }

    [Fact]
    public void A_met_service_passes() => ServiceRequirements.Check(Consumer("post"), [Post]);

    [Fact]
    public void A_plugin_meets_its_own_needs() =>
        ServiceRequirements.Check(ServiceBench.Plugin("post", plugin => plugin.Require<IMail>().Provide<IMail>(null, ServiceLifetime.Singleton, _ => new Mail("x"))), []);

    private static ActivePlugin Consumer(string? implementation) => ServiceBench.Plugin("shop", plugin => plugin.Require<IMail>(implementation));
}
