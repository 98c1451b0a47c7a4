using System.Collections.Immutable;
using Nexus.Data.Attachments;
using Nexus.Data.Units;

namespace Nexus.Data.Resources;

/// <summary>Makes the write that records a request's answer in the request's own commit.</summary>
internal delegate ValueTask<RecordWrite> AnswerSeal(ImmutableArray<ChangeResult> results);

/// <summary>The commit lost a race for an idempotency key; the winner's answer is to be replayed.</summary>
internal sealed class AnswerExistsException() : Exception("The idempotency key has an answer.");

/// <summary>Prepares changes, commits them with their events, and repeats what may be repeated after a conflict.</summary>
internal sealed class ChangeExecution(IStorage storage, ChangePreparation preparation, FieldSealing sealing, ICurrentPlugins plugins)
{
    // Each round of contenders for one record lets one through, so this also bounds how many may contend.
    private const int MaxAttempts = 100;

    /// <summary>An id in its one spelling, or null when no record can have it.</summary>
    public static string? CanonicalId(string? id) => Guid.TryParseExact(id, "D", out var guid) ? guid.ToString("D") : null;

    /// <summary>A record of the store as the caller gets it: decrypted, in the current schema version, without secrets.</summary>
    public async ValueTask<StoredRecord> ReturnedAsync(ResourceCall call, StoredRecord record, CancellationToken cancellationToken) =>
        RecordForms.Returned(call.Resource, preparation.Upgraded(call, await sealing.OpenAsync(call.Resource, call.Context.Tenant, record, cancellationToken).ConfigureAwait(false)));

    /// <summary>Refuses changes that the caller may make on no record at all.</summary>
    public async ValueTask DemandAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, CancellationToken cancellationToken)
    {
        foreach (var change in changes.DistinctBy(c => (c.Kind, c.Action)))
        {
            await preparation.DemandAsync(call, change, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One change in its own commit; a refusal is in the result.</summary>
    public async ValueTask<ChangeResult> RunAsync(ResourceCall call, ResourceChange change, AnswerSeal? seal, CancellationToken cancellationToken)
    {
        if (change is { Kind: ChangeKind.Create, Id: null })
        {
            change = change with { Id = preparation.IdFor(change) };
        }

        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var unit = UnitOfWork.Of(call.Plugin.Manifest.Name);
                var prepared = await preparation.PrepareAsync(call, change, unit?.Staged, cancellationToken).ConfigureAwait(false);
                await CommitAsync(call, unit, [prepared], seal, cancellationToken).ConfigureAwait(false);
                return prepared.Result;
            }
            catch (GenerationDrainsException) when (attempt < MaxAttempts && plugins.Find(call) is { } current)
            {
                call = current;
            }
            catch (GenerationDrainsException)
            {
                return new(change.Id, null, new(ErrorCodes.ServiceUnavailable, $"{call.Plugin.Manifest.Name} is being stopped."));
            }
            catch (StorageConflictException e)
            {
                if (Explain(call, change, e, attempt) is { } refusal)
                {
                    return new(change.Id, null, refusal);
                }

                await BackOffAsync(attempt, cancellationToken).ConfigureAwait(false);
            }
            catch (NexusException e)
            {
                return new(change.Id, null, e);
            }
        }
    }

    /// <summary>All changes in one commit, or none of them.</summary>
    public async ValueTask<ImmutableArray<ChangeResult>> RunTogetherAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, AnswerSeal? seal, CancellationToken cancellationToken)
    {
        changes = [.. changes.Select(c => c is { Kind: ChangeKind.Create, Id: null } ? c with { Id = preparation.IdFor(c) } : c)];
        for (int attempt = 1; ; attempt++)
        {
            var unit = UnitOfWork.Of(call.Plugin.Manifest.Name);
            var staged = new StagedRecords(unit?.Staged);
            var prepared = new List<PreparedChange>(changes.Length);
            var errors = new NexusException?[changes.Length];
            try
            {
                await PrepareTogetherAsync(call, changes, staged, prepared, errors, cancellationToken).ConfigureAwait(false);
                if (errors.Any(e => e is not null))
                {
                    return Refused(changes, errors);
                }

                await CommitAsync(call, unit, prepared, seal, cancellationToken).ConfigureAwait(false);
                return [.. prepared.Select(p => p.Result)];
            }
            catch (GenerationDrainsException) when (attempt < MaxAttempts && plugins.Find(call) is { } current)
            {
                call = current;
            }
            catch (StorageConflictException e)
            {
                int index = prepared.FindIndex(p => p.Write.Key == e.Key && (e.UniqueFields is null || p.Write.Record is not null));
                index = Math.Max(index, 0);
                if (Explain(call, changes[index], e, attempt) is { } refusal)
                {
                    errors[index] = refusal;
                    return Refused(changes, errors);
                }

                await BackOffAsync(attempt, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask PrepareTogetherAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, StagedRecords staged, List<PreparedChange> prepared, NexusException?[] errors, CancellationToken cancellationToken)
    {
        for (int i = 0; i < changes.Length; i++)
        {
            try
            {
                var one = await preparation.PrepareAsync(call, changes[i], staged, cancellationToken).ConfigureAwait(false);
                staged.Set(one.Write.Key, one.Write.Record);
                if (one.Also is { } also)
                {
                    staged.Set(also.Key, also.Record);
                }

                prepared.Add(one);
            }
            catch (NexusException e)
            {
                errors[i] = e;
            }
        }
    }

    private static ImmutableArray<ChangeResult> Refused(ImmutableArray<ResourceChange> changes, NexusException?[] errors)
    {
        int first = Array.FindIndex(errors, e => e is not null);
        var others = new NexusException(ErrorCodes.Conflict, $"Not done: the batch is atomic and its item {first} was refused.");
        return [.. changes.Select((c, i) => new ChangeResult(c.Id, null, errors[i] ?? others))];
    }

    private ValueTask CommitAsync(ResourceCall call, UnitOfWork? unit, List<PreparedChange> prepared, AnswerSeal? seal, CancellationToken cancellationToken) =>
        call.Plugin.Quota is { } quota ? CommitWithinAsync(quota, call, unit, prepared, seal, cancellationToken) : CommitNowAsync(call, unit, prepared, seal, cancellationToken);

    private async ValueTask CommitWithinAsync(IPluginQuota quota, ResourceCall call, UnitOfWork? unit, List<PreparedChange> prepared, AnswerSeal? seal, CancellationToken cancellationToken)
    {
        long growth = prepared.Sum(p => p.Growth);
        quota.Store(growth);
        try
        {
            await CommitNowAsync(call, unit, prepared, seal, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            quota.Store(-Math.Abs(growth));
            throw;
        }
    }

    private async ValueTask CommitNowAsync(ResourceCall call, UnitOfWork? unit, List<PreparedChange> prepared, AnswerSeal? seal, CancellationToken cancellationToken)
    {
        // Each with what the rest of a unit of work sees of it.
        var writes = new List<(RecordWrite Write, StoredRecord? Staged)>(prepared.Count + 1);
        foreach (var change in prepared)
        {
            writes.Add((change.Write.Record is not { } record ? change.Write
                : change.Write with { Record = await sealing.SealAsync(call.Resource, change.Write.Key.Tenant, record, cancellationToken).ConfigureAwait(false) }, change.Write.Record));
            if (change.Also is { } also)
            {
                writes.Add((also, also.Record));
            }
        }

        if (seal is not null)
        {
            var answer = await seal([.. prepared.Select(p => p.Result)]).ConfigureAwait(false);
            writes.Add((answer, answer.Record));
        }

        if (unit is not null)
        {
            // The unit of work that the plugin's code runs in commits later.
            foreach (var (write, seen) in writes)
            {
                unit.Add(write, seen);
            }

            unit.Publish(prepared.Select(p => p.Event));
            unit.Audit(prepared.Where(p => p.Audit is not null).Select(p => p.Audit!));
            return;
        }

        await storage.CommitAsync(new() { Writes = [.. writes.Select(w => w.Write)], Events = [.. prepared.Select(p => p.Event)], Audit = [.. prepared.Where(p => p.Audit is not null).Select(p => p.Audit!)] }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What a conflict means for the caller; null when the change is to be tried again.</summary>
    private static NexusException? Explain(ResourceCall call, ResourceChange change, StorageConflictException conflict, int attempt)
    {
        if (conflict.Key.Table == IStorage.Answers)
        {
            throw new AnswerExistsException();
        }

        if (conflict.Key.Table == AttachmentRow.TableOf(call.Resource) && attempt < MaxAttempts)
        {
            // Somebody attached or removed a file meanwhile.
            return null;
        }

        if (conflict.UniqueFields is { } fields)
        {
            var names = fields.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Records.ProtectedFields.NameOf).ToArray();
            return new(ErrorCodes.UniqueViolation, $"Another {call.Resource.Singular} has the same {string.Join(" and ", names)}.")
            {
                Errors = [.. names.Select(n => new FieldError("/" + n.Replace('.', '/'), "unique", "is taken by another record."))],
            };
        }

        return change.Kind == ChangeKind.Create ? new(ErrorCodes.Conflict, $"A {call.Resource.Singular} of the id {change.Id} exists already.")
            : change.ExpectedRevision is { } expected ? ChangePreparation.Changed(call, change.Id!, expected, conflict.CurrentRevision)
            : attempt >= MaxAttempts ? new(ErrorCodes.Conflict, $"{call.Resource.Singular} {change.Id} is being changed by too many others at once.")
            : null;
    }

    // The first repeats are immediate; later ones spread out, so that contenders do not meet again in step.
    public static async ValueTask BackOffAsync(int attempt, CancellationToken cancellationToken)
    {
        if (attempt > 4)
        {
            await Task.Delay(Random.Shared.Next(1, Math.Min(attempt, 20)), cancellationToken).ConfigureAwait(false);
        }
    }
}
