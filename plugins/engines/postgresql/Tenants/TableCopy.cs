using System.Globalization;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>Rows that are to be the same in two databases.</summary>
/// <param name="Source">Where they are read: a table, or a query in brackets.</param>
/// <param name="Target">Table that they are copied to.</param>
/// <param name="Filter">Condition for those that count, on either side.</param>
/// <param name="Columns">Columns that are stored, quoted.</param>
/// <param name="Key">Expression over the columns that stays the same while a row changes.</param>
internal sealed record CopiedRows(string Source, string Target, string Filter, string[] Columns, string Key)
{
    public string List => string.Join(",", Columns);

    /// <summary>A number that two rows share only when they are the same.</summary>
    public string Digest => $"hashtextextended(ROW({List})::text,0)";
}

/// <summary>
/// Makes tables equal by comparing them: what is equal is not sent, so that a copy can be repeated, after changes or after a death, and its last run proves that nothing is missing.
/// Tables whose sums of digests differ are divided into parts by the digest of their keys; the parts that differ are replaced.
/// Both connections are held to the same forms of text, so that the same value has the same digest.
/// </summary>
internal sealed class TableCopy(NpgsqlConnection source, NpgsqlConnection target)
{
    /// <summary>Settings of both sessions.</summary>
    public const string Settings = "SELECT set_config('datestyle','ISO, MDY',false),set_config('intervalstyle','postgres',false),set_config('timezone','UTC',false),set_config('extra_float_digits','3',false),set_config('bytea_output','hex',false),set_config('app.tenant','*',false)";

    private const int RowsOfPart = 8;
    private const int MaxParts = 1 << 16;
    private const int Buffer = 1 << 16;

    /// <summary>Makes all equal to what the source holds now.</summary>
    /// <returns>Rows that were sent or removed; 0 when everything was equal.</returns>
    public async Task<long> RunAsync(IReadOnlyList<CopiedRows> all, CancellationToken cancellationToken)
    {
        if (all.Count == 0)
            return 0;
        var sums = await Task.WhenAll(SumsAsync(source, all, r => r.Source, cancellationToken), SumsAsync(target, all, r => r.Target, cancellationToken));
        var copied = 0L;
        for (var i = 0; i < all.Count; i++)
        {
            if (sums[0][i] != sums[1][i])
                copied += await ReplaceAsync(all[i], sums[0][i].Count, sums[1][i].Count, cancellationToken);
        }

        return copied;
    }

    private static async Task<List<(long Count, string Sum)>> SumsAsync(NpgsqlConnection connection, IReadOnlyList<CopiedRows> all, Func<CopiedRows, string> of, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.Timeout = 0;
        foreach (var rows in all)
            batch.BatchCommands.Add(new NpgsqlBatchCommand($"SELECT count(*),coalesce(sum({rows.Digest}),0)::text FROM {of(rows)} x WHERE {rows.Filter}"));
        var sums = new List<(long, string)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            await reader.ReadAsync(cancellationToken);
            sums.Add((reader.GetInt64(0), reader.GetString(1)));
        }
        while (await reader.NextResultAsync(cancellationToken));
        return sums;
    }

    private async Task<long> ReplaceAsync(CopiedRows rows, long here, long there, CancellationToken cancellationToken)
    {
        // What is compared and what is sent are of one moment: values that rows exchanged between the two would meet in a unique index.
        await using var moment = await source.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        var mask = 15L;
        while (mask + 1 < Math.Min(MaxParts, Math.Max(here, there) / RowsOfPart))
            mask = (2 * mask) + 1;
        var part = $"(hashtextextended({rows.Key},1)&{mask})";
        var filter = rows.Filter;
        var changed = here;
        if (there > 0)
        {
            var parts = await Task.WhenAll(PartsAsync(source, rows, rows.Source, part, cancellationToken), PartsAsync(target, rows, rows.Target, part, cancellationToken));
            var differing = parts[0].Keys.Union(parts[1].Keys).Where(k => parts[0].GetValueOrDefault(k) != parts[1].GetValueOrDefault(k)).ToList();
            if (differing.Count == 0)
                return 0;
            filter += string.Create(CultureInfo.InvariantCulture, $" AND {part}=ANY('{{{string.Join(',', differing)}}}'::bigint[])");
            changed = differing.Sum(k => Math.Max(parts[0].GetValueOrDefault(k).Count, parts[1].GetValueOrDefault(k).Count));
        }

        await using var unit = await target.BeginTransactionAsync(cancellationToken);
        await RunAsync(target, $"DELETE FROM {rows.Target} x WHERE {filter}", cancellationToken);
        await SendAsync($"COPY (SELECT {rows.List} FROM {rows.Source} x WHERE {filter}) TO STDOUT (FORMAT BINARY)", $"COPY {rows.Target} ({rows.List}) FROM STDIN (FORMAT BINARY)", cancellationToken);
        await unit.CommitAsync(cancellationToken);
        return changed;
    }

    private static async Task<Dictionary<long, (long Count, string Sum)>> PartsAsync(NpgsqlConnection connection, CopiedRows rows, string from, string part, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT {part},count(*),sum({rows.Digest})::text FROM {from} x WHERE {rows.Filter} GROUP BY 1", connection) { CommandTimeout = 0 };
        var parts = new Dictionary<long, (long, string)>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            parts[reader.GetInt64(0)] = (reader.GetInt64(1), reader.GetString(2));
        return parts;
    }

    /// <summary>Passes what one server sends on to the other as it comes.</summary>
    public async Task SendAsync(string from, string to, CancellationToken cancellationToken)
    {
        await using var read = await source.BeginRawBinaryCopyAsync(from, cancellationToken);
        await using var write = await target.BeginRawBinaryCopyAsync(to, cancellationToken);
        try
        {
            await read.CopyToAsync(write, Buffer, cancellationToken);
        }
        catch
        {
            await write.CancelAsync();
            throw;
        }
    }

    /// <summary>Runs a statement for as long as it takes.</summary>
    public static async Task<int> RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
