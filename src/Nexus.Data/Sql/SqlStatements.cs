using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Sqlite;
using SQLitePCL;

namespace Nexus.Data.Sql;

/// <summary>Runs the statements of a plugin on a connection, guarded: no other file, no pragma that writes, no unit of work of its own, nothing of the platform's tables.</summary>
internal static class SqlStatements
{
    public const int MaxRows = 100_000;

    public static int Execute(Connection connection, string sql, IReadOnlyDictionary<string, object?>? parameters)
    {
        using var guard = new SqlGuard(connection);
        using var statement = Prepare(connection, sql, parameters);
        while (statement.Step())
        {
            // A statement with RETURNING is run to its end; its rows are not asked for here.
        }

        return connection.Changes;
    }

    /// <summary>Runs one prepared statement with each row of values.</summary>
    public static int ExecuteMany(Connection connection, string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
    {
        using var guard = new SqlGuard(connection);
        using var statement = connection.Prepare(sql);
        var names = Enumerable.Range(1, raw.sqlite3_bind_parameter_count(statement.Handle)).Select(i => raw.sqlite3_bind_parameter_name(statement.Handle, i).utf8_to_string() ?? throw new InvalidOperationException("Parameters are named: @name.")).ToArray();
        var places = names.Select(name => parameters.IndexOf(name[1..]) is var i and >= 0 ? i : throw new InvalidOperationException($"The statement has the parameter {name}, for which there is no value.")).ToArray();
        var before = connection.TotalChanges;
        foreach (var row in rows)
        {
            for (var i = 0; i < places.Length; i++)
                Bind(statement, i + 1, names[i], row[places[i]]);
            while (statement.Step())
            {
                // A statement with RETURNING is run to its end; its rows are not asked for here.
            }

            statement.Reset();
        }

        return connection.TotalChanges - before;
    }

    public static ImmutableArray<SqlRow> Query(Connection connection, string sql, IReadOnlyDictionary<string, object?>? parameters, CancellationToken cancellationToken)
    {
        using var guard = new SqlGuard(connection);
        using var statement = Prepare(connection, sql, parameters);
        var count = raw.sqlite3_column_count(statement.Handle);
        ImmutableArray<string> columns = [.. Enumerable.Range(0, count).Select(i => raw.sqlite3_column_name(statement.Handle, i).utf8_to_string())];
        var rows = ImmutableArray.CreateBuilder<SqlRow>();
        while (statement.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (rows.Count == MaxRows)
                throw new NexusException(ErrorCodes.BadRequest, $"The query gives more than {MaxRows} rows; add a LIMIT or aggregate in SQL.");
            var values = new object?[count];
            for (var i = 0; i < count; i++)
                values[i] = Value(statement, i);
            rows.Add(new SqlRow(columns, ImmutableCollectionsMarshalAs(values)));
        }

        return rows.DrainToImmutable();
    }

    /// <summary>What the plugin is told of a failed statement.</summary>
    public static Exception Explain(SqliteFailure failure, string file)
    {
        if (failure.IsUniqueViolation || failure.IsKeyTaken)
            return new NexusException(ErrorCodes.UniqueViolation, failure.Message, failure);
        return (failure.Code & 0xFF) switch
        {
            raw.SQLITE_CONSTRAINT => new NexusException(ErrorCodes.Conflict, failure.Message, failure),
            raw.SQLITE_AUTH => new NexusException(ErrorCodes.PluginPermissionDenied, $"The statement leaves the plugin's own database or changes its settings ({failure.Message}); ATTACH, writing PRAGMAs, BEGIN, COMMIT, SAVEPOINT and the tables nexus_* are refused.", failure),
            raw.SQLITE_READONLY => new NexusException(ErrorCodes.BadRequest, "A query cannot write; use WriteAsync.", failure),
            raw.SQLITE_ERROR or raw.SQLITE_MISMATCH or raw.SQLITE_RANGE or raw.SQLITE_MISUSE or raw.SQLITE_TOOBIG => new InvalidOperationException($"The SQL statement is wrong: {failure.Message}", failure),
            _ => failure.Explain(file),
        };
    }

    private static Statement Prepare(Connection connection, string sql, IReadOnlyDictionary<string, object?>? parameters)
    {
        var statement = connection.Prepare(sql);
        try
        {
            var count = raw.sqlite3_bind_parameter_count(statement.Handle);
            for (var i = 1; i <= count; i++)
            {
                var name = raw.sqlite3_bind_parameter_name(statement.Handle, i).utf8_to_string();
                if (name is null)
                    throw new InvalidOperationException("Parameters are named: @name.");
                if (parameters is null || !(parameters.TryGetValue(name[1..], out var value) || parameters.TryGetValue(name, out value)))
                    throw new InvalidOperationException($"The statement has the parameter {name}, for which there is no value.");
                Bind(statement, i, name, value);
            }

            return statement;
        }
        catch
        {
            statement.Dispose();
            throw;
        }
    }

    private static void Bind(Statement statement, int index, string name, object? value)
    {
        _ = value switch
        {
            null or DBNull => statement,
            string text => statement.Bind(index, text),
            bool flag => statement.Bind(index, flag ? 1L : 0L),
            byte[] bytes => statement.BindBlob(index, bytes),
            ReadOnlyMemory<byte> bytes => statement.BindBlob(index, bytes.Span),
            double or float => statement.Bind(index, Convert.ToDouble(value, CultureInfo.InvariantCulture)),
            decimal number => statement.Bind(index, number.ToString(CultureInfo.InvariantCulture)),
            DateOnly day => statement.Bind(index, day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            DateTimeOffset instant => statement.Bind(index, instant.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
            Guid id => statement.Bind(index, id.ToString()),
            Enum word => statement.Bind(index, word.ToString()),
            sbyte or byte or short or ushort or int or uint or long => statement.Bind(index, Convert.ToInt64(value, CultureInfo.InvariantCulture)),
            _ => throw new InvalidOperationException($"The parameter {name} is of type {value.GetType().Name}, which SQL has no form for."),
        };
    }

    private static object? Value(Statement statement, int column) => raw.sqlite3_column_type(statement.Handle, column) switch
    {
        raw.SQLITE_INTEGER => statement.Integer(column),
        raw.SQLITE_FLOAT => raw.sqlite3_column_double(statement.Handle, column),
        raw.SQLITE_TEXT => statement.Text(column),
        raw.SQLITE_BLOB => statement.Bytes(column),
        _ => null,
    };

    private static ImmutableArray<object?> ImmutableCollectionsMarshalAs(object?[] values) => System.Runtime.InteropServices.ImmutableCollectionsMarshal.AsImmutableArray(values);
}
