using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins;

namespace Nexus;

/// <summary>A host program of one's own: a named application with plugins compiled in, handlers around its life, and a hand on its events, services and plugins. Set up first, then run once.</summary>
public sealed class NexusApp
{
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly List<(string Name, Func<NexusApp, CancellationToken, Task> Run)> startup = [];
    private readonly List<(string Name, Func<NexusApp, CancellationToken, Task> Run)> shutdown = [];
    private readonly List<Action<IPluginBuilder>> provided = [];
    private readonly List<BuiltInPlugin> plugins = [];
    private bool isBare;
    private WebApplication? host;
    private IServices? services;

    private NexusApp(string name, string version) => (Name, Version) = (name, version);

    /// <summary>Name of the application, as in its events.</summary>
    public string Name { get; }

    /// <summary>Version of the application, as in its events.</summary>
    public string Version { get; }

    /// <summary>The host's own services: <see cref="IEvents"/>, <see cref="IPlugins"/>, <see cref="IStorage"/>, …</summary>
    /// <exception cref="InvalidOperationException">The application does not run.</exception>
    public IServiceProvider Services => host?.Services ?? throw new InvalidOperationException($"{Name} does not run; its services are there from the first startup handler to the last shutdown handler.");

    /// <summary>The host without an application of its own.</summary>
    internal static NexusApp Bare => new("nexus", typeof(NexusHost).Assembly.GetName().Version!.ToString(3)) { isBare = true };

    internal IReadOnlyList<BuiltInPlugin> Plugins => isBare ? plugins : [.. plugins, new BuiltInPlugin(Describe($"app.{Id(Name)}", Version) with { StartupOrder = int.MinValue }, () => new Own(this))];

    /// <summary>A new application.</summary>
    /// <param name="name">Its name for people.</param>
    /// <param name="version">SemVer.</param>
    public static NexusApp Create(string name, string version = "1.0.0")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new NexusApp(name, version);
    }

    /// <summary>Compiles a plugin in. Its id is the class name without <c>Plugin</c>, in lower case; its category is custom.</summary>
    public NexusApp Add<TPlugin>()
        where TPlugin : class, IPlugin, new()
    {
        var name = typeof(TPlugin).Name;
        plugins.Add(new BuiltInPlugin(Describe(Id(name.EndsWith("Plugin", StringComparison.Ordinal) && name.Length > 6 ? name[..^6] : name), "1.0.0"), () => new TPlugin()));
        return this;
    }

    /// <summary>Makes a plugin out of a delegate.</summary>
    /// <param name="id">Dotted lower-case id.</param>
    /// <param name="configure">What <see cref="IPlugin.Configure"/> would declare.</param>
    public NexusApp Add(string id, Action<IPluginBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        plugins.Add(new BuiltInPlugin(Describe(id, "1.0.0"), () => new Delegated(configure)));
        return this;
    }

    /// <summary>Provides a service to the plugins, under the application's id.</summary>
    public NexusApp Provide<TService>(TService service, string? name = null)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(service);
        provided.Add(plugin => plugin.Provide<TService>(name, ServiceLifetime.Singleton, _ => service));
        return this;
    }

    /// <summary>Runs once the application serves, in the order of registration. A handler that throws stops the application.</summary>
    public NexusApp OnStartup(Func<NexusApp, CancellationToken, Task> handler, string? name = null)
    {
        startup.Add((name ?? $"startup {startup.Count + 1}", handler));
        return this;
    }

    /// <summary>Runs before the plugins stop, in the order of registration. A handler that throws is logged; the others still run.</summary>
    public NexusApp OnShutdown(Func<NexusApp, CancellationToken, Task> handler, string? name = null)
    {
        shutdown.Add((name ?? $"shutdown {shutdown.Count + 1}", handler));
        return this;
    }

    /// <summary>Serves until the process is told to stop.</summary>
    /// <param name="args">Settings such as <c>--server:port=9000</c>.</param>
    /// <returns>Exit code: 0 stopped on request, 78 the configuration is not valid, 1 it did not start.</returns>
    public Task<int> RunAsync(string[] args) => NexusHost.RunAsync(args, this);

    /// <summary>A proxy of a service that a plugin provides.</summary>
    public TService GetService<TService>(string? implementation = null)
        where TService : class => (services ?? throw new InvalidOperationException($"{Name} does not run.")).Get<TService>(implementation);

    /// <summary>What is known of a plugin, or null.</summary>
    public PluginStatus? FindPlugin(string id) => Services.GetRequiredService<IPlugins>().List().FirstOrDefault(p => p.Id == id);

    /// <summary>Starts a known plugin and keeps it enabled.</summary>
    public Task<PluginStatus> LoadPluginAsync(string id, CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<IPlugins>().ExecuteAsync(new PluginCommand.Enable(id), null, cancellationToken);

    /// <summary>Stops a plugin and keeps it disabled.</summary>
    public Task<PluginStatus> UnloadPluginAsync(string id, CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<IPlugins>().ExecuteAsync(new PluginCommand.Disable(id), null, cancellationToken);

    /// <summary>Publishes an event in the application's name.</summary>
    /// <param name="name">Dotted lower-case words.</param>
    /// <param name="data">Its data; an empty object when null.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The event's id.</returns>
    public ValueTask<Guid> EmitAsync(string name, JsonObject? data = null, CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = name, Data = Encoding.UTF8.GetBytes((data ?? []).ToJsonString()) }, cancellationToken: cancellationToken);

    /// <summary>Tells that the application serves and runs the startup handlers.</summary>
    internal async Task StartedAsync(WebApplication running, ILogger logger)
    {
        host = running;
        await EmitAsync("app.started", Self());
        foreach (var (name, run) in startup)
        {
            await run(this, CancellationToken.None);
            logger.LogInformation("app.startup {Handler}", name);
        }
    }

    /// <summary>Tells that the application stops, waits a moment for those who listen, and runs the shutdown handlers.</summary>
    internal async Task StoppingAsync(ILogger logger)
    {
        try
        {
            await DeliveredAsync(await EmitAsync("app.stopping", Self()));
        }
        catch (NexusException e)
        {
            logger.LogWarning("app.stopping could not be told: {Reason}", e.Message);
        }

        foreach (var (name, run) in shutdown)
        {
            try
            {
                await run(this, CancellationToken.None);
                logger.LogInformation("app.shutdown {Handler}", name);
            }
            catch (Exception e)
            {
                logger.LogError(e, "app.shutdown {Handler} failed", name);
            }
        }
    }

    private static string Id(string name) => string.Concat(name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');

    private static PluginManifest Describe(string id, string version) =>
        new() { Name = id, Version = version, Category = PluginCategory.Custom, Description = $"{id}, compiled into this program.", Entry = "", Isolation = PluginIsolation.Stable };

    private JsonObject Self() => new() { ["app"] = Name, ["version"] = Version };

    /// <summary>A durable event to a plugin that stops meanwhile waits for its next start; who can still take it now should.</summary>
    private async Task DeliveredAsync(Guid id)
    {
        var history = Services.GetRequiredService<IEventLog>();
        using var limit = new CancellationTokenSource(LastWords);
        try
        {
            while ((await history.DeliveriesAsync(new DeliveryQuery(id), limit.Token)).Any(d => d.State == DeliveryState.Pending))
                await Task.Delay(20, limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Whoever did not take it gets it at the next start.
        }
    }

    private sealed class Delegated(Action<IPluginBuilder> configure) : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => configure(plugin);
    }

    /// <summary>The application itself among the plugins: what it provides, and its way to the services of others.</summary>
    private sealed class Own(NexusApp app) : IPlugin, IStart
    {
        public void Configure(IPluginBuilder plugin) => app.provided.ForEach(provide => provide(plugin));

        public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
        {
            app.services = services.GetRequiredService<IServices>();
            return Task.CompletedTask;
        }
    }
}
