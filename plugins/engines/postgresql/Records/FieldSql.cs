using System.Buffers;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Schema;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>SQL expressions of the values of a record, as indexes hold them and comparisons read them.</summary>
internal static class FieldSql
{
    private static readonly SearchValues<char> Unaddressable = SearchValues.Create("\"'\\[]\0\r\n");

    /// <summary>The column of an own value of a record, or null when the path lies within the JSON.</summary>
    public static string? Own(string table, string path) => RecordColumns.Find(table, path) is null ? null : path switch
    {
        "createdAt" => "created",
        "updatedAt" => "updated",
        _ => path,
    };

    /// <summary>The JSON value at a path. A text as key never looks into an array, as paths do not.</summary>
    public static string Json(string path)
    {
        if (path.AsSpan().IndexOfAny(Unaddressable) >= 0)
            throw new NexusException(ErrorCodes.FilterInvalid, $"The path '{path}' has a character that no path may have.");
        return "body" + string.Concat(path.Split('.').Select(p => $"->{Names.Literal(p)}"));
    }

    public static string Text(string path) => $"(json_text({Json(path)}) COLLATE \"C\")";

    public static string Number(string path) => $"json_number({Json(path)})";

    public static string Key(string path) => $"(json_key({Json(path)}) COLLATE \"C\")";

    public static string Decimal(string path) => $"json_decimal(json_text({Json(path)}))";
}
