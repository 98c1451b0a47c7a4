using System.Collections.Generic;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Json;

/// <summary>Source that reads and writes one value of a type, with helper methods for lists, maps and enums.</summary>
internal sealed class ValueSource(IAssemblySymbol assembly)
{
    private const string Wire = "global::Nexus.JsonWire";
    private const string Token = "global::System.Text.Json.JsonTokenType";
    private const string Reader = "ref global::System.Text.Json.Utf8JsonReader reader";
    private const string Writer = "global::System.Text.Json.Utf8JsonWriter writer";
    private readonly Dictionary<string, int> _helpers = new();

    public StringBuilder Helpers { get; } = new();

    public List<INamedTypeSymbol> Met { get; } = new();

    /// <summary>An expression whose value is read from the reader, which stands on its first token.</summary>
    public string Read(ITypeSymbol type) => Nullable(type) is { } inner
        ? $"(reader.TokenType == {Token}.Null ? default({Names.Plain(type)}) : ({Names.Plain(type)}){Read(inner)})"
        : Simple(type)?.Read ?? Compound(type, read: true) ?? (Generated(type) is { } codec
            ? $"{codec}.Instance.Read(ref reader)"
            : $"global::Nexus.JsonCodec.For<{Names.Plain(type)}>().Read(ref reader)");

    /// <summary>A statement that writes the value of an expression.</summary>
    public string Write(ITypeSymbol type, string value) => Nullable(type) is { } inner
        ? $"if ({value} is {{ }} n{Depth(value)}) {{ {Write(inner, "n" + Depth(value))} }} else writer.WriteNullValue();"
        : Simple(type) is { } simple ? simple.Write.Replace("$", value) : Compound(type, read: false) is { } helper
            ? $"{helper}(writer, {value});"
            : Generated(type) is { } codec ? $"{codec}.Instance.Write(writer, {value});" : $"global::Nexus.JsonCodec.For<{Names.Plain(type)}>().Write(writer, {value});";

    private static string Depth(string value) => Names.Escape(new string(value.Where(char.IsLetterOrDigit).ToArray()));

    private static ITypeSymbol? Nullable(ITypeSymbol type) =>
        type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : null;

    private static (string Read, string Write)? Simple(ITypeSymbol type)
    {
        switch (type.SpecialType)
        {
            case SpecialType.System_String: return ($"{Wire}.ReadString(ref reader)", "writer.WriteStringValue($);");
            case SpecialType.System_Boolean: return ($"{Wire}.ReadBoolean(ref reader)", "writer.WriteBooleanValue($);");
            case SpecialType.System_Byte: return Integer("byte");
            case SpecialType.System_SByte: return Integer("sbyte");
            case SpecialType.System_Int16: return Integer("short");
            case SpecialType.System_UInt16: return Integer("ushort");
            case SpecialType.System_Int32: return Integer("int");
            case SpecialType.System_UInt32: return Integer("uint");
            case SpecialType.System_Int64: return ($"{Wire}.ReadInt64(ref reader)", "writer.WriteNumberValue($);");
            case SpecialType.System_UInt64: return ($"{Wire}.ReadUInt64(ref reader)", "writer.WriteNumberValue($);");
            case SpecialType.System_Single: return ($"(float){Wire}.ReadDouble(ref reader)", "writer.WriteNumberValue($);");
            case SpecialType.System_Double: return ($"{Wire}.ReadDouble(ref reader)", "writer.WriteNumberValue($);");
            case SpecialType.System_Decimal: return ($"{Wire}.ReadDecimal(ref reader)", "writer.WriteNumberValue($);");
            case SpecialType.System_DateTime: return ($"{Wire}.ReadDateTime(ref reader)", "writer.WriteStringValue($);");
        }
        if (type is INamedTypeSymbol { Name: "Ref", Arity: 1 } reference && reference.ContainingNamespace.ToDisplayString() == "Nexus")
            return ($"new {Names.Plain(type)}({Wire}.ReadGuid(ref reader))", "writer.WriteStringValue($.Id);");
        return type.ToDisplayString() switch
        {
            "System.Guid" => ($"{Wire}.ReadGuid(ref reader)", "writer.WriteStringValue($);"),
            "System.DateTimeOffset" => ($"{Wire}.ReadInstant(ref reader)", "writer.WriteStringValue($);"),
            "System.DateOnly" => ($"{Wire}.ReadDate(ref reader)", $"{Wire}.WriteDate(writer, $);"),
            "System.TimeOnly" => ($"{Wire}.ReadTime(ref reader)", $"{Wire}.WriteTime(writer, $);"),
            "System.TimeSpan" => ($"{Wire}.ReadDuration(ref reader)", $"{Wire}.WriteDuration(writer, $);"),
            "System.Text.Json.JsonElement" => ("global::System.Text.Json.JsonElement.ParseValue(ref reader)", "if ($.ValueKind == global::System.Text.Json.JsonValueKind.Undefined) writer.WriteNullValue(); else $.WriteTo(writer);"),
            "Nexus.Money" => ($"{Wire}.ReadMoney(ref reader)", $"{Wire}.WriteMoney(writer, $);"),
            _ => null,
        };

        static (string, string) Integer(string name) => ($"({name}){Wire}.ReadInteger(ref reader, {name}.MinValue, {name}.MaxValue)", "writer.WriteNumberValue($);");
    }

    /// <summary>The call of a helper for a list, map or enum; the bare name of the helper for writing; null for other types.</summary>
    private string? Compound(ITypeSymbol type, bool read)
    {
        var plain = Names.Plain(type);
        if (!_helpers.TryGetValue(plain, out var number))
        {
            number = _helpers.Count;
            if (type.TypeKind == TypeKind.Enum && !type.GetAttributes().Any(a => a.AttributeClass?.Name is "FlagsAttribute" or "JsonConverterAttribute"))
                AddEnum((INamedTypeSymbol)type, number);
            else if (ListElement(type) is { } element)
                AddList(type, element, number);
            else if (MapValue(type) is { } value)
                AddMap(type, value, number);
            else
                return null;
        }
        return read ? $"Read_{number}(ref reader)" : $"Write_{number}";
    }

    private string? Generated(ITypeSymbol type)
    {
        if (RecordShape.Read(type, assembly, out _) is not { } shape)
            return null;
        Met.Add(shape.Type);
        return Names.Identifier(type) + "_Codec";
    }

    private void AddEnum(INamedTypeSymbol type, int number)
    {
        _helpers[Names.Plain(type)] = number;
        var name = Names.Plain(type);
        var members = type.GetMembers().OfType<IFieldSymbol>().Where(field => field.HasConstantValue).ToList();
        Helpers.Append($"        private static {name} Read_{number}({Reader})\n        {{\n            if (reader.TokenType == {Token}.String)\n            {{\n");
        foreach (var member in members)
            Helpers.Append($"                if (reader.ValueTextEquals({Names.Literal(member.Name)}u8)) return {name}.{Names.Escape(member.Name)};\n");
        Helpers.Append($"            }}\n            return {Wire}.ReadEnum<{name}>(ref reader);\n        }}\n\n");
        Helpers.Append($"        private static void Write_{number}({Writer}, {name} value)\n        {{\n            switch (value)\n            {{\n");
        foreach (var member in members.GroupBy(member => member.ConstantValue).Select(group => group.First()))
            Helpers.Append($"                case {name}.{Names.Escape(member.Name)}: writer.WriteStringValue({Names.Literal(member.Name)}u8); break;\n");
        Helpers.Append($"                default: throw new global::System.Text.Json.JsonException(\"{name.Replace("global::", "")} has no member of the value \" + value.ToString(\"D\") + \".\");\n            }}\n        }}\n\n");
    }

    private void AddList(ITypeSymbol type, ITypeSymbol element, int number)
    {
        _helpers[Names.Plain(type)] = number;
        var (name, item) = (Names.Plain(type), Names.Plain(element));
        var immutable = type is INamedTypeSymbol { Name: "ImmutableArray" };
        var (empty, result) = type switch
        {
            IArrayTypeSymbol => ("null", "items.ToArray()"),
            INamedTypeSymbol { Name: "ImmutableArray" } => ($"{name}.Empty", "global::System.Collections.Immutable.ImmutableArray.CreateRange(items)"),
            INamedTypeSymbol { Name: "ImmutableList" or "IImmutableList" } => ("null", "global::System.Collections.Immutable.ImmutableList.CreateRange(items)"),
            INamedTypeSymbol { Name: "HashSet" or "ISet" or "IReadOnlySet" } => ("null", $"new global::System.Collections.Generic.HashSet<{item}>(items)"),
            _ => ("null", "items"),
        };
        var (read, write) = (Read(element), Write(element, "item"));
        Helpers.Append($$"""
                    private static {{name}} Read_{{number}}({{Reader}})
                    {
                        if (reader.TokenType == {{Token}}.Null) return {{empty}};
                        {{Wire}}.Expect(ref reader, {{Token}}.StartArray);
                        var items = new global::System.Collections.Generic.List<{{item}}>();
                        try
                        {
                            while (reader.Read() && reader.TokenType != {{Token}}.EndArray)
                                items.Add({{read}});
                        }
                        catch (global::System.Exception error) when ({{Wire}}.IsInputError(error)) { throw {{Wire}}.At(error, "[" + items.Count + "]"); }
                        return {{result}};
                    }

                    private static void Write_{{number}}({{Writer}}, {{name}} value)
                    {
                        {{(immutable ? "if (value.IsDefault) { writer.WriteStartArray(); writer.WriteEndArray(); return; }" : "if (value is null) { writer.WriteNullValue(); return; }")}}
                        writer.WriteStartArray();
                        foreach (var item in value)
                        {
                            {{write}}
                        }
                        writer.WriteEndArray();
                    }


            """);
    }

    private void AddMap(ITypeSymbol type, ITypeSymbol value, int number)
    {
        _helpers[Names.Plain(type)] = number;
        var (name, item) = (Names.Plain(type), Names.Plain(value));
        var result = type.Name switch
        {
            "ImmutableDictionary" or "IImmutableDictionary" => "global::System.Collections.Immutable.ImmutableDictionary.CreateRange(items)",
            "ImmutableSortedDictionary" => "global::System.Collections.Immutable.ImmutableSortedDictionary.CreateRange(items)",
            _ => "items",
        };
        var (read, write) = (Read(value), Write(value, "item"));
        Helpers.Append($$"""
                    private static {{name}} Read_{{number}}({{Reader}})
                    {
                        if (reader.TokenType == {{Token}}.Null) return null;
                        {{Wire}}.Expect(ref reader, {{Token}}.StartObject);
                        var items = new global::System.Collections.Generic.Dictionary<string, {{item}}>();
                        string key = "";
                        try
                        {
                            while (reader.Read() && reader.TokenType == {{Token}}.PropertyName)
                            {
                                key = reader.GetString();
                                reader.Read();
                                items[key] = {{read}};
                            }
                        }
                        catch (global::System.Exception error) when ({{Wire}}.IsInputError(error)) { throw {{Wire}}.At(error, key); }
                        return {{result}};
                    }

                    private static void Write_{{number}}({{Writer}}, {{name}} value)
                    {
                        if (value is null) { writer.WriteNullValue(); return; }
                        writer.WriteStartObject();
                        foreach (var pair in value)
                        {
                            writer.WritePropertyName(pair.Key);
                            var item = pair.Value;
                            {{write}}
                        }
                        writer.WriteEndObject();
                    }


            """);
    }

    private static ITypeSymbol? ListElement(ITypeSymbol type)
    {
        if (type is IArrayTypeSymbol { Rank: 1, ElementType.SpecialType: not SpecialType.System_Byte } array)
            return array.ElementType;
        return type is INamedTypeSymbol
        {
            Arity: 1,
            Name: "List" or "IList" or "ICollection" or "IEnumerable" or "IReadOnlyList" or "IReadOnlyCollection" or "ImmutableArray" or "ImmutableList" or "IImmutableList" or "HashSet" or "ISet" or "IReadOnlySet",
        } named && IsCollections(named) ? named.TypeArguments[0] : null;
    }

    private static ITypeSymbol? MapValue(ITypeSymbol type) =>
        type is INamedTypeSymbol
        {
            Arity: 2,
            Name: "Dictionary" or "IDictionary" or "IReadOnlyDictionary" or "ImmutableDictionary" or "IImmutableDictionary" or "ImmutableSortedDictionary",
        } named && IsCollections(named) && named.TypeArguments[0].SpecialType == SpecialType.System_String ? named.TypeArguments[1] : null;

    private static bool IsCollections(INamedTypeSymbol type) =>
        type.ContainingNamespace.ToDisplayString() is "System.Collections.Generic" or "System.Collections.Immutable";
}
