using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>Statements of a plugin on their way to the server and back.</summary>
internal static class SqlStatements
{
    public const int MaxRows = 100_000;

    /// <summary>The one statement of a text.</summary>
    public static SqlStatement One(string sql)
    {
        ArgumentNullException.ThrowIfNull(sql);
        var statements = SqlText.Read(sql);
        if (statements.Length != 1)
            throw new InvalidOperationException($"One call runs one statement; this text has {statements.Length}.");
        SqlGuard.Check(statements[0]);
        return statements[0];
    }

    public static NpgsqlBatchCommand Add(NpgsqlBatch batch, SqlStatement statement, IReadOnlyDictionary<string, object?>? parameters)
    {
        var command = batch.Add(statement.Text);
        foreach (var name in statement.Parameters)
        {
            if (parameters is null || !(parameters.TryGetValue(name, out var value) || parameters.TryGetValue("@" + name, out value)))
                throw Unbound(name);
            command.Parameters.Add(Parameter(name, value));
        }

        return command;
    }

    public static InvalidOperationException Unbound(string name) => new($"The statement has the parameter @{name}, for which there is no value.");

    /// <summary>A value as a parameter. What is written as text has no type of its own, so that the server takes it for what the statement needs there: text, a date, an identifier.</summary>
    public static NpgsqlParameter Parameter(string name, object? value) => value switch
    {
        null or DBNull => new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown },
        string text => Untyped(text),
        bool flag => new NpgsqlParameter { Value = flag, NpgsqlDbType = NpgsqlDbType.Boolean },
        byte[] bytes => new NpgsqlParameter { Value = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
        ReadOnlyMemory<byte> bytes => new NpgsqlParameter { Value = bytes.ToArray(), NpgsqlDbType = NpgsqlDbType.Bytea },
        double or float => new NpgsqlParameter { Value = Convert.ToDouble(value, CultureInfo.InvariantCulture), NpgsqlDbType = NpgsqlDbType.Double },
        decimal number => new NpgsqlParameter { Value = number, NpgsqlDbType = NpgsqlDbType.Numeric },
        DateOnly day => Untyped(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        DateTimeOffset instant => Untyped(instant.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
        Guid id => Untyped(id.ToString()),
        Enum word => Untyped(word.ToString()),
        sbyte or byte or short or ushort or int or uint or long => new NpgsqlParameter { Value = Convert.ToInt64(value, CultureInfo.InvariantCulture), NpgsqlDbType = NpgsqlDbType.Bigint },
        _ => throw new InvalidOperationException($"The parameter @{name} is of type {value.GetType().Name}, which SQL has no form for."),
    };

    public static async ValueTask<ImmutableArray<SqlRow>> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        ImmutableArray<string> columns = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
        var rows = ImmutableArray.CreateBuilder<SqlRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            if (rows.Count == MaxRows)
                throw new NexusException(ErrorCodes.BadRequest, $"The query gives more than {MaxRows} rows; add a LIMIT or aggregate in SQL.");
            var values = new object?[columns.Length];
            for (var i = 0; i < values.Length; i++)
                values[i] = Value(reader, i);
            rows.Add(new SqlRow(columns, ImmutableCollectionsMarshal.AsImmutableArray(values)));
        }

        return rows.DrainToImmutable();
    }

    /// <summary>What the plugin is told of a failed statement.</summary>
    public static Exception Explain(Exception failure, string address)
    {
        if (failure is not PostgresException { SqlState: var state } told)
            return Failures.IsOurs(failure) ? Failures.Explain(failure, address) : failure;
        return state switch
        {
            PostgresErrorCodes.UniqueViolation => new NexusException(ErrorCodes.UniqueViolation, told.MessageText, failure),
            PostgresErrorCodes.InsufficientPrivilege => new NexusException(ErrorCodes.PluginPermissionDenied, $"The plugin's role may not do that: {told.MessageText}.", failure),
            PostgresErrorCodes.ReadOnlySqlTransaction => new NexusException(ErrorCodes.BadRequest, "A query cannot write; use WriteAsync.", failure),
            PostgresErrorCodes.RaiseException => new NexusException(ErrorCodes.Conflict, told.MessageText, failure),
            _ when state.StartsWith("23", StringComparison.Ordinal) => new NexusException(ErrorCodes.Conflict, told.MessageText, failure),
            _ when state.StartsWith("42", StringComparison.Ordinal) || state.StartsWith("22", StringComparison.Ordinal) => new InvalidOperationException($"The SQL statement is wrong: {told.MessageText}", failure),
            _ => Failures.Explain(failure, address),
        };
    }

    private static NpgsqlParameter Untyped(string text) => new() { Value = text, NpgsqlDbType = NpgsqlDbType.Unknown };

    private static object? Value(NpgsqlDataReader reader, int column)
    {
        if (reader.IsDBNull(column))
            return null;
        return reader.GetDataTypeName(column) switch
        {
            "smallint" => (long)reader.GetInt16(column),
            "integer" => (long)reader.GetInt32(column),
            "bigint" => reader.GetInt64(column),
            "real" or "double precision" => reader.GetDouble(column),
            "numeric" => Number(reader, column),
            "boolean" => reader.GetBoolean(column),
            "bytea" => reader.GetFieldValue<byte[]>(column),
            "date" => reader.GetFieldValue<DateOnly>(column).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            "timestamp with time zone" => reader.GetFieldValue<DateTime>(column).ToUniversalTime().ToString("O", CultureInfo.InvariantCulture),
            "uuid" => reader.GetGuid(column).ToString(),
            _ => Convert.ToString(reader.GetValue(column), CultureInfo.InvariantCulture),
        };
    }

    private static object Number(NpgsqlDataReader reader, int column)
    {
        try
        {
            return reader.GetDecimal(column);
        }
        catch (OverflowException)
        {
            return reader.GetFieldValue<System.Numerics.BigInteger>(column).ToString(CultureInfo.InvariantCulture);
        }
    }
}
