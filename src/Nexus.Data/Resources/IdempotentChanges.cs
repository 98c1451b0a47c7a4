using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>Answers a repeated request with the stored answer of the first. The answer is written in the first one's own commit, so that there is never a change without its answer.</summary>
internal sealed class IdempotentChanges(IStorage storage, FieldSealing sealing, TimeProvider time)
{
    /// <summary>How long an answer is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    // Old answers are removed in passing, so that nothing needs to run beside: at worst this many more than needed are kept.
    private const int SweepEvery = 500;

    private int answers;

    private readonly ConcurrentDictionary<(string Tenant, string Path), TaskCompletionSource> running = new();

    public async ValueTask<ImmutableArray<ChangeResult>> RunAsync(ResourceCall call, Func<ResourceCall, AnswerSeal?, ValueTask<ImmutableArray<ChangeResult>>> run, CancellationToken cancellationToken)
    {
        if (call.Idempotency is not { } request)
        {
            return await run(call, null).ConfigureAwait(false);
        }

        string path = PathOf(call.Context, request.Key);
        var slot = (call.Context.Tenant, path);
        while (true)
        {
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var first = running.GetOrAdd(slot, mine);
            if (first != mine)
            {
                // The answer of the first is worth waiting for; if it failed, the next takes its turn.
                await first.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            try
            {
                return await AnswerAsync(call, request, path, run, cancellationToken).ConfigureAwait(false);
            }
            catch (AnswerExistsException)
            {
                // Another node was faster: read its answer.
            }
            finally
            {
                running.TryRemove(slot, out _);
                mine.SetResult();
            }
        }
    }

    private async ValueTask<ImmutableArray<ChangeResult>> AnswerAsync(ResourceCall call, IdempotentRequest request, string path, Func<ResourceCall, AnswerSeal?, ValueTask<ImmutableArray<ChangeResult>>> run, CancellationToken cancellationToken)
    {
        var key = new RecordKey(call.Context.Tenant, IStorage.Answers, path);
        var stored = await storage.FindAsync(key, cancellationToken).ConfigureAwait(false);
        var now = time.GetUtcNow();
        if (stored is not null && stored.UpdatedAt > now - Kept)
        {
            return await ReplayAsync(call, request, stored, cancellationToken).ConfigureAwait(false);
        }

        if (Interlocked.Increment(ref answers) % SweepEvery == 0)
        {
            await SweepAsync(call.Context.Tenant, cancellationToken).ConfigureAwait(false);
        }

        long revision = stored?.Revision ?? 0;
        return await run(call, async results => new RecordWrite
        {
            Key = key,
            ExpectedRevision = revision,
            Record = new()
            {
                Id = path,
                Revision = revision + 1,
                CreatedAt = now,
                UpdatedAt = now,
                Json = Write(request, await SealedAsync(call, results, cancellationToken).ConfigureAwait(false), now + Kept),
            },
        }).ConfigureAwait(false);
    }

    private async ValueTask SweepAsync(string tenant, CancellationToken cancellationToken)
    {
        var expired = new Filter.Compare("expiresAt", FilterOperator.Less, JsonSerializer.SerializeToElement(WireFormats.Format(time.GetUtcNow())));
        var page = await storage.QueryAsync(new() { Tenant = tenant, Table = IStorage.Answers, Filter = expired, Limit = SweepEvery * 2 }, cancellationToken).ConfigureAwait(false);
        if (page.Records.Length > 0)
        {
            await storage.CommitAsync(new() { Writes = [.. page.Records.Select(r => new RecordWrite { Key = new(tenant, IStorage.Answers, r.Id) })] }, cancellationToken).ConfigureAwait(false);
        }
    }

    // Hashed, because a key of 200 characters and a caller's id together could exceed the length of a record's key.
    private static string PathOf(CallContext context, string key) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{context.Caller.Id}\n{key}")));

    private static byte[] Write(IdempotentRequest request, ImmutableArray<ChangeResult> results, DateTimeOffset expiresAt)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, RecordComposer.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("fingerprint"u8, request.Fingerprint);
            writer.WriteString("expiresAt"u8, WireFormats.Format(expiresAt));
            writer.WriteStartArray("results"u8);
            foreach (var result in results)
            {
                writer.WriteStartObject();
                writer.WriteString("id"u8, result.Id);
                if (result.Record is { } record)
                {
                    writer.WritePropertyName("record"u8);
                    writer.WriteRawValue(record.Json.Span, skipInputValidation: true);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private async ValueTask<ImmutableArray<ChangeResult>> SealedAsync(ResourceCall call, ImmutableArray<ChangeResult> results, CancellationToken cancellationToken)
    {
        var kept = ImmutableArray.CreateBuilder<ChangeResult>(results.Length);
        foreach (var result in results)
        {
            kept.Add(result.Record is not { } record ? result : result with { Record = await sealing.SealAsync(call.Resource, call.Context.Tenant, record, cancellationToken).ConfigureAwait(false) });
        }

        return kept.DrainToImmutable();
    }

    private async ValueTask<ImmutableArray<ChangeResult>> ReplayAsync(ResourceCall call, IdempotentRequest request, StoredRecord stored, CancellationToken cancellationToken)
    {
        var replayed = ImmutableArray.CreateBuilder<ChangeResult>();
        foreach (var result in Replay(request, stored))
        {
            replayed.Add(result.Record is not { } record ? result : result with { Record = await sealing.OpenAsync(call.Resource, call.Context.Tenant, record, cancellationToken).ConfigureAwait(false) });
        }

        return replayed.DrainToImmutable();
    }

    private static ImmutableArray<ChangeResult> Replay(IdempotentRequest request, StoredRecord stored)
    {
        using var document = JsonDocument.Parse(stored.Json);
        if (document.RootElement.GetProperty("fingerprint"u8).GetString() != request.Fingerprint)
        {
            throw new NexusException(ErrorCodes.IdempotencyConflict, $"The idempotency key {request.Key} was used for another request.");
        }

        return [.. document.RootElement.GetProperty("results"u8).EnumerateArray().Select(r => new ChangeResult(
            r.GetProperty("id"u8).GetString(),
            r.TryGetProperty("record"u8, out var record) ? Restore(record) : null,
            Replayed: true))];
    }

    private static StoredRecord Restore(JsonElement record) => new()
    {
        Id = record.GetProperty("id"u8).GetString()!,
        Revision = record.GetProperty("revision"u8).GetInt64(),
        Owner = record.GetProperty("owner"u8).GetString(),
        Team = record.GetProperty("team"u8).GetString(),
        CreatedAt = record.GetProperty("createdAt"u8).GetDateTimeOffset(),
        UpdatedAt = record.GetProperty("updatedAt"u8).GetDateTimeOffset(),
        Json = Encoding.UTF8.GetBytes(record.GetRawText()),
    };
}
