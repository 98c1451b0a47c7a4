using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Live;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Security;

namespace Nexus.Gateway.Tests.Live;

/// <summary>A gateway with invoices, identity and an event log.</summary>
internal static class LiveHosts
{
    public const string Read = "sample.billing.invoices:read";

    public static FakeIdentity Identity() => new FakeIdentity()
        .Token("ada-1", "ada", "reader").Token("ada-2", "ada", "reader").Token("bob-1", "bob", "nobody").Token("root", "root", "administrator")
        .Grant("reader", Read);

    public static async Task<(GatewayHost Host, FakeTail Tail)> StartAsync(FakeIdentity? identity = null, params (string, string)[] settings) => await StartAsync(TimeProvider.System, identity, settings);

    public static async Task<(GatewayHost Host, FakeTail Tail)> StartAsync(TimeProvider time, FakeIdentity? identity, params (string, string)[] settings)
    {
        var tail = new FakeTail();
        var host = await GatewayHost.StartAsync(settings, kestrel: true, configure: services => services.AddSingleton<IEventTail>(tail).AddSingleton<IEventStore>(tail).AddSingleton(time));
        host.Plugins.Always = identity is null ? [] : [identity.Plugin()];
        host.Plugins.Publish(Invoices.Plugin());
        return (host, tail);
    }

    /// <summary>Adds an invoice and tells of it; its id.</summary>
    public static string Create(this (GatewayHost Host, FakeTail Tail) at, string json, string verb = "created", string tenant = CallContext.DefaultTenant)
    {
        var id = at.Host.Operations.Add(json);
        at.Tail.Publish($"sample.billing.invoices.{verb}", $$"""{"id":"{{id}}","revision":1,"record":{{json}}}""", tenant);
        return id;
    }

    /// <summary>Waits until a condition holds.</summary>
    public static Task UntilAsync(this GatewayHost host, Func<bool> holds) => Until.HoldsAsync(holds);

    /// <summary>Waits until nothing of live updates is open on the host any more.</summary>
    public static async Task UntilNothingIsOpenAsync(this GatewayHost host)
    {
        var (connections, feed, callers) = (host.Services.GetRequiredService<LiveConnections>(), host.Services.GetRequiredService<ChangeFeed>(), host.Services.GetRequiredService<OpenCallers>());
        await Until.HoldsAsync(() => connections.Count + feed.Count + callers.Count == 0, () => $"{(connections.Count, feed.Count, callers.Count)}");
    }
}
