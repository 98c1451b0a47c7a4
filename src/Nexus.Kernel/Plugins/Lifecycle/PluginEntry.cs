using System.Collections.Immutable;
using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>What the kernel knows of one plugin. Changes are made while holding <see cref="Gate"/>; the status may be read at any time.</summary>
internal sealed class PluginEntry(string id)
{
    private readonly Lock sync = new();
    private ImmutableArray<Task> retirements = [];
    private PluginStatus status = new() { Id = id, Version = "", State = PluginState.Discovered };
    private ImmutableArray<LeftBehind> leaked = [];
    private int alive;
    private long generations;

    public string Id { get; } = id;

    /// <summary>Serialises commands on this plugin.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    public PluginPackage? Package { get; set; }

    public BuiltInPlugin? BuiltIn { get; set; }

    public Generation? Active { get; set; }

    /// <summary>The package that served before the last swap, for the way back within the watch period.</summary>
    public PluginPackage? Before { get; set; }

    /// <summary>The version that serves a part of the callers beside <see cref="Active"/>; null when none does.</summary>
    public Rollout? Rollout { get; set; }

    /// <summary>Why the last attempt to bring it up failed; null after a success.</summary>
    public NexusException? LastError { get; set; }

    /// <summary>Content hash that the folder watch tried last.</summary>
    public string? LastTried { get; set; }

    /// <summary>Its code waits for the first request.</summary>
    public bool Dormant { get; set; }

    /// <summary>It is Quarantined for no other reason than that its stopped code has not left memory.</summary>
    public bool Lingering { get; set; }

    /// <summary>End of the time in which a failing health check swaps back.</summary>
    public DateTimeOffset WatchedUntil { get; set; }

    public PluginStatus Status => Volatile.Read(ref status) with { GenerationsAlive = Volatile.Read(ref alive), InFlight = Active?.InFlight ?? 0 };

    public long NextGeneration() => Interlocked.Increment(ref generations);

    public void Set(Func<PluginStatus, PluginStatus> change)
    {
        lock (sync)
        {
            Volatile.Write(ref status, change(status));
        }
    }

    /// <summary>Old generations that were given up: they did not leave memory in time.</summary>
    public int Leaked => LeftBehind.Length;

    /// <summary>The same, each with the watch that tells when it leaves after all.</summary>
    public ImmutableArray<LeftBehind> LeftBehind
    {
        get
        {
            lock (sync)
            {
                return leaked;
            }
        }
    }

    /// <summary>Counts an old generation until its retirement has proved that it left memory.</summary>
    /// <param name="name">The generation in words.</param>
    /// <param name="retirement">Null when it left, else the watch on what stayed.</param>
    /// <param name="warning">The words for operators when it did not.</param>
    /// <returns>The same outcome, once it is counted: who tells it to others waits for this.</returns>
    public Task<WeakReference?> Retiring(string name, Task<WeakReference?> retirement, Func<ImmutableArray<LeftBehind>, string> warning)
    {
        Interlocked.Increment(ref alive);
        var counted = CountAsync(name, retirement, warning);
        lock (sync)
        {
            retirements = [.. retirements.Where(t => !t.IsCompleted), counted];
        }

        return counted;
    }

    /// <summary>Takes back the count of generations that left memory after they were given up.</summary>
    /// <returns>How many left.</returns>
    public int Recount(Func<ImmutableArray<LeftBehind>, string> warning)
    {
        lock (sync)
        {
            ImmutableArray<LeftBehind> still = [.. leaked.Where(l => l.Watch.IsAlive)];
            var left = leaked.Length - still.Length;
            if (left > 0)
            {
                leaked = still;
                Interlocked.Add(ref alive, -left);
                Volatile.Write(ref status, status with { Warning = still.IsEmpty ? null : warning(still) });
            }

            return left;
        }
    }

    /// <summary>Completes when every retirement begun so far has ended.</summary>
    public Task RetiredAsync()
    {
        lock (sync)
        {
            return Task.WhenAll(retirements);
        }
    }

    private async Task<WeakReference?> CountAsync(string name, Task<WeakReference?> retirement, Func<ImmutableArray<LeftBehind>, string> warning)
    {
        if (await retirement is not { } watch)
        {
            Interlocked.Decrement(ref alive);
            return null;
        }

        lock (sync)
        {
            leaked = leaked.Add(new LeftBehind(name, watch));
            Volatile.Write(ref status, status with { Warning = warning(leaked) });
        }

        return watch;
    }
}

/// <summary>An old generation that did not leave memory in time.</summary>
/// <param name="Name">Plugin, version and number.</param>
/// <param name="Watch">Dead once it has left after all.</param>
internal sealed record LeftBehind(string Name, WeakReference Watch);
