using System.Text.Json.Nodes;

namespace Nexus.Core.Audit.Chain;

/// <summary>Which of the nodes on one storage seals: one at a time, as each chain has one end. The turn is a document that its holder renews; who sees it unchanged for its whole life, by a clock of its own, takes it. A late holder writes no second seal of a number: the table of seals refuses it. Not thread-safe.</summary>
/// <param name="documents">Of the plugin.</param>
/// <param name="time">The clock.</param>
/// <param name="holder">Name of this node among the others; the same after a restart, so that it need not wait for itself.</param>
internal sealed class SealTurn(IDocuments documents, TimeProvider time, string holder)
{
    /// <summary>How long a turn lasts without renewal.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(10);

    private const string Path = "sealer";

    private (long Revision, long Since)? _seen;

    /// <summary>Takes the turn, or renews it.</summary>
    /// <returns>Whether it is this node's, and whether it was another's, or nobody's, before.</returns>
    public async Task<(bool Mine, bool New)> TakeAsync(CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.System;
        var found = await documents.FindAsync(Path, cancellationToken);
        var mine = (string?)found?.Value?["holder"] == holder;
        if (_seen is not { } seen || seen.Revision != (found?.Revision ?? 0))
            _seen = seen = (found?.Revision ?? 0, time.GetTimestamp());
        var age = time.GetElapsedTime(seen.Since);
        if (mine && age < Life / 3)
            return (true, false);
        if (!mine && found is not null && age < Life)
            return (false, false);
        try
        {
            await documents.CommitAsync([new DocumentWrite(Path, new JsonObject { ["holder"] = holder }, found?.Revision ?? 0)], cancellationToken: cancellationToken);
            return (true, !mine);
        }
        catch (StorageConflictException)
        {
            // Another node was quicker.
            return (false, false);
        }
    }

    /// <summary>Leaves the turn to another at once.</summary>
    public async Task LeaveAsync()
    {
        CallContext.Current = CallContext.System;
        try
        {
            if (await documents.FindAsync(Path) is { } found && (string?)found.Value?["holder"] == holder)
                await documents.CommitAsync([new DocumentWrite(Path, null, found.Revision, Delete: true)]);
        }
        catch (NexusException)
        {
            // It ends by itself.
        }
    }
}
