using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Tests.Services;

public sealed class ServiceRequirementsTests
{
    private static readonly ActivePlugin Post = Provider("post", "post");

    [Fact]
    public void An_unmet_service_is_named()
    {
        var error = Refusal(Consumer(null));

        Assert.Equal("PLUGIN_DEPENDENCY_ERROR", error.Code);
        Assert.Contains("shop requires the service mail", error.Message);
    }

    [Fact]
    public void A_named_implementation_that_is_missing_is_told_with_those_there_are()
    {
        var error = Refusal(Consumer("fax"), Post);

        Assert.Equal("PLUGIN_DEPENDENCY_ERROR", error.Code);
        Assert.Contains("\"fax\"; provided are post", error.Message);
    }

    [Fact]
    public void A_met_service_passes() => ServiceRequirements.Check(Consumer("post"), new(1, [Post]));

    [Fact]
    public void A_plugin_meets_its_own_needs_and_replaces_its_own_names()
    {
        var both = ServiceBench.Plugin("post", plugin => plugin.Require<IMail>().Provide<IMail>("post", ServiceLifetime.Singleton, _ => new Mail("x")));

        ServiceRequirements.Check(both, new(1, [Post]));
    }

    [Fact]
    public void Two_plugins_may_not_provide_one_name()
    {
        var error = Refusal(Provider("pigeon", "post"), Post);

        Assert.Equal("PLUGIN_REGISTRATION_FAILED", error.Code);
        Assert.Contains("post and pigeon both provide mail as \"post\"", error.Message);
    }

    [Fact]
    public void One_plugin_may_not_provide_one_name_twice()
    {
        var twice = ServiceBench.Plugin("post", plugin => plugin
            .Provide<IMail>(null, ServiceLifetime.Singleton, _ => new Mail("a")).Provide<IMail>(null, ServiceLifetime.Singleton, _ => new Mail("b")));

        Assert.Contains("twice", Refusal(twice).Message);
    }

    private static NexusException Refusal(ActivePlugin plugin, params ActivePlugin[] others) =>
        Assert.Throws<NexusException>(() => ServiceRequirements.Check(plugin, new(1, [.. others])));

    private static ActivePlugin Consumer(string? implementation) => ServiceBench.Plugin("shop", plugin => plugin.Require<IMail>(implementation));

    private static ActivePlugin Provider(string id, string name) =>
        ServiceBench.Plugin(id, plugin => plugin.Provide<IMail>(name, ServiceLifetime.Singleton, _ => new Mail(id)));
}
