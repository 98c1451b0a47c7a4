using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>Shows values in messages: no deeper than two levels, no more than ten elements of a list.</summary>
internal static class Inspection
{
    private const int MaxDepth = 2;
    private const int MaxElements = 10;
    private static readonly JsonSerializerOptions Quoted = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A value for people.</summary>
    public static string Of(object? value) => value switch
    {
        null => "null",
        string text => JsonSerializer.Serialize(text, Quoted),
        bool yes => yes ? "true" : "false",
        double number => Of(number),
        JsonElement json => Of(json, 1),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => "an object",
    };

    /// <summary>A number in the shortest form that means it.</summary>
    public static string Of(double number)
    {
        if (double.IsInteger(number) && Math.Abs(number) < 1e21)
            return number == 0 ? "0" : number.ToString("F0", CultureInfo.InvariantCulture);
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.Replace("E-0", "e-", StringComparison.Ordinal).Replace("E+0", "e+", StringComparison.Ordinal).Replace('E', 'e');
    }

    private static string Of(JsonElement value, int depth) => value.ValueKind switch
    {
        JsonValueKind.Object => OfObject(value, depth),
        JsonValueKind.Array => OfArray(value, depth),
        JsonValueKind.String => JsonSerializer.Serialize(value.GetString(), Quoted),
        JsonValueKind.Number => Of(value.GetDouble()),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static string OfObject(JsonElement value, int depth)
    {
        if (!value.EnumerateObject().Any())
            return "{}";
        return depth > MaxDepth ? "[Object]" : $"{{ {string.Join(", ", value.EnumerateObject().Select(p => $"{p.Name}: {Of(p.Value, depth + 1)}"))} }}";
    }

    private static string OfArray(JsonElement value, int depth)
    {
        var count = value.GetArrayLength();
        if (count == 0)
            return "[]";
        if (depth > MaxDepth)
            return "[Array]";
        var shown = value.EnumerateArray().Take(MaxElements).Select(e => Of(e, depth + 1));
        var rest = count - MaxElements;
        return $"[{string.Join(", ", rest switch { <= 0 => shown, 1 => shown.Append("... 1 more item"), _ => shown.Append($"... {rest} more items") })}]";
    }
}
