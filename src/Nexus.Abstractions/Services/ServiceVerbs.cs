using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>A contract that a plugin cannot do without; it does not start while nothing provides it.</summary>
/// <param name="Contract">Stable name of the contract.</param>
/// <param name="Implementation">Name of one implementation, or null for any.</param>
public sealed record ServiceNeed(string Contract, string? Implementation = null);

/// <summary>A contract that the plugin needs.</summary>
/// <param name="Service">What is needed.</param>
public sealed record RequirementContribution(ServiceNeed Service) : Contribution;

/// <summary>The verbs by which plugins offer services to each other and use them.</summary>
public static class ServiceVerbs
{
    /// <summary>Offers an implementation of a contract to other plugins.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">Name for <c>services.bind</c>; the plugin's id when null.</param>
    /// <param name="lifetime">Singleton: one instance a generation; scoped and transient: one a call.</param>
    /// <typeparam name="TService">The contract.</typeparam>
    /// <typeparam name="TImplementation">The class; built by the plugin's container.</typeparam>
    public static IPluginBuilder Provide<TService, TImplementation>(this IPluginBuilder plugin, string? name = null, ServiceLifetime lifetime = ServiceLifetime.Singleton)
        where TService : class
        where TImplementation : class, TService
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services.Add(new ServiceDescriptor(typeof(TImplementation), typeof(TImplementation), lifetime));
        return plugin.Provide<TService>(name, lifetime, static services => services.GetRequiredService<TImplementation>());
    }

    /// <summary>Offers what a factory returns; the factory is asked once a generation for a singleton, else once a call.</summary>
    public static IPluginBuilder Provide<TService>(this IPluginBuilder plugin, string? name, ServiceLifetime lifetime, Func<IServiceProvider, TService> create)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(plugin);
        var shape = ServiceShape.For<TService>();
        return plugin.Contribute(new ServiceContribution(new()
        {
            Contract = shape.Name,
            Name = name ?? plugin.Id,
            Lifetime = lifetime,
            Methods = shape.Methods,
            Rules = shape.Rules,
            Resolve = create,
            Dispatch = shape.DispatchAsync,
        }));
    }

    /// <summary>Declares that the plugin cannot do without a contract, and lets its classes take <typeparamref name="TService"/> in their constructors. They get a proxy that follows swaps.</summary>
    public static IPluginBuilder Require<TService>(this IPluginBuilder plugin, string? implementation = null)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services.AddSingleton(services => services.GetRequiredService<IServices>().Get<TService>(implementation));
        return plugin.Contribute(new RequirementContribution(new(ServiceShape.For<TService>().Name, implementation)));
    }
}
