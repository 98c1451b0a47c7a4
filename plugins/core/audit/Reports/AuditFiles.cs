using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Http;
using Nexus.Core.Audit.Search;

namespace Nexus.Core.Audit.Reports;

/// <summary>What a file holds.</summary>
internal enum FileKind
{
    /// <summary>Entries as JSON lines.</summary>
    JsonLines,

    /// <summary>Entries as CSV.</summary>
    Csv,

    /// <summary>Who reached what in a period: a line an actor and subject.</summary>
    Access,

    /// <summary>Who changed which setting or plugin: a line a changed key.</summary>
    Configuration,
}

/// <summary>Exports and reports as files, each with a proof beside it: its SHA-256, the seal that ended the trail when it was made, and a signature over both. About the tenant of the current call.</summary>
internal sealed class AuditFiles(EntrySearch search, TrailStore store, Proofs proofs, SealKeys keys, string folder, TimeProvider time)
{
    private const string ProofSuffix = ".proof.json";

    private string Folder => Path.Combine(folder, TrailStore.Tenant);

    /// <summary>Makes a file over what is sealed now.</summary>
    /// <returns>Its proof.</returns>
    public async Task<JsonObject> MakeAsync(FileKind kind, EntryFilter filter, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Folder);
        var seal = await store.LastSealAsync(cancellationToken);
        var now = time.GetUtcNow();
        var word = kind is FileKind.Access or FileKind.Configuration ? $"report-{kind.ToString().ToLowerInvariant()}" : "export";
        var name = string.Create(CultureInfo.InvariantCulture, $"{word}-{now.UtcDateTime:yyyyMMdd'T'HHmmss}-{Guid.CreateVersion7(now).ToString("N")[20..]}.{(kind == FileKind.JsonLines ? "jsonl" : "csv")}");
        var path = Path.Combine(Folder, name);
        long entries;
        await using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite))
        {
            entries = await WriteAsync(kind, filter, seal?.Last ?? 0, file, cancellationToken);
            file.Flush(flushToDisk: true);
        }

        var proof = await ProveAsync(path, new JsonObject { ["kind"] = kind.ToString(), ["entries"] = entries, ["filter"] = Describe(filter) }, seal, cancellationToken);
        await File.WriteAllTextAsync(path + ProofSuffix, proof.ToJsonString(), cancellationToken);
        return proof;
    }

    /// <summary>Proofs of all files, newest first.</summary>
    public ImmutableArray<JsonNode> List() => !Directory.Exists(Folder) ? [] :
        [.. Directory.EnumerateFiles(Folder, "*" + ProofSuffix).OrderByDescending(f => f, StringComparer.Ordinal).Select(f => JsonNode.Parse(File.ReadAllText(f))!)];

    /// <summary>Path of a file, or null.</summary>
    public string? Find(string name) => name == Path.GetFileName(name) && Path.Combine(Folder, name) is var path && File.Exists(path) ? path : null;

    private async Task<long> WriteAsync(FileKind kind, EntryFilter filter, long through, Stream file, CancellationToken cancellationToken)
    {
        var (count, table) = (0L, kind == FileKind.Access ? new AccessTable() : null);
        if (kind is FileKind.Csv)
            await file.WriteAsync(Encoding.UTF8.GetBytes(EntryJson.CsvHeader), cancellationToken);
        if (kind is FileKind.Configuration)
            await file.WriteAsync("at,actor,address,action,result,subject,key,old,new\r\n"u8.ToArray(), cancellationToken);
        await foreach (var page in search.AllAsync(filter, through, cancellationToken))
        {
            foreach (var entry in page)
            {
                if (kind is FileKind.Configuration && !(entry.Entry.Action.StartsWith("platform.config.", StringComparison.Ordinal) || entry.Entry.Action.StartsWith("platform.plugin.", StringComparison.Ordinal)))
                    continue;
                count++;
                table?.Add(entry.Entry);
                if (kind is FileKind.JsonLines)
                    await file.WriteAsync(EntryJson.Line(entry), cancellationToken);
                else if (kind is FileKind.Csv)
                    await file.WriteAsync(Encoding.UTF8.GetBytes(EntryJson.Csv(entry)), cancellationToken);
                else if (kind is FileKind.Configuration)
                    await file.WriteAsync(Encoding.UTF8.GetBytes(ConfigurationLines.Of(entry.Entry)), cancellationToken);
            }
        }

        if (table is not null)
            await file.WriteAsync(Encoding.UTF8.GetBytes(table.ToCsv()), cancellationToken);
        return count;
    }

    private async Task<JsonObject> ProveAsync(string path, JsonObject about, Seal? seal, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        var digest = await SHA256.HashDataAsync(file, cancellationToken);
        byte[] signed = [.. "nexus audit file v1\0"u8, .. digest, .. seal?.Digest(TrailStore.Tenant) ?? new byte[Hashing.Size]];
        about["name"] = Path.GetFileName(path);
        about["bytes"] = file.Length;
        about["sha256"] = Convert.ToHexStringLower(digest);
        about["at"] = EntryJson.Instant(time.GetUtcNow());
        about["seal"] = seal is null ? null : proofs.SealJson(seal);
        about["signed"] = Convert.ToBase64String(signed);
        about["signature"] = Convert.ToBase64String(keys.Sign(signed));
        about["key"] = keys.Current;
        return about;
    }

    private static JsonObject Describe(EntryFilter filter) => new([.. new (string Name, string? Value)[]
    {
        ("actor", filter.Actor), ("action", filter.Action), ("subject", filter.Subject), ("result", filter.Result?.ToString().ToLowerInvariant()), ("address", filter.Address), ("correlationId", filter.CorrelationId),
        ("from", filter.From is { } from ? EntryJson.Instant(from) : null), ("to", filter.To is { } to ? EntryJson.Instant(to) : null), ("q", filter.Text),
    }.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Name, (JsonNode?)f.Value))]);

    /// <summary>Counts by actor, subject and action.</summary>
    private sealed class AccessTable
    {
        private readonly SortedDictionary<(string Actor, string Subject, string Action, string Result), (long Count, DateTimeOffset First, DateTimeOffset Last, SortedSet<string> Addresses)> _rows = [];

        /// <summary>A page of records is the access to each of them.</summary>
        public void Add(AuditEntry entry)
        {
            if (!entry.Action.EndsWith(".listed", StringComparison.Ordinal) || Ids(entry.Detail) is not { Count: > 0 } ids)
            {
                Add(entry, entry.Subject ?? "");
                return;
            }

            foreach (var id in ids)
                Add(entry, $"{entry.Subject}/{id}");
        }

        private static List<string> Ids(ReadOnlyMemory<byte> detail)
        {
            using var parsed = detail.IsEmpty ? null : JsonDocument.Parse(detail);
            return parsed?.RootElement.TryGetProperty("ids", out var ids) == true && ids.ValueKind == JsonValueKind.Array ? [.. ids.EnumerateArray().Select(i => i.ToString())] : [];
        }

        private void Add(AuditEntry entry, string subject)
        {
            var key = (entry.Actor, subject, entry.Action, EntryJson.ResultOf(entry.Result));
            var row = _rows.TryGetValue(key, out var known) ? known : (0, entry.At, entry.At, new SortedSet<string>(StringComparer.Ordinal));
            if (entry.Address is { } address)
                row.Item4.Add(address);
            _rows[key] = (row.Item1 + 1, row.Item2 < entry.At ? row.Item2 : entry.At, row.Item3 > entry.At ? row.Item3 : entry.At, row.Item4);
        }

        public string ToCsv() => "actor,subject,action,result,count,first,last,addresses\r\n" + string.Concat(_rows.Select(r =>
            $"{EntryJson.Cell(r.Key.Actor)},{EntryJson.Cell(r.Key.Subject)},{EntryJson.Cell(r.Key.Action)},{r.Key.Result},{r.Value.Count.ToString(CultureInfo.InvariantCulture)},{EntryJson.Instant(r.Value.First)},{EntryJson.Instant(r.Value.Last)},{EntryJson.Cell(string.Join(' ', r.Value.Addresses))}\r\n"));
    }

    private static class ConfigurationLines
    {
        public static string Of(AuditEntry entry)
        {
            var head = $"{EntryJson.Instant(entry.At)},{EntryJson.Cell(entry.Actor)},{EntryJson.Cell(entry.Address)},{EntryJson.Cell(entry.Action)},{EntryJson.ResultOf(entry.Result)},{EntryJson.Cell(entry.Subject)}";
            using var detail = entry.Detail.IsEmpty ? null : JsonDocument.Parse(entry.Detail);
            if (detail?.RootElement.TryGetProperty("changes", out var changes) == true && changes.EnumerateObject().Any())
                return string.Concat(changes.EnumerateObject().Select(c => $"{head},{EntryJson.Cell(c.Name)},{EntryJson.Cell(Value(c.Value, "old"))},{EntryJson.Cell(Value(c.Value, "new"))}\r\n"));
            return detail is null ? $"{head},,,\r\n" : $"{head},version,{EntryJson.Cell(Value(detail.RootElement, "oldVersion"))},{EntryJson.Cell(Value(detail.RootElement, "newVersion"))}\r\n";
        }

        private static string? Value(JsonElement change, string name) => change.ValueKind == JsonValueKind.Object && change.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;
    }
}
