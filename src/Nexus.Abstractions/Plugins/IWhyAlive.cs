using System.Collections.Immutable;

namespace Nexus;

/// <summary>Names what keeps the old code of a plugin in memory.</summary>
public interface IWhyAlive
{
    /// <summary>Looks at a snapshot of this process from another one. The node stands still while the snapshot is taken, about as long as copying its memory takes; the look takes seconds.</summary>
    /// <returns>What holds retired generations, the strongest evidence first; empty when nothing does.</returns>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c> when the heap cannot be read here, with the way out.</exception>
    ValueTask<ImmutableArray<AliveCause>> ExplainAsync(string plugin, CancellationToken cancellationToken);
}

/// <summary>One chain of references that keeps code in memory.</summary>
/// <param name="Context">The load context, <c>{plugin}#{generation}</c>.</param>
/// <param name="Cause">Stable word: <c>static-event</c>, <c>timer</c>, <c>thread</c>, …</param>
/// <param name="Text">The root in words.</param>
/// <param name="Remedy">What to change in the plugin.</param>
/// <param name="Path">The chain from the root to the plugin's object.</param>
public sealed record AliveCause(string Context, string Cause, string Text, string Remedy, ImmutableArray<string> Path);
