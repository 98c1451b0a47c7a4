using System.Collections.Immutable;
using Microsoft.Extensions.AI;

namespace Nexus;

/// <summary>What the platform can do, as functions for a chat client: the queries and actions of all resources and the tools that plugins declare.</summary>
/// <remarks>
/// They act for the caller of <see cref="CallContext.Current"/>, with its permissions, at the moment of each call; code that runs for the platform itself has none.
/// A call that changes something may return <c>{"done":false,"approval":…}</c>: a person approves the exact call first, and the same call again then carries it out.
/// A function outlives a swap of the plugin that it belongs to; when the tool is gone, calling it says so. Its <see cref="AITool.AdditionalProperties"/> has
/// <c>writes</c>, <c>destructive</c> and <c>idempotent</c>, true or false each. Values of its arguments are <see cref="System.Text.Json.JsonElement"/>s, JSON nodes, texts, numbers and truth values.
/// </remarks>
public interface ITools
{
    /// <summary>The tools that the current caller may use, by name.</summary>
    /// <param name="cancellationToken">Stops the work.</param>
    ValueTask<ImmutableArray<AIFunction>> ListAsync(CancellationToken cancellationToken = default);
}
