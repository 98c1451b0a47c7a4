using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Attachments;
using Nexus.Data.Units;

namespace Nexus.Data.Resources;

/// <summary>A change that is ready to be committed.</summary>
internal sealed record PreparedChange(RecordWrite Write, EventMessage Event, ChangeResult Result, AuditEntry? Audit)
{
    /// <summary>Bytes that the record grows by.</summary>
    public long Growth { get; init; }

    /// <summary>What becomes of the record's attachments in the same commit; null when it has none.</summary>
    public RecordWrite? Also { get; init; }
}

/// <summary>Turns an asked change into the write and event that carry it out: permission, body, rules, references.</summary>
internal sealed class ChangePreparation(IStorage storage, RecordAccess access, FieldSealing sealing, HookRunner hooks, IAuditTrail trail, TimeProvider time)
{
    private readonly AttachmentKeeping attachments = new(storage, access, time);

    public static NexusException Changed(ResourceCall call, string id, long expected, long current) =>
        new(ErrorCodes.PreconditionFailed, $"{call.Resource.Singular} {id} has revision {current}, not {expected}.");

    /// <summary>The id of a new record: the one in its body, or a new UUIDv7.</summary>
    public string IdFor(ResourceChange change)
    {
        var reader = new Utf8JsonReader(change.Body.Span);
        try
        {
            if (change.Body.Span.IndexOf("\"id\""u8) >= 0 && reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    bool id = reader.ValueTextEquals("id"u8);
                    reader.Read();
                    if (id && reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var given) && given != Guid.Empty)
                    {
                        return given.ToString("D");
                    }

                    reader.Skip();
                }
            }
        }
        catch (JsonException)
        {
            // The composer reads the body again and says where it breaks.
        }

        return Guid.CreateVersion7(time.GetUtcNow()).ToString("D");
    }

    /// <summary>Refuses a change that the caller may make on no record at all, so that a stored answer is told to nobody who may not ask any more.</summary>
    public async ValueTask DemandAsync(ResourceCall call, ResourceChange change, CancellationToken cancellationToken)
    {
        var action = change.Kind == ChangeKind.Action ? FindAction(call, change.Action) : null;
        await access.DemandAsync(call.Context, PermissionOf(call, change.Kind, action), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<PreparedChange> PrepareAsync(ResourceCall call, ResourceChange change, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var action = change.Kind == ChangeKind.Action ? FindAction(call, change.Action) : null;
        string permission = PermissionOf(call, change.Kind, action);
        var allowed = await access.DemandAsync(call.Context, permission, cancellationToken).ConfigureAwait(false);
        string id = ChangeExecution.CanonicalId(change.Id) ?? (change.Kind == ChangeKind.Create
            ? throw new NexusException(ErrorCodes.ValidationError, $"`{change.Id}` is not a UUID.") { Errors = [new("/id", "format", "must be a UUID, 8-4-4-4-12 hex digits.")] }
            : throw RecordAccess.NotFound(call, change.Id));
        var key = new RecordKey(call.Context.Tenant, RecordShape.For(call.Resource).Table, id);
        if (change.Kind == ChangeKind.Create)
        {
            if (staged is not null && staged.TryGet(key, out var taken) && taken is not null)
            {
                throw new NexusException(ErrorCodes.Conflict, $"A {call.Resource.Singular} of the id {id} exists already.");
            }

            var created = await CreateAsync(call, change, id, staged, cancellationToken).ConfigureAwait(false);
            return Prepared(call, key, created, "created", null) with { Also = await attachments.OnCreateAsync(call, created, staged, cancellationToken).ConfigureAwait(false) };
        }

        var stored = await FindForChangeAsync(call, change, key, allowed, permission, staged, cancellationToken).ConfigureAwait(false);
        if (change.Kind == ChangeKind.Delete)
        {
            return Prepared(call, key, null, "deleted", stored) with { Also = await attachments.OnDeleteAsync(call, stored, staged, cancellationToken).ConfigureAwait(false) };
        }

        var record = action is null
            ? await UpdateAsync(call, change, stored, staged, cancellationToken).ConfigureAwait(false)
            : await ActAsync(call, change, action, stored, staged, cancellationToken).ConfigureAwait(false);
        return Prepared(call, key, record, action?.Name ?? "updated", stored);
    }

    /// <summary>The record in the current schema version.</summary>
    public StoredRecord Upgraded(ResourceCall call, StoredRecord record)
    {
        if (record.SchemaVersion >= call.Resource.SchemaVersion || call.Resource.Upgrade is not { } upgrade)
        {
            return record;
        }

        if (!call.Plugin.Lease.TryEnter())
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"{call.Plugin.Manifest.Name} is being replaced; try again.");
        }

        try
        {
            var fields = upgrade(record.SchemaVersion, RecordForms.FieldsOf(record));
            return RecordComposer.Compose(call.Resource, HeadOf(record, record.Revision, record.UpdatedAt), fields.Span, ComposeMode.Hook, record).Record;
        }
        catch (Exception e)
        {
            throw hooks.Failed(call, $"The upgrade of a record of version {record.SchemaVersion}", e);
        }
        finally
        {
            call.Plugin.Lease.Exit();
        }
    }

    private static string PermissionOf(ResourceCall call, ChangeKind kind, ActionDescriptor? action)
    {
        var shape = RecordShape.For(call.Resource);
        return kind switch
        {
            ChangeKind.Create => shape.CreatePermission,
            ChangeKind.Delete => shape.DeletePermission,
            ChangeKind.Action => call.Resource.PermissionFor(action!.Name),
            _ => shape.UpdatePermission,
        };
    }

    private static ActionDescriptor FindAction(ResourceCall call, string? name) =>
        call.Resource.Actions.FirstOrDefault(a => a.Name == name)
        ?? throw new NexusException(ErrorCodes.RouteNotFound, $"{call.Resource.Name} has no action `{name}`; it has {string.Join(", ", call.Resource.Actions.Select(a => a.Name))}.{Spelling.Suggest(name ?? "", call.Resource.Actions.Select(a => a.Name))}");

    private async ValueTask<StoredRecord> FindForChangeAsync(ResourceCall call, ResourceChange change, RecordKey key, AccessDecision allowed, string permission, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var stored = staged is not null && staged.TryGet(key, out var pending)
            ? pending
            : await storage.FindAsync(key, cancellationToken).ConfigureAwait(false);
        if (stored is null)
        {
            throw RecordAccess.NotFound(call, key.Id);
        }

        if (!RecordAccess.Covers(allowed, call.Context.Caller, stored))
        {
            throw await access.OutsideAsync(call, stored, permission, cancellationToken).ConfigureAwait(false);
        }

        stored = await sealing.OpenAsync(call.Resource, key.Tenant, stored, cancellationToken).ConfigureAwait(false);

        return change.ExpectedRevision is { } expected && expected != stored.Revision
            ? throw Changed(call, key.Id, expected, stored.Revision)
            : Upgraded(call, stored);
    }

    private async ValueTask<StoredRecord> CreateAsync(ResourceCall call, ResourceChange change, string id, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var caller = call.Context.Caller;
        var now = Now();
        var head = new RecordHead(id, 1, caller.Id, caller.Teams.IsDefaultOrEmpty ? null : caller.Teams[0], now, now);
        var composed = RecordComposer.Compose(call.Resource, head, change.Body.Span, ComposeMode.Create, null, call.Plugin.Lease is HeldGeneration);
        return await FinishAsync(call, change.Kind, head, composed, null, staged, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<StoredRecord> UpdateAsync(ResourceCall call, ResourceChange change, StoredRecord stored, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var head = HeadAfter(stored);
        bool merge = change.Kind == ChangeKind.Merge;
        var body = merge ? MergePatch.Apply(stored.Json, change.Body, RecordShape.For(call.Resource).Fields) : change.Body;
        var composed = RecordComposer.Compose(call.Resource, head, body.Span, merge ? ComposeMode.Merge : ComposeMode.Replace, stored, call.Plugin.Lease is HeldGeneration);
        return await FinishAsync(call, change.Kind, head, composed, stored, staged, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<StoredRecord> ActAsync(ResourceCall call, ResourceChange change, ActionDescriptor action, StoredRecord stored, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var input = RecordComposer.ComposeInput(action.Name, RecordShape.InputOf(action), change.Body.Span, out var references);
        await CheckReferencesAsync(call, references, stored, staged, cancellationToken).ConfigureAwait(false);
        var asked = new RecordChange(ChangeKind.Action, stored.Json, stored.Json, input);
        var composed = await RunHookAsync(call, $"Action {action.Name}", action.Run, asked, HeadAfter(stored), cancellationToken).ConfigureAwait(false);
        await CheckReferencesAsync(call, composed.References, stored, staged, cancellationToken).ConfigureAwait(false);
        return composed.Record;
    }

    private async ValueTask<StoredRecord> FinishAsync(ResourceCall call, ChangeKind kind, RecordHead head, Composed composed, StoredRecord? stored, StagedRecords? staged, CancellationToken cancellationToken)
    {
        await CheckReferencesAsync(call, composed.References, stored, staged, cancellationToken).ConfigureAwait(false);
        if (call.Resource.BeforeWrite is not { } rule)
        {
            return composed.Record;
        }

        var asked = new RecordChange(kind, stored?.Json ?? default, composed.Record.Json, default);
        var ruled = await RunHookAsync(call, "The rule before a write", rule, asked, head, cancellationToken).ConfigureAwait(false);
        await CheckReferencesAsync(call, ruled.References, composed.Record, staged, cancellationToken).ConfigureAwait(false);
        return ruled.Record;
    }

    private async ValueTask<Composed> RunHookAsync(ResourceCall call, string name, RecordHook hook, RecordChange change, RecordHead head, CancellationToken cancellationToken)
    {
        var fields = await hooks.RunAsync(call, name, hook, change, cancellationToken).ConfigureAwait(false);
        try
        {
            return RecordComposer.Compose(call.Resource, head, fields.Span, ComposeMode.Hook, null);
        }
        catch (NexusException e) when (e.Code != ErrorCodes.ValidationError || e.Errors.Any(x => x.Code is "unknown_field" or "duplicate_field" or "type"))
        {
            // Not a record at all: the plugin's fault, not the caller's.
            throw hooks.Failed(call, name, e);
        }
    }

    private async ValueTask CheckReferencesAsync(ResourceCall call, List<FoundReference>? references, StoredRecord? known, StagedRecords? staged, CancellationToken cancellationToken)
    {
        if (references is null)
        {
            return;
        }

        // What the record referred to before was checked then; its target may be gone since, which is no fault of this change.
        var fresh = references.Where(r => known is null || known.Json.Span.IndexOf(System.Text.Encoding.ASCII.GetBytes(r.Id)) < 0);
        var missing = ImmutableArray.CreateBuilder<FieldError>();
        foreach (var group in fresh.GroupBy(r => TableOf(call, r.Target)))
        {
            if (group.Key is not { } table)
            {
                continue;
            }

            var found = await FindIdsAsync(call, table, [.. group.Select(r => r.Id).Distinct()], staged, cancellationToken).ConfigureAwait(false);
            missing.AddRange(group.Where(r => !found.Contains(r.Id)).Select(r => new FieldError(r.Pointer, "reference", $"refers to {r.Id}, which does not exist in {r.Target}.")));
        }

        if (missing.Count > 0)
        {
            throw new NexusException(ErrorCodes.ValidationError, $"The {call.Resource.Singular} refers to {missing.Count} record(s) that do not exist.") { Errors = missing.ToImmutable() };
        }
    }

    private async ValueTask<HashSet<string>> FindIdsAsync(ResourceCall call, string table, string[] ids, StagedRecords? staged, CancellationToken cancellationToken)
    {
        // A record that the caller may not see does not exist for it, also not as the target of a reference.
        var allowed = await access.DecideAsync(call.Context, $"{table}:read", cancellationToken).ConfigureAwait(false);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var unknown = new List<string>(ids.Length);
        foreach (string id in ids)
        {
            if (staged is null || !staged.TryGet(new(call.Context.Tenant, table, id), out var record))
            {
                unknown.Add(id);
            }
            else if (record is not null)
            {
                found.Add(id);
            }
        }

        if (unknown.Count == 1)
        {
            if (await storage.FindAsync(new(call.Context.Tenant, table, unknown[0]), cancellationToken).ConfigureAwait(false) is { } target && RecordAccess.Covers(allowed, call.Context.Caller, target))
            {
                found.Add(unknown[0]);
            }

            return found;
        }

        foreach (string[] part in unknown.Chunk(200))
        {
            var filter = new Filter.In("id", [.. part.Select(id => JsonSerializer.SerializeToElement(id))]);
            var page = await storage.QueryAsync(new() { Tenant = call.Context.Tenant, Table = table, Filter = filter, Limit = part.Length }, cancellationToken).ConfigureAwait(false);
            found.UnionWith(page.Records.Where(r => RecordAccess.Covers(allowed, call.Context.Caller, r)).Select(r => r.Id));
        }

        return found;
    }

    // A target that was never resolved is a type's name, which is no table; its resource is not installed here.
    private static string? TableOf(ResourceCall call, string target) =>
        target.AsSpan().ContainsAnyInRange('A', 'Z') ? null : target.Contains('.', StringComparison.Ordinal) ? target : $"{call.Resource.Plugin}.{target}";

    private PreparedChange Prepared(ResourceCall call, RecordKey key, StoredRecord? record, string verb, StoredRecord? before)
    {
        var returned = RecordForms.Returned(call.Resource, record ?? before!);
        var write = new RecordWrite { Key = key, Record = record, ExpectedRevision = before?.Revision ?? 0 };
        var now = time.GetUtcNow();
        var happened = new EventMessage
        {
            Id = Guid.CreateVersion7(now),
            Name = call.Resource.EventFor(verb),
            Data = RecordForms.EventOf(call.Resource, returned),
            OccurredAt = now,
            Source = call.Resource.Plugin,
            Tenant = key.Tenant,
            CorrelationId = call.Context.CorrelationId,
            Key = $"{key.Table}/{key.Id}",
        };
        var audit = trail.IsKept ? ChangeAudit.Of(call, happened.Name, key.Id, now, before, record) : null;
        return new(write, happened, new(key.Id, record is null ? null : returned), audit) { Growth = (record?.Json.Length ?? 0) - (before?.Json.Length ?? 0) };
    }

    private RecordHead HeadAfter(StoredRecord stored)
    {
        var now = Now();
        return HeadOf(stored, stored.Revision + 1, now > stored.UpdatedAt ? now : stored.UpdatedAt);
    }

    private static RecordHead HeadOf(StoredRecord stored, long revision, DateTimeOffset updatedAt) =>
        new(stored.Id, revision, stored.Owner, stored.Team, stored.CreatedAt, updatedAt);

    private DateTimeOffset Now()
    {
        var now = time.GetUtcNow();
        return new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
    }
}
