using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins.Capabilities;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The container of one generation. Host services enter by instance, so the host's root provider never learns a type of the plugin.</summary>
internal sealed class ChildContainer : IPluginBuilder, IDisposable
{
    private readonly IServiceProvider host;
    private readonly Generation generation;
    private readonly GenerationMeters meters;
    private readonly OutboundHandlers handlers;
    private readonly ConfigurationRoot configuration;
    private readonly GenerationLifetime lifetime;

    public ChildContainer(IServiceProvider host, Generation generation)
    {
        this.host = host;
        this.generation = generation;
        handlers = new OutboundHandlers(CapabilityGuard.IsHosts(generation.Manifest) ? null : new OutboundTargets(host.GetService<PluginsOptions>()?.Outbound ?? new PluginOutboundOptions()), generation.Guard);
        meters = new GenerationMeters(generation.Manifest.Name, host.GetService<IMeterFactory>());
        var loggers = host.GetRequiredService<ILoggerFactory>();
        lifetime = new GenerationLifetime(generation, loggers.CreateLogger(generation.Manifest.Name));

        // A root of its own over the host's section: what the plugin hangs on its reload tokens leaves with this root.
        var section = host.GetService<IConfiguration>()?.GetSection($"plugins:{generation.Manifest.Name}");
        var sources = new ConfigurationBuilder();
        configuration = (ConfigurationRoot)(section is null ? sources : sources.AddConfiguration(section)).Build();

        Services.AddOptions();
        Services.AddSingleton<ILoggerFactory>(new ForwardedLoggers(loggers, host.GetService<PluginLogs>(), generation.Manifest.Name));
        Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        Services.AddSingleton(host.GetService<TimeProvider>() ?? TimeProvider.System);
        Services.AddSingleton<IConfiguration>(configuration);
        Services.AddSingleton<IMeterFactory>(meters);
        Services.AddSingleton<IHostApplicationLifetime>(lifetime);
        Services.AddSingleton(generation.Manifest);
        if (host.GetService<IHostEnvironment>() is { } environment)
        {
            Services.AddSingleton(environment);
        }

        // Parts of the platform see what the node has; other plugins see only what they were given.
        if (generation.Manifest.Category == PluginCategory.Core)
        {
            // By instance: what a container makes by a factory it disposes of, and the node's own would end with the first plugin that asked for it.
            if (host.GetService<IPlugins>() is { } plugins)
            {
                Services.AddSingleton(plugins);
            }

            if (host.GetService<IAuthorization>() is { } authorization)
            {
                Services.AddSingleton(authorization);
            }

            if (host.GetService<IConfiguration>() is { } settings)
            {
                Services.AddSingleton(new NodeSettings(settings));
            }

            if (host.GetService<ILogSinks>() is { } sinks)
            {
                Services.AddSingleton(sinks);
            }

            Services.AddSingleton(new NodeFolders(Path.GetFullPath(host.GetService<PluginsOptions>()?.DataDirectory ?? "data")));
        }

        Services.AddHttpClient();
        // Handlers live as long as the generation; connections are renewed so that a change of DNS is seen.
        Services.ConfigureHttpClientDefaults(client => client.SetHandlerLifetime(Timeout.InfiniteTimeSpan).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler()));
    }

    public string Id => generation.Manifest.Name;

    public IServiceCollection Services { get; } = new ServiceCollection();

    public IConfiguration Configuration => configuration;

    /// <summary>What the plugin declared so far.</summary>
    public IEnumerable<T> Contributions<T>()
        where T : Contribution => Services.Where(d => d.ServiceType == typeof(Contribution)).Select(d => d.ImplementationInstance).OfType<T>();

    /// <summary>Adds the ports of all rooms below the plugin's own registrations, which win, and builds the provider into the generation.</summary>
    public void Build()
    {
        var ports = new ServiceCollection();
        var context = new PluginPortContext(generation.Manifest, generation.Number, generation.Schema, generation) 
        {
            SealsAudit = Contributions<AuditContribution>().Any(),
            CacheNames = [.. Contributions<CacheNameContribution>().Select(c => c.Name)],
        };
        foreach (var room in host.GetServices<IPluginPorts>())
        {
            room.Add(ports, context);
        }

        GuardedPorts.Guard(ports, generation.Guard);
        Services.PostConfigureAll<HttpClientFactoryOptions>(client => client.HttpMessageHandlerBuilderActions.Add(handlers.Guard));
        foreach (var port in ports.Reverse())
        {
            Services.Insert(0, port);
        }

        generation.Built(Services.BuildServiceProvider(new ServiceProviderOptions { ValidateScopes = true }), lifetime, this);
    }

    public void Dispose()
    {
        meters.Dispose();
        handlers.Dispose();
        configuration.Dispose();
        lifetime.Dispose();
    }
}
