using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Kernel.Plugins.Loading;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>
/// One loaded version of a plugin. This shell is all that host frames, snapshots and leases ever hold; everything of the plugin
/// hangs below it and is let go by <see cref="Release"/>, so that a forgotten reference to the shell keeps no code in memory.
/// </summary>
internal sealed class Generation : IGeneration, IAsyncDisposable
{
    private readonly LeaseCounter leases = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource aborting = new();
    private readonly Slots slots = new();
    private PluginLoadContext? context;
    private IPlugin? plugin;
    private ServiceProvider? provider;
    private GenerationLifetime? lifetime;
    private IDisposable? owned;
    private ISchemaChange? schema;
    private IHostedService[] hosted = [];
    private bool started;

    public Generation(PluginManifest manifest, long number, string contentHash)
    {
        Manifest = manifest;
        Number = number;
        ContentHash = contentHash;
        Guard = CapabilityGuard.Open(manifest);
        Stopping = stopping.Token;
        Aborting = aborting.Token;
    }

    public PluginManifest Manifest { get; }

    public long Number { get; }

    public string ContentHash { get; }

    /// <summary>What is published of it; set when its container is built.</summary>
    public ActivePlugin? Active { get; set; }

    public IServiceProvider Services => provider ?? throw new NexusException(ErrorCodes.ServiceUnavailable, $"Generation {Number} of {Manifest.Name} has been unloaded.");

    public CancellationToken Stopping { get; }

    public CancellationToken Aborting { get; }

    public Slots Slots => slots;

    public long InFlight => leases.Held;

    public Task Drained => leases.Drained;

    public ISchemaChange? Schema => schema;

    /// <summary>What stands before its ports.</summary>
    public CapabilityGuard Guard { get; set; }

    /// <summary>What operators should know of its code; null when there is nothing.</summary>
    public string? Warning { get; set; }

    /// <summary>Its highest SQL migration; 0 when it has none.</summary>
    public int SchemaVersion { get; set; }

    public bool TryEnter() => leases.TryEnter();

    public void Exit() => leases.Exit();

    public void Loaded(PluginLoadContext? loaded) => context = loaded;

    public void Created(IPlugin created) => plugin = created;

    public void Began(ISchemaChange? change) => schema = change;

    /// <summary>Takes over the built container and what is disposed after it.</summary>
    public void Built(ServiceProvider built, GenerationLifetime itsLifetime, IDisposable ownedByIt)
    {
        provider = built;
        lifetime = itsLifetime;
        owned = ownedByIt;
    }

    /// <summary>Runs <see cref="IStart"/>, then the hosted services the author registered, in order.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        started = true;
        if (plugin is IStart start)
        {
            await start.StartAsync(Services, cancellationToken);
        }

        hosted = [.. Services.GetServices<IHostedService>()];
        foreach (var service in hosted)
        {
            await service.StartAsync(cancellationToken);
        }
    }

    public Task<PluginHealth> CheckHealthAsync(CancellationToken cancellationToken) =>
        plugin is ICheckHealth check && provider is not null ? check.CheckHealthAsync(provider, cancellationToken) : Task.FromResult(PluginHealth.Healthy);

    public void NotifyPublished() => lifetime?.NotifyStarted();

    /// <summary>Refuses new leases and tells streams and sockets to close.</summary>
    public Task BeginDrainAsync()
    {
        leases.BeginDrain();
        return stopping.CancelAsync();
    }

    public Task AbortAsync() => aborting.CancelAsync();

    /// <summary>Runs the hosted services' stop in reverse, then <see cref="IStop"/>; at most once, and only when it was started.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!started || provider is null)
        {
            return;
        }

        started = false;
        foreach (var service in hosted.Reverse())
        {
            await service.StopAsync(cancellationToken);
        }

        if (plugin is IStop stop)
        {
            await stop.StopAsync(provider, cancellationToken);
        }

        lifetime?.NotifyStopped();
    }

    /// <summary>Disposes the container, undoes a schema change that was not committed, and gives up what the host made for this generation.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (provider is not null)
            {
                await provider.DisposeAsync();
            }
        }
        finally
        {
            owned?.Dispose();
            stopping.Dispose();
            aborting.Dispose();
            if (schema is not null)
            {
                await schema.DisposeAsync();
            }
        }
    }

    /// <summary>Lets go of everything of the plugin and begins to unload its context.</summary>
    /// <returns>A watch on the context; null for code that is not collectible.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public WeakReference? Release()
    {
        slots.Cut();
        plugin = null;
        provider = null;
        lifetime = null;
        owned = null;
        schema = null;
        hosted = [];
        var leaving = context;
        context = null;
        leaving?.ReleaseContracts();
        if (leaving is not { IsCollectible: true })
        {
            return null;
        }

        leaving.Unload();
        return new WeakReference(leaving, trackResurrection: true);
    }

    public IReadOnlyList<System.Reflection.Assembly> Assemblies() => context is null ? [] : [.. context.Assemblies];
}
