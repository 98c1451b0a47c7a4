using System.Collections.Immutable;

namespace Nexus.Core.Audit.Chain;

/// <summary>An entry of the trail of a tenant.</summary>
/// <param name="Position">Place in the tenant's trail, from 1 without gaps.</param>
/// <param name="Source">Place in the node's queue.</param>
/// <param name="Entry">The entry.</param>
/// <param name="Chain">The chain after it.</param>
internal sealed record SealedEntry(long Position, long Source, AuditEntry Entry, byte[] Chain);

/// <summary>The rows of the trail. All methods are about the tenant of the current call.</summary>
internal sealed class TrailStore(ISqlDatabase database)
{
    private const string EntryColumns = "position,source,at,actor,action,subject,result,address,agent,correlation,detail,chain";
    private const string SealColumns = "number,first,last,at,root,chain,previous,key,signature";

    public static string Tenant => CallContext.Current.Tenant;

    /// <summary>Adds entries and their seal in one commit.</summary>
    public ValueTask<bool> AppendAsync(IReadOnlyList<SealedEntry> entries, Seal seal, CancellationToken cancellationToken) => database.WriteAsync(async (session, _) =>
    {
        var values = new Dictionary<string, object?>(12, StringComparer.Ordinal);
        foreach (var (position, source, entry, chain) in entries)
        {
            values["p"] = position;
            values["s"] = source;
            values["at"] = Microseconds(entry.At);
            values["actor"] = entry.Actor;
            values["action"] = entry.Action;
            values["subject"] = entry.Subject;
            values["result"] = (int)entry.Result;
            values["address"] = entry.Address;
            values["agent"] = entry.UserAgent;
            values["correlation"] = entry.CorrelationId;
            values["detail"] = entry.Detail;
            values["chain"] = chain;
            await session.ExecuteAsync($"INSERT INTO entries ({EntryColumns}) VALUES (@p,@s,@at,@actor,@action,@subject,@result,@address,@agent,@correlation,@detail,@chain)", values);
        }

        await session.ExecuteAsync($"INSERT INTO seals ({SealColumns}) VALUES (@number,@first,@last,@at,@root,@chain,@previous,@key,@signature)", new Dictionary<string, object?>
        {
            ["number"] = seal.Number,
            ["first"] = seal.First,
            ["last"] = seal.Last,
            ["at"] = seal.At,
            ["root"] = seal.Root,
            ["chain"] = seal.Chain,
            ["previous"] = seal.Previous,
            ["key"] = seal.Key,
            ["signature"] = seal.Signature,
        });
        return true;
    }, cancellationToken);

    /// <summary>The newest seal, or null.</summary>
    public async ValueTask<Seal?> LastSealAsync(CancellationToken cancellationToken) =>
        (await database.QueryAsync($"SELECT {SealColumns} FROM seals ORDER BY number DESC LIMIT 1", null, cancellationToken)).Select(ReadSeal).FirstOrDefault();

    /// <summary>Seals after a number, in order.</summary>
    public async ValueTask<ImmutableArray<Seal>> SealsAsync(long after, int limit, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync($"SELECT {SealColumns} FROM seals WHERE number>@after ORDER BY number LIMIT @limit", new Dictionary<string, object?> { ["after"] = after, ["limit"] = limit }, cancellationToken)).Select(ReadSeal)];

    /// <summary>The seal over a position, or null.</summary>
    public async ValueTask<Seal?> SealOfAsync(long position, CancellationToken cancellationToken) =>
        (await database.QueryAsync($"SELECT {SealColumns} FROM seals WHERE first<=@position ORDER BY number DESC LIMIT 1", new Dictionary<string, object?> { ["position"] = position }, cancellationToken)).Select(ReadSeal).FirstOrDefault(s => s.Last >= position);

    /// <summary>Entries of a run of positions, in order.</summary>
    public async ValueTask<ImmutableArray<SealedEntry>> EntriesAsync(long first, long last, CancellationToken cancellationToken)
    {
        var tenant = Tenant;
        var rows = await database.QueryAsync($"SELECT {EntryColumns} FROM entries WHERE position BETWEEN @first AND @last ORDER BY position", new Dictionary<string, object?> { ["first"] = first, ["last"] = last }, cancellationToken);
        var entries = ImmutableArray.CreateBuilder<SealedEntry>(rows.Length);
        foreach (var row in rows)
            entries.Add(ReadEntry(row, tenant));
        return entries.MoveToImmutable();
    }

    /// <summary>Entries that fit a condition over <see cref="EntryColumns"/>.</summary>
    public async ValueTask<ImmutableArray<SealedEntry>> FindAsync(string condition, Dictionary<string, object?> values, CancellationToken cancellationToken)
    {
        var tenant = Tenant;
        return [.. (await database.QueryAsync($"SELECT {EntryColumns} FROM entries {condition}", values, cancellationToken)).Select(r => ReadEntry(r, tenant))];
    }

    /// <summary>First and last position that is there; zeros when there is none.</summary>
    public async ValueTask<(long First, long Last)> BoundsAsync(CancellationToken cancellationToken)
    {
        var row = (await database.QueryAsync("SELECT coalesce((SELECT min(position) FROM entries),0),coalesce((SELECT max(position) FROM entries),0)", null, cancellationToken))[0];
        return ((long)row.Values[0]!, (long)row.Values[1]!);
    }

    /// <summary>Instant as it is stored.</summary>
    public static long Microseconds(DateTimeOffset at) => (at.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>Instant of its stored form.</summary>
    public static DateTimeOffset Instant(long microseconds) => microseconds is < -62_135_596_800_000_000 or > 253_402_300_799_999_999 ? DateTimeOffset.MinValue : DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    private static SealedEntry ReadEntry(SqlRow row, string tenant)
    {
        var values = row.Values;
        return new SealedEntry((long)values[0]!, Number(values[1]), new AuditEntry
        {
            At = Instant(Number(values[2])),
            Tenant = tenant,
            Actor = Text(values[3]) ?? "",
            Action = Text(values[4]) ?? "",
            Subject = Text(values[5]),
            Result = Number(values[6]) is >= 0 and <= (long)AuditResult.Failure and var result ? (AuditResult)result : (AuditResult)byte.MaxValue,
            Address = Text(values[7]),
            UserAgent = Text(values[8]),
            CorrelationId = Text(values[9]),
            Detail = Bytes(values[10]),
        }, Bytes(values[11]));
    }

    private static Seal ReadSeal(SqlRow row) => new()
    {
        Number = Number(row.Values[0]),
        First = Number(row.Values[1]),
        Last = Number(row.Values[2]),
        At = Number(row.Values[3]),
        Root = Hash(row.Values[4]),
        Chain = Hash(row.Values[5]),
        Previous = Hash(row.Values[6]),
        Key = Text(row.Values[7]) ?? "",
        Signature = Bytes(row.Values[8]),
    };

    // Whoever alters rows may also alter their types; that must show as an altered entry, not as a crash.
    private static long Number(object? value) => value is long number ? number : -1;

    private static string? Text(object? value) => value switch { null => null, string text => text, _ => $"\0{value}" };

    private static byte[] Bytes(object? value) => value switch { byte[] bytes => bytes, string text => System.Text.Encoding.UTF8.GetBytes("\0" + text), _ => [] };

    private static byte[] Hash(object? value) => value is byte[] { Length: Hashing.Size } hash ? hash : new byte[Hashing.Size];
}
