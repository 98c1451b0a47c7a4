using System.Globalization;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Short ways to read rows and to name parameters.</summary>
internal static class SqlReading
{
    /// <summary>Text of a column, or null.</summary>
    public static string? Text(this SqlRow row, string column) => row[column] as string;

    /// <summary>Text of a column that is never null.</summary>
    public static string Needed(this SqlRow row, string column) => (string)row[column]!;

    /// <summary>Integer of a column; zero for null.</summary>
    public static long Long(this SqlRow row, string column) => row[column] is { } value ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : 0;

    /// <summary>Units of the columns <c>hi</c> and <c>lo</c>.</summary>
    public static Int128 Units(this SqlRow row) => new Limbs(row.Long("hi"), row.Long("lo")).Units;

    /// <summary>Day of a column, or null.</summary>
    public static DateOnly? Day(this SqlRow row, string column) => row.Text(column) is { } text ? DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture) : null;

    /// <summary>A day as it is stored.</summary>
    public static string Stored(this DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Named parameters.</summary>
    public static Dictionary<string, object?> With(params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var parameters = new Dictionary<string, object?>(values.Length, StringComparer.Ordinal);
        foreach (var (name, value) in values) parameters[name] = value;
        return parameters;
    }
}
