using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins.Capabilities;

namespace Nexus.Kernel.Services;

/// <summary>Gives each generation its own <see cref="IServices"/>.</summary>
/// <param name="host">The host's provider: the registry needs <see cref="IPlugins"/>, which itself asks for all ports, so it is taken when a plugin first uses it.</param>
internal sealed class ServicePorts(IServiceProvider host) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var consumer = context.Manifest.Name;
        services.AddSingleton<IServices>(_ => new PluginServices(host.GetRequiredService<ServiceRegistry>(), consumer));
    }
}

/// <summary>The services as one generation of one plugin sees them. Proxies are kept here and not in the registry: their types belong to the contract assembly, which may leave with the plugin.</summary>
internal sealed class PluginServices(ServiceRegistry registry, string consumer) : IServices
{
    private readonly ConcurrentDictionary<(Type Contract, string? Implementation), object> _proxies = new();

    /// <summary>Asked at each call, so that a revocation cuts proxies that are held already; null asks nobody.</summary>
    public CapabilityGuard? Guard { get; set; }

    public T Get<T>(string? implementation = null)
        where T : class
    {
        if (_proxies.TryGetValue((typeof(T), implementation), out var known))
            return (T)known;
        var shape = ServiceShape.For<T>();
        registry.NoteUse(consumer, shape.Name, implementation);
        return (T)_proxies.GetOrAdd((typeof(T), implementation), shape.CreateProxy(new GuardedSlot(registry.SlotOf(shape.Name, implementation), this, shape.Name)));
    }

    public T? Find<T>(string implementation)
        where T : class =>
        registry.Names(ServiceShape.For<T>().Name).Contains(implementation) ? Get<T>(implementation) : null;

    public ImmutableArray<T> GetAll<T>()
        where T : class =>
        [.. registry.Names(ServiceShape.For<T>().Name).Select(name => Get<T>(name))];
}

/// <summary>A slot that is entered only while its plugin may call services of others.</summary>
internal sealed class GuardedSlot(ServiceSlot inner, PluginServices owner, string contract) : ServiceSlot
{
    public override TimeProvider Time => inner.Time;

    public override ServiceTarget Enter()
    {
        owner.Guard?.Demand(Capability.Services, contract);
        return inner.Enter();
    }
}
