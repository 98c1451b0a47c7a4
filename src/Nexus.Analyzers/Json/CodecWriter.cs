using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Nexus.Analyzers.Json;

/// <summary>Writes the codec of one record. Types that it meets and that get a codec of their own are left in <see cref="Met"/>.</summary>
internal sealed class CodecWriter(RecordShape shape, IAssemblySymbol assembly)
{
    private const string Wire = "global::Nexus.JsonWire";
    private const string Token = "global::System.Text.Json.JsonTokenType";
    private readonly ValueSource _values = new(assembly);

    public List<INamedTypeSymbol> Met => _values.Met;

    public GeneratedPart Write()
    {
        var type = Names.Plain(shape.Type);
        var name = Names.Identifier(shape.Type) + "_Codec";
        var text = new StringBuilder();
        text.Append($$"""
                internal sealed class {{name}} : global::Nexus.JsonCodec<{{type}}>
                {
                    public static readonly {{name}} Instance = new {{name}}();


            """);
        WriteWriter(text, type);
        WriteReader(text, type);
        WriteSetters(text);
        text.Append(_values.Helpers);
        text.Append("    }\n\n");
        return new(type, name, text.ToString());
    }

    private void WriteWriter(StringBuilder text, string type)
    {
        var isResource = shape.Members.Any(member => member.IsPlatform);
        text.Append($"        public override void Write(global::System.Text.Json.Utf8JsonWriter writer, {type} value)\n        {{\n");
        if (!shape.Type.IsValueType)
            text.Append("            if (value is null) { writer.WriteNullValue(); return; }\n");
        text.Append("            writer.WriteStartObject();\n");
        foreach (var member in shape.Members.Where(member => member.IsPlatform))
            WriteMember(text, member);
        text.Append(isResource ? "            WriteDeclared(writer, value);\n" : "");
        if (!isResource)
        {
            foreach (var member in shape.Members)
                WriteMember(text, member);
        }
        text.Append("            writer.WriteEndObject();\n        }\n\n");
        if (!isResource)
            return;
        text.Append($$"""
                    public override bool TryWriteFields(global::System.Text.Json.Utf8JsonWriter writer, {{type}} value)
                    {
                        writer.WriteStartObject();
                        WriteDeclared(writer, value);
                        writer.WriteEndObject();
                        return true;
                    }

                    private static void WriteDeclared(global::System.Text.Json.Utf8JsonWriter writer, {{type}} value)
                    {

            """);
        foreach (var member in shape.Members.Where(member => !member.IsPlatform))
            WriteMember(text, member);
        text.Append("        }\n\n");
    }

    private void WriteMember(StringBuilder text, RecordMember member)
    {
        text.Append($"            writer.WritePropertyName({Names.Literal(member.JsonName)}u8);\n");
        text.Append($"            {_values.Write(member.Property.Type, "value." + Names.Escape(member.Property.Name))}\n");
    }

    private void WriteReader(StringBuilder text, string type)
    {
        text.Append($$"""
                    public override {{type}} Read(ref global::System.Text.Json.Utf8JsonReader reader)
                    {
                        {{Wire}}.Begin(ref reader);
                        {{(shape.Type.IsValueType ? "" : $"if (reader.TokenType == {Token}.Null) return null;")}}
                        {{Wire}}.Expect(ref reader, {{Token}}.StartObject);

            """);
        for (var i = 0; i < shape.Members.Length; i++)
            text.Append($"            {Names.Plain(shape.Members[i].Property.Type)} v{i} = {Default(shape.Members[i])}; bool h{i} = false;\n");
        text.Append($"            string at = null;\n            try\n            {{\n                while (reader.Read() && reader.TokenType == {Token}.PropertyName)\n                {{\n                    at = null;\n");
        for (var i = 0; i < shape.Members.Length; i++)
        {
            var json = Names.Literal(shape.Members[i].JsonName);
            text.Append($"                    {(i == 0 ? "" : "else ")}if (reader.ValueTextEquals({json}u8)) {{ at = {json}; reader.Read(); v{i} = {_values.Read(shape.Members[i].Property.Type)}; h{i} = true; }}\n");
        }
        text.Append($$"""
                                {{(shape.Members.IsEmpty ? "" : "else ")}}reader.Skip();
                            }
                        }
                        catch (global::System.Exception error) when (at != null && {{Wire}}.IsInputError(error)) { throw {{Wire}}.At(error, at); }

            """);
        WriteConstruction(text, type);
    }

    private void WriteConstruction(StringBuilder text, string type)
    {
        var required = Indexed().Where(entry => entry.Member.Property.IsRequired).ToList();
        foreach (var (member, i) in required)
            text.Append($"            if (!h{i}) throw {Wire}.Missing({Names.Literal(member.JsonName)});\n");
        var arguments = shape.Constructor.Parameters.Select(parameter => "v" + Indexed().First(entry => SymbolEqualityComparer.Default.Equals(entry.Member.Parameter, parameter)).Index);
        var initial = required.Where(entry => entry.Member.Parameter is null).Select(entry => $"{Names.Escape(entry.Member.Property.Name)} = v{entry.Index}").ToList();
        text.Append($"            var result = new {type}({string.Join(", ", arguments)}){(initial.Count > 0 ? $" {{ {string.Join(", ", initial)} }}" : "")};\n");
        foreach (var (member, i) in Indexed().Where(entry => entry.Member.Parameter is null && !entry.Member.Property.IsRequired))
        {
            var set = member.Property.SetMethod!.IsInitOnly
                ? $"Set{i}({(shape.Type.IsValueType ? "ref " : "")}result, v{i})"
                : $"result.{Names.Escape(member.Property.Name)} = v{i}";
            text.Append($"            if (h{i}) {set};\n");
        }
        text.Append("            return result;\n        }\n\n");
    }

    /// <summary>An init accessor may run after construction only by way of an unsafe accessor; an object initialiser would overwrite the member's own default when the JSON leaves it out.</summary>
    private void WriteSetters(StringBuilder text)
    {
        foreach (var (member, i) in Indexed().Where(entry => entry.Member is { Parameter: null, Property: { IsRequired: false, SetMethod.IsInitOnly: true } }))
        {
            text.Append($"        [global::System.Runtime.CompilerServices.UnsafeAccessor(global::System.Runtime.CompilerServices.UnsafeAccessorKind.Method, Name = \"set_{member.Property.Name}\")]\n");
            text.Append($"        private static extern void Set{i}({(shape.Type.IsValueType ? "ref " : "")}{Names.Plain(member.Property.ContainingType)} target, {Names.Plain(member.Property.Type)} value);\n\n");
        }
    }

    private IEnumerable<(RecordMember Member, int Index)> Indexed() => shape.Members.Select((member, index) => (member, index));

    private static string Default(RecordMember member)
    {
        var type = member.Property.Type;
        if (member.Parameter is not { HasExplicitDefaultValue: true, ExplicitDefaultValue: { } value })
            return type is INamedTypeSymbol { Name: "ImmutableArray", IsGenericType: true } ? $"{Names.Plain(type)}.Empty" : "default";
        return value switch
        {
            decimal number => number.ToString(CultureInfo.InvariantCulture) + "m",
            double number => $"global::System.BitConverter.Int64BitsToDouble({System.BitConverter.DoubleToInt64Bits(number).ToString(CultureInfo.InvariantCulture)}L)",
            float number => $"(float)global::System.BitConverter.Int64BitsToDouble({System.BitConverter.DoubleToInt64Bits(number).ToString(CultureInfo.InvariantCulture)}L)",
            _ => $"({Names.Plain(type)})({SymbolDisplay.FormatPrimitive(value, quoteStrings: true, useHexadecimalNumbers: false)})",
        };
    }
}
