using System.Collections.Immutable;

namespace Nexus;

/// <summary>Measures the managed memory that plugins hold. Thread-safe.</summary>
public interface IPluginMemory
{
    /// <summary>The last measurement of a plugin; null when there was none since it was loaded.</summary>
    PluginMemory? Find(string plugin);

    /// <summary>Measures all plugins of this process, from a snapshot that another process reads. The node stands still while the snapshot is taken, about as long as copying its memory takes; the reading takes seconds.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c> when the heap cannot be read here, with the way out.</exception>
    ValueTask<ImmutableArray<PluginMemory>> MeasureAsync(CancellationToken cancellationToken);
}

/// <summary>What a plugin held when it was measured: objects that only its own code reaches, in all its generations that are in memory. What the host or another plugin reaches too is not counted.</summary>
/// <param name="Plugin">The plugin.</param>
/// <param name="HeldBytes">Bytes of these objects.</param>
/// <param name="Objects">Their number.</param>
/// <param name="MeasuredAt">When, UTC.</param>
public sealed record PluginMemory(string Plugin, long HeldBytes, long Objects, DateTimeOffset MeasuredAt);
