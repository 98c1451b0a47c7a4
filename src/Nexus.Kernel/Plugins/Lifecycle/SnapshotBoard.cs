using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Holds the one published snapshot. Readers pay one volatile read; publications are serialised.</summary>
/// <param name="before">Called with each snapshot that has newcomers, before it becomes visible; its failure is logged and stops nothing.</param>
/// <param name="logger">The log.</param>
internal sealed class SnapshotBoard(Func<PlatformSnapshot, CancellationToken, ValueTask> before, ILogger logger) : IDisposable
{
    private readonly SemaphoreSlim gate = new(1);
    private PlatformSnapshot current = PlatformSnapshot.Empty;
    private CancellationTokenSource change = new();

    public PlatformSnapshot Current => Volatile.Read(ref current);

    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref change).Token);

    /// <summary>Commits and publishes newcomers together. One that clashes or whose commit fails is left out; its error is handed to <paramref name="refused"/>.</summary>
    /// <returns>The newcomers that are published.</returns>
    public async Task<IReadOnlyList<Generation>> PublishAsync(IReadOnlyList<Generation> newcomers, Action<Generation, Exception> refused, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            var plugins = Current.Plugins;
            var published = new List<Generation>();
            foreach (var newcomer in newcomers)
            {
                try
                {
                    var others = plugins.RemoveAll(p => p.Manifest.Name == newcomer.Manifest.Name);
                    RegistrationClashes.Check(newcomer.Active!, others);
                    ServiceRequirements.Check(newcomer.Active!, others);
                    if (newcomer.Schema is { } schema)
                    {
                        await schema.CommitAsync(cancellationToken);
                    }

                    plugins = others.Add(newcomer.Active!);
                    published.Add(newcomer);
                }
                catch (Exception e)
                {
                    refused(newcomer, e);
                }
            }

            if (published.Count > 0)
            {
                var names = published.Select(g => g.Manifest.Name).ToHashSet(StringComparer.Ordinal);
                var next = Next(plugins, Current.Inactive.RemoveAll(m => names.Contains(m.Name)));
                await AnnounceAsync(next, cancellationToken);
                Publish(next);
            }

            return published;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Shows a plugin in another form under its name: with a second version beside it, or as the one of the two that stays.</summary>
    /// <param name="plugin">The new form.</param>
    /// <param name="commit">The last step before it is visible.</param>
    /// <param name="cancellationToken">Stops the work before it is visible.</param>
    /// <exception cref="NexusException">It clashes with others, or the commit failed; nothing changed.</exception>
    public async Task ShowAsync(ActivePlugin plugin, Func<ValueTask>? commit, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            var others = Current.Plugins.RemoveAll(p => p.Manifest.Name == plugin.Manifest.Name);
            RegistrationClashes.Check(plugin, others);
            ServiceRequirements.Check(plugin, others);
            if (commit is not null)
            {
                await commit();
            }

            var next = Next(others.Add(plugin), Current.Inactive);
            await AnnounceAsync(next, cancellationToken);
            Publish(next);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Takes a plugin out of what is served.</summary>
    public async Task WithdrawAsync(string id)
    {
        await gate.WaitAsync();
        try
        {
            if (Current.Find(id) is not null || Current.Inactive.Any(m => m.Name == id))
            {
                Publish(Next(Current.Plugins.RemoveAll(p => p.Manifest.Name == id), Current.Inactive.RemoveAll(m => m.Name == id)));
            }
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Shows lazy plugins by their manifests.</summary>
    public async Task AnnounceAsync(IEnumerable<PluginManifest> manifests)
    {
        await gate.WaitAsync();
        try
        {
            var names = manifests.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
            Publish(Next(Current.Plugins, [.. Current.Inactive.Where(m => !names.Contains(m.Name)), .. manifests]));
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose()
    {
        gate.Dispose();
        change.Dispose();
    }

    private PlatformSnapshot Next(ImmutableArray<ActivePlugin> plugins, ImmutableArray<PluginManifest> inactive) =>
        new(Current.Version + 1, InDependencyOrder(plugins)) { Inactive = inactive };

    private async Task AnnounceAsync(PlatformSnapshot next, CancellationToken cancellationToken)
    {
        try
        {
            await before(next, cancellationToken);
        }
        catch (Exception e)
        {
            PluginLog.ListenerFailed(logger, e.ToString());
        }
    }

    private void Publish(PlatformSnapshot next)
    {
        Volatile.Write(ref current, next);
        PluginLog.Published(logger, next.Version, next.Plugins.Length);
        try
        {
            // The token is exchanged after the snapshot: whoever takes the new token reads the new snapshot.
            Interlocked.Exchange(ref change, new CancellationTokenSource()).Cancel();
        }
        catch (AggregateException e)
        {
            PluginLog.ListenerFailed(logger, e.ToString());
        }
    }

    private static ImmutableArray<ActivePlugin> InDependencyOrder(ImmutableArray<ActivePlugin> plugins)
    {
        var byName = plugins.ToDictionary(p => p.Manifest.Name, StringComparer.Ordinal);
        var ordered = ImmutableArray.CreateBuilder<ActivePlugin>(plugins.Length);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var plugin in plugins.OrderBy(p => p.Manifest.Name, StringComparer.Ordinal))
        {
            Visit(plugin);
        }

        return ordered.DrainToImmutable();

        void Visit(ActivePlugin plugin)
        {
            if (seen.Add(plugin.Manifest.Name))
            {
                foreach (var dependency in plugin.Manifest.Dependencies)
                {
                    if (byName.TryGetValue(dependency.Id, out var needed))
                    {
                        Visit(needed);
                    }
                }

                ordered.Add(plugin);
            }
        }
    }
}
