using System.Globalization;
using System.Text.Json;

namespace Nexus.Data.Records;

/// <summary>A record's own columns as filters and sorts name them. Documents have none: there every name means the document's own value.</summary>
internal static class RecordColumns
{
    public const int MaxKey = 400;

    /// <summary>The type of an own column of a table, or null when the path lies within the JSON.</summary>
    public static ColumnKind? Find(string table, string path) => table == IStorage.Documents ? null : path switch
    {
        "id" or "owner" or "team" => ColumnKind.Text,
        "revision" => ColumnKind.Number,
        "createdAt" or "updatedAt" => ColumnKind.Instant,
        _ => null,
    };

    /// <summary>The operand of a comparison with an own column: instants are given as RFC 3339 text and stored as microseconds.</summary>
    public static JsonScalar Operand(ColumnKind kind, string path, JsonElement value)
    {
        if (kind != ColumnKind.Instant || value.ValueKind != JsonValueKind.String)
            return JsonScalar.From(value);
        return DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant)
            ? JsonScalar.From(ToMicroseconds(instant))
            : throw new NexusException(ErrorCodes.FilterInvalid, $"The filter at /{path} compares with '{value.GetString()}', which is no RFC 3339 instant such as 2026-01-31T12:00:00Z.");
    }

    public static JsonScalar Value(StoredRecord record, string path) => path switch
    {
        "id" => JsonScalar.From(record.Id),
        "owner" => JsonScalar.From(record.Owner),
        "team" => JsonScalar.From(record.Team),
        "revision" => JsonScalar.From(record.Revision),
        "createdAt" => JsonScalar.From(ToMicroseconds(record.CreatedAt)),
        _ => JsonScalar.From(ToMicroseconds(record.UpdatedAt)),
    };

    public static long ToMicroseconds(DateTimeOffset instant) => (instant.UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset FromMicroseconds(long microseconds) => new(DateTime.UnixEpoch.Ticks + (microseconds * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Refuses keys that an engine could not store or that would read like another record's.</summary>
    public static void CheckKey(in RecordKey key)
    {
        if (string.IsNullOrEmpty(key.Id) || key.Id.Length > MaxKey || key.Id.Contains('\0'))
            throw new NexusException(ErrorCodes.BadRequest, $"A key of {key.Table} must have 1 to {MaxKey} characters and no NUL.");
        if (string.IsNullOrEmpty(key.Tenant))
            throw new NexusException(ErrorCodes.BadRequest, $"A record of {key.Table} needs a tenant.");
        CheckTable(key.Table);
    }

    public static void CheckTable(string table)
    {
        if (string.IsNullOrEmpty(table) || table.Length > 200 || table.AsSpan().IndexOfAnyExcept(TableCharacters) >= 0)
            throw new NexusException(ErrorCodes.BadRequest, $"'{table}' is not a table: names are lower-case letters, digits, '.', '_' and '-'.");
    }

    private static readonly System.Buffers.SearchValues<char> TableCharacters = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}

/// <summary>Types of own columns.</summary>
internal enum ColumnKind
{
    Text,
    Number,
    Instant,
}
