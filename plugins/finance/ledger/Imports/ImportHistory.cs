using System.Collections.Immutable;
using static Nexus.Finance.Ledger.Books.SqlReading;
using Nexus.Finance.Ledger.Books;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>A stored import.</summary>
internal sealed record ImportBatch(string Id, string Book, string? FileName, string Sha256, string Format, string? Profile, string CreatedAt, string? UndoneAt, long Added, long Duplicates, long Ignored, ImmutableDictionary<string, string> Dialect);

/// <summary>A stored decision on a line.</summary>
internal sealed record ImportDecision(long N, long Line, string Account, string Date, string Amount, string Commodity, string? Text, string? Reference, long Occurrence, string Decision, string Reason, long? Score, string? Candidate, string? Journal, string Raw);

/// <summary>Reads past imports.</summary>
/// <param name="database">The plugin's database.</param>
internal sealed class ImportHistory(ISqlDatabase database)
{
    /// <summary>The newest imports of a book, at most 200.</summary>
    public async ValueTask<ImmutableArray<ImportBatch>> ListAsync(string book, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT * FROM import_batch WHERE book = @book ORDER BY created_at DESC, id DESC LIMIT 200", With(("book", book)), cancellationToken)).Select(ToBatch)];

    /// <summary>An import.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public async ValueTask<ImportBatch> GetAsync(string id, CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT * FROM import_batch WHERE id = @id", With(("id", id)), cancellationToken)).Select(ToBatch).FirstOrDefault()
        ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no import {id}.");

    /// <summary>Decisions of an import after a line number of its own, in the order of the file.</summary>
    public async ValueTask<ImmutableArray<ImportDecision>> DecisionsAsync(string id, long after, int limit, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT * FROM import_line WHERE batch = @id AND n > @after ORDER BY n LIMIT @limit", With(("id", id), ("after", after), ("limit", (long)limit)), cancellationToken)).Select(r => new ImportDecision(
            r.Long("n"), r.Long("line"), r.Needed("account"), r.Needed("day"), r.Needed("amount"), r.Needed("commodity"), r.Text("text"), r.Text("reference"), r.Long("occurrence"), r.Needed("decision"), r.Needed("reason"), r["score"] is null ? null : r.Long("score"), r.Text("candidate"), r.Text("journal"), r.Needed("raw")))];

    private static ImportBatch ToBatch(SqlRow r) => new(r.Needed("id"), r.Needed("book"), r.Text("file_name"), r.Needed("sha256"), r.Needed("format"), r.Text("profile"), r.Needed("created_at"), r.Text("undone_at"), r.Long("added"), r.Long("duplicates"), r.Long("ignored"), Profiles.Parse(r.Needed("reading")));
}
