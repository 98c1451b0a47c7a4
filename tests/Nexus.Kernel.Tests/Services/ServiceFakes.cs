using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Primitives;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Tests.Services;

/// <summary>Plugins whose snapshot a test publishes by hand.</summary>
internal sealed class HandPlugins : IPlugins
{
    private ConfigurationReloadToken _change = new();

    public PlatformSnapshot Current { get; private set; } = PlatformSnapshot.Empty;

    public void Publish(params ActivePlugin[] plugins)
    {
        Current = new(Current.Version + 1, [.. plugins]);
        Interlocked.Exchange(ref _change, new()).OnReload();
    }

    public ImmutableArray<PluginStatus> List() =>
        [.. Current.Plugins.Select(plugin => new PluginStatus { Id = plugin.Manifest.Name, Version = "1.0.0", State = PluginState.Active })];

    public IChangeToken GetChangeToken() => _change;

    public Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>A generation that counts its leases.</summary>
internal sealed class CountingGeneration(IServiceProvider services) : IGeneration
{
    private int _held;
    private volatile bool _draining;

    public IServiceProvider Services { get; } = services;

    public CancellationToken Stopping => CancellationToken.None;

    public int Held => Volatile.Read(ref _held);

    public void Drain() => _draining = true;

    public bool TryEnter()
    {
        if (_draining)
            return false;
        Interlocked.Increment(ref _held);
        return true;
    }

    public void Exit() => Interlocked.Decrement(ref _held);
}

/// <summary>A registry with hand-published plugins and settings.</summary>
internal sealed class ServiceBench : IDisposable
{
    private readonly IConfigurationRoot _configuration = new ConfigurationBuilder().AddInMemoryCollection().Build();

    public ServiceBench(TimeProvider? time = null) => Registry = new(Plugins, _configuration, NullLoggerFactory.Instance, time);

    public HandPlugins Plugins { get; } = new();

    public ServiceRegistry Registry { get; }

    public IServices For(string consumer) => new PluginServices(Registry, consumer);

    public void Set(string key, string? value)
    {
        _configuration[key] = value;
        _configuration.Reload();
    }

    /// <summary>Configures a plugin as the kernel does: its own container, its contributions as data.</summary>
    public static ActivePlugin Plugin(string id, Action<IPluginBuilder> configure, params object[] shared)
    {
        var builder = new Builder(id);
        configure(builder);
        foreach (var instance in shared)
            builder.Services.AddSingleton(instance.GetType(), instance);
        var contributions = builder.Services.Where(service => service.ServiceType == typeof(Contribution) || service.ImplementationInstance is Contribution).Select(service => service.ImplementationInstance).ToList();
        return new()
        {
            Manifest = new() { Name = id, Version = "1.0.0", Category = PluginCategory.Custom, Description = "", Entry = "" },
            Generation = 1,
            Lease = new CountingGeneration(builder.Services.BuildServiceProvider()),
            Services = [.. contributions.OfType<ServiceContribution>().Select(contribution => contribution.Descriptor)],
            Requires = [.. contributions.OfType<RequirementContribution>().Select(contribution => contribution.Service)],
        };
    }

    public void Dispose() => Registry.Dispose();

    private sealed class Builder(string id) : IPluginBuilder
    {
        public string Id { get; } = id;

        public IServiceCollection Services { get; } = new ServiceCollection();

        public IConfiguration Configuration { get; } = new ConfigurationBuilder().Build();
    }
}
