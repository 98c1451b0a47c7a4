using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Data.Sharing;

/// <summary>Adds to a commit that changes the platform's own documents a mark of what it changed: in the same commit, so that no node can miss a change that was acknowledged, however its author ended. Other nodes read the marks and remove them after a while.</summary>
internal sealed partial class ChangeMarks
{
    /// <summary>Table of the marks.</summary>
    public const string Table = "nexus.changes";

    private long _last;

    /// <summary>This process among those that write marks.</summary>
    public string Process { get; } = Guid.NewGuid().ToString("N");

    /// <summary>The batch with its mark; the batch itself when it changes nothing that others hold in memory.</summary>
    public WriteBatch Mark(WriteBatch batch)
    {
        if (batch.Writes.IsDefaultOrEmpty || !batch.Writes.Any(IsFollowed))
            return batch;
        var id = string.Create(CultureInfo.InvariantCulture, $"{Process}-{Interlocked.Increment(ref _last):x}");
        var mark = new ChangeMark(Process, [.. batch.Writes.Where(IsFollowed).Select(w => new ChangedPlace(w.Key.Tenant, w.Key.Id))]);
        var now = DateTimeOffset.UnixEpoch;
        var record = new StoredRecord { Id = id, Revision = 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(mark, MarkJson.Default.ChangeMark) };
        return batch with { Writes = batch.Writes.Add(new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, Table, id), Record = record }) };
    }

    public static ChangeMark Read(StoredRecord record) => JsonSerializer.Deserialize(record.Json.Span, MarkJson.Default.ChangeMark)!;

    /// <summary>Documents of the platform, of core plugins, and the stored configuration of any plugin; what plugins keep is theirs to share.</summary>
    private static bool IsFollowed(RecordWrite write) =>
        write.Key.Table == IStorage.Documents
        && (write.Key.Id.StartsWith("core/", StringComparison.Ordinal)
            || write.Key.Id.StartsWith("plugins/", StringComparison.Ordinal) && (write.Key.Id.StartsWith("plugins/core/", StringComparison.Ordinal) || write.Key.Id.EndsWith("/config", StringComparison.Ordinal)));

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(ChangeMark))]
    private sealed partial class MarkJson : JsonSerializerContext;
}

/// <summary>What one commit changed.</summary>
internal sealed record ChangeMark(string Process, ImmutableArray<ChangedPlace> Places);

/// <summary>One document of it.</summary>
internal sealed record ChangedPlace(string Tenant, string Path);
