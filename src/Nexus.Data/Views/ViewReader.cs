using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Records;

namespace Nexus.Data.Views;

/// <summary>Reads the records of views: rows of their plugins' own databases, each in its tenant's.</summary>
/// <param name="database">The database of a plugin and tenant.</param>
internal sealed class ViewReader(Func<string, string, ISqlDatabase> database)
{
    // Whoever alters a cursor names another place in a list whose rows the query itself guards, so it need not be secret; it only has to be told from one of another list.
    private static readonly byte[] CursorKey = "nexus.views"u8.ToArray();

    /// <summary>One record, or null.</summary>
    public async ValueTask<StoredRecord?> FindAsync(ResourceDescriptor resource, string tenant, string id, CancellationToken cancellationToken)
    {
        if (id.Length is 0 or > RecordColumns.MaxKey || id.Contains('\0', StringComparison.Ordinal))
            return null;
        var page = await QueryAsync(resource, Query(resource, tenant) with { Filter = new Filter.Compare("id", FilterOperator.Equal, System.Text.Json.JsonSerializer.SerializeToElement(id)), Limit = 1 }, cancellationToken).ConfigureAwait(false);
        return page.Records.FirstOrDefault();
    }

    /// <summary>A page of records.</summary>
    public async ValueTask<RecordPage> QueryAsync(ResourceDescriptor resource, RecordQuery query, CancellationToken cancellationToken)
    {
        var own = database(resource.Plugin, query.Tenant);
        var columns = await ViewColumns.OfAsync(resource, own, cancellationToken).ConfigureAwait(false);
        var sql = new ViewQuery(resource, columns, own, query, query.Cursor is { } text ? Cursor.Read(CursorKey, query, text) : null);
        var rows = await own.QueryAsync(sql.Sql, sql.Parameters, cancellationToken).ConfigureAwait(false);
        ImmutableArray<StoredRecord> records = [.. rows.Take(query.Limit).Select(row => ViewRecord.Of(resource, columns, row))];
        var next = rows.Length > query.Limit ? new Cursor(sql.ValuesOf(rows[query.Limit - 1]), records[^1].Id).Write(CursorKey, query) : null;
        return new(records, next, !query.Count ? null : rows is [var first, ..] ? Total(first) : await CountAsync(own, sql, query, cancellationToken).ConfigureAwait(false));
    }

    private static RecordQuery Query(ResourceDescriptor resource, string tenant) => new() { Tenant = tenant, Table = resource.Table };

    /// <summary>A page beyond the end has no row that could tell the count.</summary>
    private static async ValueTask<long> CountAsync(ISqlDatabase own, ViewQuery sql, RecordQuery query, CancellationToken cancellationToken) =>
        query is { Cursor: null, Offset: 0 } ? 0 : Total((await own.QueryAsync(sql.CountSql, sql.Parameters, cancellationToken).ConfigureAwait(false))[0]);

    private static long Total(SqlRow row) => Convert.ToInt64(row["nexus_total"], CultureInfo.InvariantCulture);
}
