using System.Collections.Immutable;

namespace Nexus.Core.Audit.Chain;

/// <summary>The rows of the trail. All methods are about the tenant of the current call.</summary>
internal sealed class TrailStore(ISqlDatabase database)
{
    private const string SealColumns = "number,first,last,at,root,chain,previous,key,signature";

    public static string Tenant => CallContext.Current.Tenant;

    /// <summary>Adds entries and their seal in one commit.</summary>
    public ValueTask<bool> AppendAsync(Batch batch, Terms terms, Seal seal, CancellationToken cancellationToken) => database.WriteAsync(async (session, _) =>
    {
        await session.ExecuteAsync("INSERT INTO batches (seal,first,last,earliest,latest,terms,entries) VALUES (@seal,@first,@last,@earliest,@latest,@terms,@entries)", new Dictionary<string, object?>
        {
            ["seal"] = seal.Number,
            ["first"] = seal.First,
            ["last"] = seal.Last,
            ["earliest"] = terms.Earliest,
            ["latest"] = terms.Latest,
            ["terms"] = terms.Filter,
            ["entries"] = batch.Bytes,
        });
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

    /// <summary>The entries under a seal; null when they are gone or archived.</summary>
    public async ValueTask<Batch?> FindBatchAsync(long seal, CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT first,entries FROM batches WHERE seal=@seal", new Dictionary<string, object?> { ["seal"] = seal }, cancellationToken)) is [var row] ? Batch.Parse(Number(row.Values[0]), Bytes(row.Values[1])) : null;

    /// <summary>The entries under a seal with what helps to find them.</summary>
    public async ValueTask<(Batch Batch, Terms Terms, long Last)?> FindBatchWithTermsAsync(long seal, CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT first,entries,earliest,latest,terms,last FROM batches WHERE seal=@seal", new Dictionary<string, object?> { ["seal"] = seal }, cancellationToken)) is [var row]
            ? (Batch.Parse(Number(row.Values[0]), Bytes(row.Values[1])), new Terms(Number(row.Values[2]), Number(row.Values[3]), Bytes(row.Values[4])), Number(row.Values[5])) : null;

    /// <summary>An entry; null when there is none or it is archived.</summary>
    public async ValueTask<SealedEntry?> FindAsync(long position, CancellationToken cancellationToken) =>
        await SealOfAsync(position, cancellationToken) is { } seal && await FindBatchAsync(seal.Number, cancellationToken) is { } batch && position - seal.First < batch.Count ? batch.Find((int)(position - seal.First)) : null;

    /// <summary>Which batches of a span of time and of positions there are, with their filters; newest first, or oldest first.</summary>
    public async ValueTask<ImmutableArray<(long Seal, byte[] Filter)>> LookUpAsync((long From, long To) time, (long After, long Before) positions, (long Beyond, bool Newest) place, int limit, CancellationToken cancellationToken)
    {
        var order = place.Newest ? "seal<@beyond AND first<@before AND last>@after AND latest>=@from AND earliest<@to ORDER BY seal DESC" : "seal>@beyond AND first<@before AND last>@after AND latest>=@from AND earliest<@to ORDER BY seal";
        var values = new Dictionary<string, object?> { ["beyond"] = place.Beyond, ["before"] = positions.Before, ["after"] = positions.After, ["from"] = time.From, ["to"] = time.To, ["limit"] = limit };
        return [.. (await database.QueryAsync($"SELECT seal,terms FROM batches WHERE {order} LIMIT @limit", values, cancellationToken)).Select(r => (Number(r.Values[0]), Bytes(r.Values[1])))];
    }

    /// <summary>Number of the newest batch; 0 when there is none.</summary>
    public async ValueTask<long> LastBatchAsync(CancellationToken cancellationToken) =>
        Number((await database.QueryAsync("SELECT coalesce(max(seal),0) FROM batches", null, cancellationToken))[0].Values[0]);

    /// <summary>Instant as it is stored.</summary>
    public static long Microseconds(DateTimeOffset at) => (at.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>Instant of its stored form.</summary>
    public static DateTimeOffset Instant(long microseconds) => microseconds is < -62_135_596_800_000_000 or > 253_402_300_799_999_999 ? DateTimeOffset.MinValue : DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    private static Seal ReadSeal(SqlRow row) => new()
    {
        Number = Number(row.Values[0]),
        First = Number(row.Values[1]),
        Last = Number(row.Values[2]),
        At = Number(row.Values[3]),
        Root = Hash(row.Values[4]),
        Chain = Hash(row.Values[5]),
        Previous = Hash(row.Values[6]),
        Key = row.Values[7] as string ?? "",
        Signature = Bytes(row.Values[8]),
    };

    // Whoever alters rows may also alter their types; that must show as a finding, not as a crash.
    private static long Number(object? value) => value is long number ? number : -1;

    private static byte[] Bytes(object? value) => value as byte[] ?? [];

    private static byte[] Hash(object? value) => value is byte[] { Length: Hashing.Size } hash ? hash : new byte[Hashing.Size];
}
