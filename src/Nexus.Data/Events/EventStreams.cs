using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Nexus.Data.Units;

namespace Nexus.Data.Events;

/// <summary>The streams of one owner as records of any engine: a head, whose revision decides between two writers, and a record an event. One commit writes both and publishes. The data of confidential events are sealed in both.</summary>
internal sealed class EventStreams(IStorage storage, string owner, TimeProvider time, IEventSealing? sealing = null, bool opens = true) : IEventStreams
{
    private const string Heads = "nexus.stream_heads";
    private const string Entries = "nexus.stream_events";
    private const int MaxName = 200;
    private const int MaxEvents = 1000;
    private const int MaxAttempts = 50;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

    public async ValueTask<long> AppendAsync(string stream, ImmutableArray<EventMessage> events, long? expectedVersion = null, CancellationToken cancellationToken = default)
    {
        Check(stream);
        if (events.IsDefaultOrEmpty || events.Length > MaxEvents)
            throw new NexusException(ErrorCodes.ValidationError, $"A stream takes 1 to {MaxEvents} events at once.");
        for (var attempt = 1; ; attempt++)
        {
            var (version, revision) = await HeadAsync(stream, cancellationToken);
            if (expectedVersion is { } expected && expected != version)
                throw Refusal(stream, version, expected);
            var batch = await BatchAsync(stream, events, version, revision);
            if (UnitOfWork.Of(owner) is { } unit)
            {
                foreach (var write in batch.Writes)
                    unit.Add(write, write.Record);
                unit.Publish(batch.Events);
                return version + events.Length;
            }

            try
            {
                await storage.CommitAsync(batch, cancellationToken);
                return version + events.Length;
            }
            catch (StorageConflictException e) when (e.Key.Table is Heads or Entries && attempt < MaxAttempts)
            {
                // Another writer was first: the next look refuses whoever expected a version, and lets the others try behind it.
            }
        }
    }

    public async ValueTask<StreamPage> ReadAsync(StreamQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        Check(query.Stream);
        var (version, _) = await HeadAsync(query.Stream, cancellationToken);
        var limit = Math.Clamp(query.Limit, 1, MaxEvents);
        var (first, last) = query.Backward
            ? (Math.Max(1, Math.Min(query.From ?? version, version) - limit + 1), Math.Min(query.From ?? version, version))
            : (Math.Max(1, query.From ?? 1), Math.Min(version, Math.Max(1, query.From ?? 1) + limit - 1));
        if (first > last)
            return new StreamPage(version, []);

        var found = ImmutableArray.CreateBuilder<StreamEvent>();
        var staged = UnitOfWork.Of(owner)?.Staged;
        if (staged is null || !staged.TryGet(KeyOf(Entries, EntryId(query.Stream, first)), out _))
        {
            var page = await storage.QueryAsync(
                new RecordQuery { Tenant = CallContext.Current.Tenant, Table = Entries, KeyPrefix = Id(query.Stream) + "/", Filter = new Filter.And([At("id", FilterOperator.GreaterOrEqual, EntryId(query.Stream, first)), At("id", FilterOperator.LessOrEqual, EntryId(query.Stream, last))]), Sort = [new SortKey("id", false)], Limit = limit },
                cancellationToken);
            found.AddRange(page.Records.Select(Read));
        }

        // What this unit of work appended is behind all that was committed.
        for (var next = first + found.Count; next <= last && staged is not null && staged.TryGet(KeyOf(Entries, EntryId(query.Stream, next)), out var record); next++)
            found.Add(Read(record!));
        if (query.Backward)
            found.Reverse();
        for (var i = 0; opens && sealing is not null && i < found.Count; i++)
            found[i] = found[i] with { Message = await sealing.OpenAsync(found[i].Message, cancellationToken) };
        return new StreamPage(version, found.ToImmutable());
    }

    private static Filter.Compare At(string path, FilterOperator comparison, string value) => new(path, comparison, JsonSerializer.SerializeToElement(value));

    private static RecordKey KeyOf(string table, string id) => new(CallContext.Current.Tenant, table, id);

    private static void Check(string stream)
    {
        if (string.IsNullOrEmpty(stream) || stream.Length > MaxName || stream.AsSpan().ContainsAnyExcept(NameCharacters))
            throw new NexusException(ErrorCodes.ValidationError, $"A stream's name is 1 to {MaxName} letters, digits, '.', '_', ':' and '-', such as order-42.");
    }

    private static NexusException Refusal(string stream, long version, long expected) =>
        new(ErrorCodes.Conflict, $"The stream {stream} has version {version}; version {expected} was expected. Read what was appended meanwhile and decide again.");

    private static StreamEvent Read(StoredRecord record)
    {
        using var json = JsonDocument.Parse(record.Json);
        var root = json.RootElement;
        return new StreamEvent(root.GetProperty("version").GetInt64(), new EventMessage
        {
            Id = root.GetProperty("id").GetGuid(),
            Name = root.GetProperty("name").GetString()!,
            OccurredAt = root.GetProperty("occurredAt").GetDateTimeOffset(),
            Source = root.GetProperty("source").GetString()!,
            Tenant = CallContext.Current.Tenant,
            CorrelationId = root.GetProperty("correlationId").GetString(),
            Key = root.GetProperty("key").GetString(),
            Priority = root.GetProperty("priority").GetInt32(),
            Headers = root.GetProperty("headers").EnumerateObject().ToImmutableDictionary(h => h.Name, h => h.Value.GetString()!),
            Data = System.Text.Encoding.UTF8.GetBytes(root.GetProperty("data").GetRawText()),
        });
    }

    private static byte[] Write(long version, EventMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("version", version);
            json.WriteString("id", message.Id);
            json.WriteString("name", message.Name);
            json.WriteString("occurredAt", message.OccurredAt);
            json.WriteString("source", message.Source);
            json.WriteString("correlationId", message.CorrelationId);
            json.WriteString("key", message.Key);
            json.WriteNumber("priority", message.Priority);
            json.WriteStartObject("headers");
            foreach (var (name, value) in message.Headers)
                json.WriteString(name, value);
            json.WriteEndObject();
            json.WritePropertyName("data");
            json.WriteRawValue(message.Data.Span);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private async ValueTask<(long Version, long Revision)> HeadAsync(string stream, CancellationToken cancellationToken)
    {
        var key = KeyOf(Heads, Id(stream));
        if (UnitOfWork.Of(owner) is not { } unit || !unit.Staged.TryGet(key, out var head))
            head = await storage.FindAsync(key, cancellationToken);
        if (head is null)
            return (0, 0);
        using var json = JsonDocument.Parse(head.Json);
        return (json.RootElement.GetProperty("version").GetInt64(), head.Revision);
    }

    private async ValueTask<WriteBatch> BatchAsync(string stream, ImmutableArray<EventMessage> events, long version, long revision)
    {
        var now = time.GetUtcNow();
        var writes = ImmutableArray.CreateBuilder<RecordWrite>(events.Length + 1);
        var messages = ImmutableArray.CreateBuilder<EventMessage>(events.Length);
        writes.Add(WriteOf(Heads, Id(stream), revision, JsonSerializer.SerializeToUtf8Bytes(new { version = version + events.Length }, JsonSerializerOptions.Web), now));
        foreach (var message in events)
        {
            var stamped = OwnEvents.Stamp(message.AsPublished(), owner, CallContext.Current.Tenant) with { OccurredAt = message.OccurredAt == default ? now : message.OccurredAt, Key = Id(stream) };
            if (sealing is not null)
                stamped = await sealing.SealAsync(stamped, CancellationToken.None);
            messages.Add(stamped);
            writes.Add(WriteOf(Entries, EntryId(stream, ++version), 0, Write(version, stamped), now));
        }

        return new WriteBatch { Writes = writes.MoveToImmutable(), Events = messages.MoveToImmutable() };
    }

    private static RecordWrite WriteOf(string table, string id, long revision, byte[] json, DateTimeOffset now) => new()
    {
        Key = KeyOf(table, id),
        Record = new StoredRecord { Id = id, Revision = revision + 1, CreatedAt = now, UpdatedAt = now, Json = json },
        ExpectedRevision = revision,
    };

    private string Id(string stream) => $"{owner}/{stream}";

    // Twelve digits, so that the order of keys is the order of versions.
    private string EntryId(string stream, long version) => string.Create(CultureInfo.InvariantCulture, $"{Id(stream)}/{version:D12}");
}

/// <summary>The streams of any owner. Sealed data stay sealed: who may see them is decided elsewhere.</summary>
internal sealed class EventStreamOwners(Func<IStorage> storage, TimeProvider time, IEventSealing? sealing = null) : IEventStreamOwners
{
    public IEventStreams Of(string owner) => new EventStreams(storage(), owner, time, sealing, opens: false);
}
