using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>The five scalars of section 3.5 of the specification.</summary>
internal static class Scalars
{
    /// <summary>A whole number of 32 bits.</summary>
    public static ScalarType Int { get; } = new("Int", "A whole number from -2147483648 to 2147483647.")
    {
        ReadLiteral = value => value is IntValue number
            ? int.TryParse(number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : throw new ScalarException($"Int cannot represent non 32-bit signed integer value: {number.Text}")
            : throw new ScalarException($"Int cannot represent non-integer value: {Printer.Print(value)}"),
        ReadValue = value => value.ValueKind == JsonValueKind.Number ? Whole(value.GetDouble()) : throw new ScalarException($"Int cannot represent non-integer value: {Inspection.Of(value)}"),
        Write = value => Plain(value) switch
        {
            int whole => whole,
            bool yes => yes ? 1 : 0,
            long whole => Whole(whole),
            double real => Whole(real),
            decimal exact => Whole((double)exact),
            string text when text.Length > 0 && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsInteger(number) => Whole(number),
            var other => throw new ScalarException($"Int cannot represent non-integer value: {Inspection.Of(other)}"),
        },
    };

    /// <summary>A double.</summary>
    public static ScalarType Float { get; } = new("Float", "A number of double precision (IEEE 754).")
    {
        ReadLiteral = value => value switch
        {
            IntValue number => double.Parse(number.Text, CultureInfo.InvariantCulture),
            FloatValue number => double.Parse(number.Text, CultureInfo.InvariantCulture),
            _ => throw new ScalarException($"Float cannot represent non numeric value: {Printer.Print(value)}"),
        },
        ReadValue = value => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw new ScalarException($"Float cannot represent non numeric value: {Inspection.Of(value)}"),
        Write = value => Plain(value) switch
        {
            double real when double.IsFinite(real) => real,
            int whole => whole,
            long whole => (double)whole,
            decimal exact => (double)exact,
            bool yes => yes ? 1 : 0,
            string text when text.Length > 0 && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
            var other => throw new ScalarException($"Float cannot represent non numeric value: {Inspection.Of(other)}"),
        },
    };

    /// <summary>A text.</summary>
    public static ScalarType String { get; } = new("String", "A text of Unicode characters.")
    {
        ReadLiteral = value => value is StringValue text ? text.Text : throw new ScalarException($"String cannot represent a non string value: {Printer.Print(value)}"),
        ReadValue = value => value.ValueKind == JsonValueKind.String ? value.GetString() : throw new ScalarException($"String cannot represent a non string value: {Inspection.Of(value)}"),
        Write = value => Text(Plain(value)) ?? throw new ScalarException($"String cannot represent value: {Inspection.Of(value)}"),
    };

    /// <summary>Yes or no.</summary>
    public static ScalarType Boolean { get; } = new("Boolean", "`true` or `false`.")
    {
        ReadLiteral = value => value is BooleanValue answer ? answer.Value : throw new ScalarException($"Boolean cannot represent a non boolean value: {Printer.Print(value)}"),
        ReadValue = value => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.ValueKind == JsonValueKind.True : throw new ScalarException($"Boolean cannot represent a non boolean value: {Inspection.Of(value)}"),
        Write = value => Plain(value) switch
        {
            bool yes => yes,
            int number => number != 0,
            long number => number != 0,
            double number when double.IsFinite(number) => number != 0,
            decimal number => number != 0,
            var other => throw new ScalarException($"Boolean cannot represent a non boolean value: {Inspection.Of(other)}"),
        },
    };

    /// <summary>An opaque id.</summary>
    public static ScalarType Id { get; } = new("ID", "An opaque id, sent as text; a whole number is taken as text too.")
    {
        ReadLiteral = value => value switch
        {
            StringValue text => text.Text,
            IntValue number => number.Text,
            _ => throw new ScalarException($"ID cannot represent a non-string and non-integer value: {Printer.Print(value)}"),
        },
        ReadValue = value => value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number when double.IsInteger(value.GetDouble()) => Inspection.Of(value),
            _ => throw new ScalarException($"ID cannot represent value: {Inspection.Of(value)}"),
        },
        Write = value => Plain(value) switch
        {
            string text => text,
            bool or decimal { Scale: > 0 } => throw new ScalarException($"ID cannot represent value: {Inspection.Of(value)}"),
            double real when !double.IsInteger(real) => throw new ScalarException($"ID cannot represent value: {Inspection.Of(value)}"),
            var other => Text(other) ?? throw new ScalarException($"ID cannot represent value: {Inspection.Of(value)}"),
        },
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ScalarType> All { get; } = [String, Int, Float, Boolean, Id];

    private static int Whole(double number) =>
        !double.IsInteger(number) ? throw new ScalarException($"Int cannot represent non-integer value: {Inspection.Of(number)}")
        : number is < int.MinValue or > int.MaxValue ? throw new ScalarException($"Int cannot represent non 32-bit signed integer value: {Inspection.Of(number)}")
        : (int)number;

    private static string? Text(object? value) => value switch
    {
        string text => text,
        bool yes => yes ? "true" : "false",
        int or long or decimal => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        double number when double.IsFinite(number) => Inspection.Of(number),
        _ => null,
    };

    /// <summary>A JSON scalar as the value it stands for; everything else as it is.</summary>
    private static object? Plain(object value) => value is not JsonElement json ? value : json.ValueKind switch
    {
        JsonValueKind.String => json.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : json.GetDouble(),
        _ => value,
    };
}
