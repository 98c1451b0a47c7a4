using System.Collections.Immutable;
using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>What the kernel knows of one plugin. Changes are made while holding <see cref="Gate"/>; the status may be read at any time.</summary>
internal sealed class PluginEntry(string id)
{
    private readonly Lock sync = new();
    private ImmutableArray<Task> retirements = [];
    private PluginStatus status = new() { Id = id, Version = "", State = PluginState.Discovered };
    private int alive;
    private int leaked;
    private long generations;

    public string Id { get; } = id;

    /// <summary>Serialises commands on this plugin.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    public PluginPackage? Package { get; set; }

    public BuiltInPlugin? BuiltIn { get; set; }

    public Generation? Active { get; set; }

    /// <summary>The package that served before the last swap, for the way back within the watch period.</summary>
    public PluginPackage? Before { get; set; }

    /// <summary>Why the last attempt to bring it up failed; null after a success.</summary>
    public NexusException? LastError { get; set; }

    /// <summary>Content hash that the folder watch tried last.</summary>
    public string? LastTried { get; set; }

    /// <summary>Its code waits for the first request.</summary>
    public bool Dormant { get; set; }

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
    public int Leaked => Volatile.Read(ref leaked);

    /// <summary>Counts an old generation until its retirement has proved that it left memory.</summary>
    /// <param name="retirement">Tells whether it left.</param>
    /// <param name="warning">The words for operators when it did not; gets the number of those given up so far.</param>
    public void Retiring(Task<bool> retirement, Func<int, string> warning)
    {
        Interlocked.Increment(ref alive);
        var counted = CountAsync(retirement, warning);
        lock (sync)
        {
            retirements = [.. retirements.Where(t => !t.IsCompleted), counted];
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

    private async Task CountAsync(Task<bool> retirement, Func<int, string> warning)
    {
        if (await retirement)
        {
            Interlocked.Decrement(ref alive);
            return;
        }

        var count = Interlocked.Increment(ref leaked);
        Set(s => s with { Warning = warning(count) });
    }
}
