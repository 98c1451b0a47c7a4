using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Kernel.Events;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Plugins.Lifecycle;
using Nexus.Kernel.Plugins.Loading;

namespace Nexus.Kernel.Plugins;

/// <summary>The node's plugins: starts them in the order of their dependencies, serves the snapshot, carries out commands, watches health and folders, and stops them in reverse.</summary>
internal sealed class PluginKernel : IPlugins, IPluginActivation, IHostedService, IDisposable
{
    private readonly PluginsOptions options;
    private readonly IPackages packages;
    private readonly TimeProvider time;
    private readonly ContractAssemblies contracts = new();
    private readonly ILogger logger;
    private readonly PluginTable table = new();
    private readonly SnapshotBoard board;
    private readonly Swap swap;
    private readonly PluginCommands commands;
    private readonly HealthWatch health;
    private readonly FolderWatch folders;
    private readonly CancellationTokenSource ending = new();
    private Task background = Task.CompletedTask;

    public PluginKernel(IServiceProvider host, PluginsOptions options, IPackages packages, TimeProvider time, ILoggerFactory loggers)
    {
        (this.options, this.packages, this.time) = (options, packages, time);
        logger = loggers.CreateLogger("Nexus.Plugins");
        // Durable event groups exist before their plugin serves, so that no event falls between.
        board = new SnapshotBoard((next, token) => host.GetService<EventGroups>()?.DeclareAsync(next, token) ?? default, logger);
        var events = new LifecycleEvents(host, time, logger);
        swap = new Swap(new GenerationLoader(host, contracts), board, new Retirement(options, time, logger), events, options, time, logger);
        commands = new PluginCommands(table, swap, new Rollouts(swap, board, events), packages, events, time, logger);
        health = new HealthWatch(table, swap, commands, packages, options, time, logger);
        folders = new FolderWatch(options, time, logger);
    }

    public PlatformSnapshot Current => board.Current;

    public ImmutableArray<PluginStatus> List() => [.. table.All.Select(e => e.Status)];

    public IChangeToken GetChangeToken() => board.GetChangeToken();

    public async Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (command is PluginCommand.Discover)
        {
            await DiscoverAsync(cancellationToken);
            return new PluginStatus { Id = "", Version = "", State = PluginState.Discovered, Since = time.GetUtcNow() };
        }

        return await commands.ExecuteAsync(command, progress, cancellationToken);
    }

    public async ValueTask<bool> ActivateAsync(string path, CancellationToken cancellationToken)
    {
        var manifest = Current.Inactive.FirstOrDefault(m => path.StartsWith(m.RoutePrefix, StringComparison.OrdinalIgnoreCase)
            && (path.Length == m.RoutePrefix.Length || path[m.RoutePrefix.Length] == '/'));
        return manifest is not null && await WakeAsync(table.Get(manifest.Name)).WaitAsync(cancellationToken);
    }

    /// <summary>Finds, orders and starts the plugins. Throws only when an essential one failed.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await packages.Records.Arrivals.JoinAsync(cancellationToken);
        var waves = await DiscoverAsync(cancellationToken);
        PluginLog.Discovered(logger, table.All.Length, waves.Sum(w => w.Length));
        foreach (var wave in waves)
        {
            await StartWaveAsync(wave, cancellationToken);
        }

        if (table.All.FirstOrDefault(e => e.Status is { State: PluginState.Failed, Manifest.Essential: true }) is { } essential)
        {
            await StopAsync(cancellationToken);
            throw new NexusException(essential.LastError!.Code, $"The essential plugin {essential.Id} did not come up, so the node does not start: {essential.LastError.Message}");
        }

        background = Task.WhenAll(Quietly(health.RunAsync(ending.Token)), options.HotReload ? Quietly(folders.RunAsync(FollowAsync, ending.Token)) : Task.CompletedTask);
    }

    /// <summary>Stops the plugins, dependents first.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await ending.CancelAsync();
        await background;
        foreach (var plugin in Current.Plugins.Reverse())
        {
            var entry = table.Get(plugin.Manifest.Name);
            await entry.Gate.WaitAsync(CancellationToken.None);
            try
            {
                await swap.StopAsync(entry, proveUnload: false);
            }
            finally
            {
                entry.Gate.Release();
            }
        }
    }

    public void Dispose()
    {
        ending.Dispose();
        board.Dispose();
    }

    /// <summary>Completes when every old generation of the plugin has left memory or was given up.</summary>
    internal Task RetiredAsync(string id) => table.Find(id)?.RetiredAsync() ?? Task.CompletedTask;

    private static async Task Quietly(Task work)
    {
        try
        {
            await work;
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    /// <summary>Looks into the folders and puts what is new on the table; loads nothing.</summary>
    private async Task<ImmutableArray<ImmutableArray<PluginPackage>>> DiscoverAsync(CancellationToken cancellationToken)
    {
        var scan = await packages.ScanAsync(cancellationToken);
        var barred = await LockAsync(scan.Packages, cancellationToken);
        var found = options.BuiltIn.Select(b => new PluginPackage(b.Manifest, "", "", b.Manifest.Category == PluginCategory.Core ? "core" : "custom", ""))
            .Concat(scan.Packages)
            .Where(p => (!options.OnlyCore && options.Only.Count == 0) || options.Only.Contains(p.Manifest.Name) || p.Manifest.Category == PluginCategory.Core)
            .ToImmutableArray();
        foreach (var package in found.Where(p => table.Find(p.Manifest.Name) is null))
        {
            var record = await packages.Records.ReadAsync(package.Manifest.Name, cancellationToken);
            var entry = table.GetOrAdd(package.Manifest.Name);
            entry.Package = package;
            entry.BuiltIn = package.Directory.Length == 0 ? options.BuiltIn.First(b => b.Manifest.Name == entry.Id) : null;
            entry.Set(s => s with
            {
                Version = package.Manifest.Version,
                Manifest = package.Manifest,
                Origin = package.Origin,
                Isolation = GenerationLoader.IsolationOf(package.Manifest),
                Since = time.GetUtcNow(),
                ContentHash = package.ContentHash,
                Enabled = record?.Enabled ?? true,
                Previous = record?.Previous ?? [],
            });
        }

        var enabled = found.Where(p => table.Get(p.Manifest.Name).Status.Enabled && barred.All(f => f.Id != p.Manifest.Name)).ToImmutableArray();
        var order = packages.Resolve(enabled);
        foreach (var fault in scan.Faults.Concat(barred).Concat(order.Failures))
        {
            var entry = table.GetOrAdd(fault.Id);
            if (entry.Active is null && entry.LastError?.Message != fault.Error.Message && (entry.Package is null || !scan.Faults.Contains(fault)))
            {
                var unknown = new PluginManifest { Name = fault.Id, Version = "", Category = PluginCategory.Custom, Description = "", Entry = "" };
                await swap.FailAsync(entry, entry.Package?.Manifest ?? unknown, PluginState.Validating, fault.Error);
            }
        }

        return order.Waves;
    }

    /// <summary>Compares what was found with the lock file, or writes it when the node is not locked.</summary>
    /// <returns>Those that may not start, and why.</returns>
    private async Task<ImmutableArray<PackageFault>> LockAsync(ImmutableArray<PluginPackage> found, CancellationToken cancellationToken)
    {
        var path = Path.Combine(Path.GetFullPath(options.DataDirectory), PluginLock.FileName);
        if (options.Locked)
        {
            return await PluginLock.CheckAsync(path, found, cancellationToken);
        }

        if (!found.IsEmpty || File.Exists(path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await PluginLock.WriteAsync(path, found, cancellationToken);
        }

        return [];
    }

    /// <summary>Starts a wave side by side and publishes it in one snapshot. Dependents of a failed plugin fail with its name.</summary>
    private async Task StartWaveAsync(ImmutableArray<PluginPackage> wave, CancellationToken cancellationToken)
    {
        foreach (var stable in wave.Where(p => p.Directory.Length > 0 && GenerationLoader.IsolationOf(p.Manifest) == PluginIsolation.Stable))
        {
            contracts.Pin(stable.Directory);
        }

        var lazy = wave.Where(p => options.Lazy && p.Manifest.Lazy && !p.Manifest.Essential).ToImmutableArray();
        foreach (var package in lazy)
        {
            table.Get(package.Manifest.Name).Dormant = true;
        }

        if (lazy.Length > 0)
        {
            await board.AnnounceAsync(lazy.Select(p => p.Manifest));
        }

        var (turn, preparing) = (default(SchemaTurn), new List<Task<(PluginEntry, PluginPackage, Generation)?>>());
        foreach (var package in wave.Except(lazy).OrderBy(p => p.Manifest.Name, StringComparer.Ordinal))
        {
            turn = new SchemaTurn(turn);
            preparing.Add(PrepareAsync(package, turn, cancellationToken));
        }

        var prepared = await Task.WhenAll(preparing);
        var ready = prepared.OfType<(PluginEntry, PluginPackage, Generation)>().ToArray();
        if (ready.Length == 0)
        {
            return;
        }

        await swap.PublishAsync(ready, cancellationToken);
        foreach (var (entry, package, generation) in ready)
        {
            if (entry.Active == generation)
            {
                await commands.RememberAsync(entry, package, cancellationToken);
                await commands.ResumeRolloutAsync(entry, cancellationToken);
            }
        }
    }

    private async Task<(PluginEntry, PluginPackage, Generation)?> PrepareAsync(PluginPackage package, SchemaTurn turn, CancellationToken cancellationToken)
    {
        try
        {
            return await PrepareInTurnAsync(package, turn, cancellationToken);
        }
        finally
        {
            turn.Pass();
        }
    }

    private async Task<(PluginEntry, PluginPackage, Generation)?> PrepareInTurnAsync(PluginPackage package, SchemaTurn turn, CancellationToken cancellationToken)
    {
        var entry = table.Get(package.Manifest.Name);
        if (package.Manifest.Dependencies.FirstOrDefault(d => !d.Optional && table.Find(d.Id) is null or { Active: null, Dormant: false }) is { } missing)
        {
            await swap.FailAsync(entry, package.Manifest, PluginState.Validating, new NexusException(ErrorCodes.PluginDependencyError, $"{entry.Id} needs {missing.Id} {missing.Range}, which is not active: {table.Find(missing.Id)?.Status.Cause ?? "it is not installed"}"));
            return null;
        }

        foreach (var dependency in package.Manifest.Dependencies)
        {
            if (table.Find(dependency.Id) is { Dormant: true } sleeping)
            {
                await WakeAsync(sleeping);
            }
        }

        try
        {
            return (entry, package, await swap.PrepareAsync(entry, package, null, cancellationToken, turn));
        }
        catch (NexusException older) when (older.Code == ErrorCodes.MigrationFailed)
        {
            // The process may have ended between the commit of a newer version's schema and its record.
            return await commands.FindArrivedAsync(entry.Id, cancellationToken) is { } arrived && arrived.ContentHash != package.ContentHash ? await PrepareInTurnAsync(arrived, turn, cancellationToken) : null;
        }
        catch (NexusException)
        {
            return null;
        }
    }

    private async Task<bool> WakeAsync(PluginEntry entry)
    {
        await entry.Gate.WaitAsync(ending.Token);
        try
        {
            if (entry.Active is null && entry.Dormant)
            {
                if (entry.LastError is { } error)
                {
                    throw new NexusException(error.Code, error.Message);
                }

                await commands.ApplyAsync(entry, entry.Package!, null, ending.Token);
                await commands.ResumeRolloutAsync(entry, ending.Token);
            }

            return entry.Active is not null;
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    /// <summary>Follows the folders: swaps what changed, starts what appeared. A package that failed is tried again only when it changes again.</summary>
    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        foreach (var package in (await DiscoverAsync(cancellationToken)).SelectMany(w => w).Where(p => p.Directory.Length > 0))
        {
            var entry = table.Get(package.Manifest.Name);
            await entry.Gate.WaitAsync(cancellationToken);
            try
            {
                if (entry.Rollout is null && entry.LastTried != package.ContentHash && entry.Status.State != PluginState.Quarantined && (entry.Active is not null ? entry.Active.ContentHash != package.ContentHash : !entry.Dormant))
                {
                    entry.LastTried = package.ContentHash;
                    await commands.ApplyOrStageAsync(entry, package, null, cancellationToken);
                }
            }
            catch (NexusException)
            {
                // On record in the plugin's status; what served before serves on.
            }
            finally
            {
                entry.Gate.Release();
            }
        }
    }
}
