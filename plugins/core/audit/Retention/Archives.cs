using System.Collections.Immutable;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Http;

namespace Nexus.Core.Audit.Retention;

/// <summary>A run of sealed entries that lies in a file.</summary>
/// <param name="FirstSeal">Number of its first seal.</param>
/// <param name="LastSeal">Number of its last seal.</param>
/// <param name="First">Its first position.</param>
/// <param name="Last">Its last position.</param>
/// <param name="File">Name of the file within the tenant's folder.</param>
/// <param name="Sha256">Digest of the file.</param>
/// <param name="At">When, microseconds.</param>
internal sealed record Archive(long FirstSeal, long LastSeal, long First, long Last, string File, string Sha256, long At);

/// <summary>Files of aged entries: gzip of JSON lines, each entry with its encoding. The seals stay in the database, so a file can be checked at any time. About the tenant of the current call.</summary>
internal sealed class Archives(ISqlDatabase database, TrailStore store, IAuditTrail trail, string folder, TimeProvider time) : IDisposable
{
    private const int MaxSeals = 64;

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Every archive, oldest first.</summary>
    public async ValueTask<ImmutableArray<Archive>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT first_seal,last_seal,first,last,file,sha256,at FROM archives ORDER BY first_seal", null, cancellationToken))
            .Select(r => new Archive((long)r.Values[0]!, (long)r.Values[1]!, (long)r.Values[2]!, (long)r.Values[3]!, (string)r.Values[4]!, (string)r.Values[5]!, (long)r.Values[6]!))];

    /// <summary>Whether the file is where it was put; it may have been moved to colder storage.</summary>
    public bool Exists(Archive archive) => File.Exists(PathOf(archive));

    /// <summary>Where the file of an archive lies.</summary>
    public string PathOf(Archive archive) => Path.Combine(folder, TrailStore.Tenant, Path.GetFileName(archive.File));

    /// <summary>The entries of an archive by seal.</summary>
    public async IAsyncEnumerable<(Seal Seal, Batch Batch)> ReadAsync(Archive archive, IReadOnlyList<Seal> seals, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var byPosition = (await LinesAsync(archive, cancellationToken)).ToLookup(l => l.Position);
        for (var number = archive.FirstSeal; number <= archive.LastSeal && number <= seals.Count; number++)
        {
            var seal = seals[(int)number - 1];
            var chain = number == 1 ? Hashing.Genesis(TrailStore.Tenant) : seals[(int)number - 2].Chain.ToArray();
            var lines = new List<(long, ReadOnlyMemory<byte>)>(seal.Count);
            for (var position = seal.First; position <= seal.Last; position++)
                lines.AddRange(byPosition[position].Take(1).Select(l => (l.Source, (ReadOnlyMemory<byte>)l.Encoded)));
            yield return (seal, Batch.Seal(seal.First, lines, chain));
        }
    }

    /// <summary>Moves what was sealed before an instant into files, whole seals at a time. The file is on the disk before the rows go; a death between leaves both, and the next run makes the same file again.</summary>
    /// <returns>The archives that were made.</returns>
    public async Task<ImmutableArray<Archive>> RunAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var made = ImmutableArray.CreateBuilder<Archive>();
        await _turn.WaitAsync(cancellationToken);
        try
        {
            while (true)
            {
                var after = (await ListAsync(cancellationToken)) is { IsEmpty: false } known ? known[^1].LastSeal : 0;
                ImmutableArray<Seal> seals = [.. (await store.SealsAsync(after, MaxSeals, cancellationToken)).TakeWhile(s => s.At < TrailStore.Microseconds(before))];
                if (seals.IsEmpty)
                    return made.ToImmutable();
                made.Add(await ArchiveAsync(seals, cancellationToken));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<Archive> ArchiveAsync(ImmutableArray<Seal> seals, CancellationToken cancellationToken)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"audit-{seals[0].First:D12}-{seals[^1].Last:D12}.jsonl.gz");
        var archive = new Archive(seals[0].Number, seals[^1].Number, seals[0].First, seals[^1].Last, name, "", TrailStore.Microseconds(time.GetUtcNow()));
        var path = PathOf(archive);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using (var file = new FileStream(path + ".part", FileMode.Create, FileAccess.Write))
        {
            await using (var zip = new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true))
            {
                foreach (var seal in seals)
                {
                    var batch = await store.FindBatchAsync(seal.Number, cancellationToken) ?? throw new NexusException(ErrorCodes.StorageCorrupt, $"The entries under seal {seal.Number} are gone; they cannot be archived. Run 'nexus audit verify'.");
                    for (var i = 0; i < batch.Count; i++)
                        await zip.WriteAsync(EntryJson.Line(batch.Find(i) ?? throw new NexusException(ErrorCodes.StorageCorrupt, $"Entry {batch.First + i} cannot be read; it cannot be archived. Run 'nexus audit verify'."), encoded: true), cancellationToken);
                }
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".part", path, overwrite: true);
        await using (var file = File.OpenRead(path))
            archive = archive with { Sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken)) };
        await database.WriteAsync(async (session, _) =>
        {
            await session.ExecuteAsync("INSERT INTO archives (first_seal,last_seal,first,last,file,sha256,at) VALUES (@fs,@ls,@f,@l,@file,@sha,@at)", new Dictionary<string, object?> { ["fs"] = archive.FirstSeal, ["ls"] = archive.LastSeal, ["f"] = archive.First, ["l"] = archive.Last, ["file"] = archive.File, ["sha"] = archive.Sha256, ["at"] = archive.At });
            return await session.ExecuteAsync("DELETE FROM batches WHERE seal<=@last", new Dictionary<string, object?> { ["last"] = archive.LastSeal });
        }, cancellationToken);
        var detail = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["first"] = archive.First, ["last"] = archive.Last, ["file"] = archive.File, ["sha256"] = archive.Sha256 });
        await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), "core.audit.archived", $"archives/{archive.File}", AuditResult.Success, detail), cancellationToken);
        return archive;
    }

    private async Task<List<(long Position, long Source, byte[] Encoded)>> LinesAsync(Archive archive, CancellationToken cancellationToken)
    {
        var entries = new List<(long, long, byte[])>();
        try
        {
            await using var zip = new GZipStream(File.OpenRead(PathOf(archive)), CompressionMode.Decompress);
            using var reader = new StreamReader(zip);
            while (await reader.ReadLineAsync(cancellationToken) is { } line)
            {
                using var json = JsonDocument.Parse(line);
                entries.Add((json.RootElement.GetProperty("position").GetInt64(), json.RootElement.GetProperty("source").GetInt64(), json.RootElement.GetProperty("encoded").GetBytesFromBase64()));
            }
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            // A broken file yields what comes before the break; the rest counts as missing.
        }

        return entries;
    }
}
