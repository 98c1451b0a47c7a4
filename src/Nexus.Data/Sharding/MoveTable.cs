using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Data.Sharding;

/// <summary>A move as the platform's database keeps it.</summary>
/// <param name="Move">What is told of it.</param>
/// <param name="Node">Who carries it out.</param>
/// <param name="Until">Until when nobody else does.</param>
/// <param name="Revision">Of the record; 0 for one that is not stored yet.</param>
internal sealed record StoredMove(TenantMove Move, string Node, DateTimeOffset Until, long Revision);

/// <summary>The moves, in the platform's own database: those under way in a table that all nodes look at, ended ones in another.</summary>
internal sealed class MoveTable(IStorage first)
{
    private const string Moves = "nexus.moves";
    private const string Ended = "nexus.moves.ended";
    private const int Page = 500;

    public ValueTask<List<StoredMove>> ListAsync(CancellationToken cancellationToken) => AllAsync(Moves, cancellationToken);

    public ValueTask<List<StoredMove>> ListEndedAsync(CancellationToken cancellationToken) => AllAsync(Ended, cancellationToken);

    public async ValueTask<StoredMove?> FindAsync(string tenant, CancellationToken cancellationToken) =>
        await first.FindAsync(Key(Moves, tenant), cancellationToken) is { } found ? Read(found) : null;

    /// <summary>Stores a move, with other writes.</summary>
    /// <returns>The same with its revision.</returns>
    /// <exception cref="StorageConflictException">Somebody else changed it since.</exception>
    public async ValueTask<StoredMove> PutAsync(StoredMove move, CancellationToken cancellationToken, params RecordWrite[] others)
    {
        var stored = move with { Revision = move.Revision + 1 };
        var put = new RecordWrite { Key = Key(Moves, move.Move.Tenant), ExpectedRevision = move.Revision, Record = Record(stored) };
        await first.CommitAsync(new WriteBatch { Writes = [put, .. others] }, cancellationToken);
        return stored;
    }

    /// <summary>Puts a move among the ended ones.</summary>
    public async ValueTask EndAsync(StoredMove move, CancellationToken cancellationToken) => await first.CommitAsync(new WriteBatch
    {
        Writes =
        [
            new RecordWrite { Key = Key(Moves, move.Move.Tenant), ExpectedRevision = move.Revision },
            new RecordWrite { Key = Key(Ended, move.Move.Tenant), Record = Record(move with { Revision = 1 }) },
        ],
    }, cancellationToken);

    private async ValueTask<List<StoredMove>> AllAsync(string table, CancellationToken cancellationToken)
    {
        var found = new List<StoredMove>();
        string? cursor = null;
        do
        {
            var page = await first.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = table, Limit = Page, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records.Select(Read));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return found;
    }

    private static RecordKey Key(string table, string tenant) => new(CallContext.DefaultTenant, table, tenant);

    private static StoredRecord Record(StoredMove move) => new() { Id = move.Move.Tenant, Revision = move.Revision, Json = JsonSerializer.SerializeToUtf8Bytes(move, JsonSerializerOptions.Web) };

    private static StoredMove Read(StoredRecord record) => JsonSerializer.Deserialize<StoredMove>(record.Json.Span, JsonSerializerOptions.Web)! with { Revision = record.Revision };
}
