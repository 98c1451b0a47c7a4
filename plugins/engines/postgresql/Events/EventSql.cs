using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Events;

/// <summary>A condition over stored events with its parameters.</summary>
internal sealed class EventScope
{
    private readonly List<string> _conditions = [];
    private readonly List<(NpgsqlDbType Type, object? Value)> _parameters = [];

    public string Sql => _conditions.Count == 0 ? "true" : string.Join(" AND ", _conditions);

    /// <summary>Adds a parameter and returns its name.</summary>
    public string Add(object value)
    {
        _parameters.Add((value switch { string => NpgsqlDbType.Text, Guid => NpgsqlDbType.Uuid, _ => NpgsqlDbType.Bigint }, value));
        return $"${_parameters.Count}";
    }

    public EventScope And(string condition)
    {
        _conditions.Add(condition);
        return this;
    }

    public EventScope Named(string pattern)
    {
        var parsed = EventPattern.Parse(pattern);
        return parsed.IsExact ? And($"e.name={Add(pattern)}") : pattern == "*" ? this : And($"e.name LIKE {Add(Likeness(pattern))}");
    }

    public EventScope Between(DateTimeOffset? from, DateTimeOffset? to)
    {
        if (from is { } first)
            And($"e.occurred>={Add(RecordColumns.ToMicroseconds(first))}");
        return to is { } end ? And($"e.occurred<{Add(RecordColumns.ToMicroseconds(end))}") : this;
    }

    /// <summary>Of a tenant; or of all but those that are on their way from or to another database, where they are found.</summary>
    public EventScope Of(string? tenant) => And(tenant is null ? "e.tenant<>ALL(ARRAY(SELECT m.tenant FROM tenant_marks m))" : $"e.tenant={Add(tenant)}");

    public NpgsqlBatchCommand Bind(NpgsqlBatchCommand command)
    {
        foreach (var (type, value) in _parameters)
            command.With(type, value);
        return command;
    }

    /// <summary>A pattern in the form of LIKE. Names have only lower-case letters, digits, '_', '-' and dots; a star for whole words is one for at least one character.</summary>
    public static string Likeness(string pattern) => pattern.Replace("_", "\\_", StringComparison.Ordinal).Replace("*", "_%", StringComparison.Ordinal);
}

/// <summary>Reads events from rows.</summary>
internal static class EventRows
{
    public const string Columns = "e.id,e.name,e.tenant,e.occurred,e.source,e.correlation,e.key,e.priority,e.expires,e.headers,e.data";

    public const int Count = 11;

    // A copy costs less than a new one, which gets an id of its own.
    private static readonly EventMessage Blank = new() { Name = "" };

    public static EventMessage Read(NpgsqlDataReader row) => Blank with
    {
        Id = row.GetGuid(0),
        Name = row.GetString(1),
        Tenant = row.GetString(2),
        OccurredAt = RecordColumns.FromMicroseconds(row.GetInt64(3)),
        Source = row.GetString(4),
        CorrelationId = row.TextOrNull(5),
        Key = row.TextOrNull(6),
        Priority = row.GetInt32(7),
        ExpiresAt = row.LongOrNull(8) is { } expires ? RecordColumns.FromMicroseconds(expires) : null,
        Headers = row.TextOrNull(9) is { } headers ? JsonSerializer.Deserialize<ImmutableDictionary<string, string>>(headers)! : ImmutableDictionary<string, string>.Empty,
        Data = Encoding.UTF8.GetBytes(row.GetString(10)),
    };
}
