using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.Tests.GraphQL.Oracle;

/// <summary>Builds a schema from the definition language; its fields read JSON with marks: <c>$error</c> fails, <c>$late</c> is awaited, <c>$args</c> answers the arguments.</summary>
internal sealed class SdlSchema
{
    private readonly Dictionary<string, NamedType> types = Scalars.All.ToDictionary(s => s.Name, s => (NamedType)s);

    private IReadOnlyDictionary<string, Resolver> own = new Dictionary<string, Resolver>();

    public static Schema Build(string text, IReadOnlyDictionary<string, Resolver>? own = null)
    {
        var builder = new SdlSchema();
        builder.own = own ?? builder.own;
        var definitions = Parser.Parse(text).Definitions.OfType<TypeDefinition>().ToArray();
        foreach (var definition in definitions)
            builder.types[definition.Name.Text] = builder.Declare(definition);
        foreach (var definition in definitions)
            builder.Fill(definition);
        return new Schema((ObjectType)builder.types["Query"], (ObjectType?)builder.types.GetValueOrDefault("Mutation"), (ObjectType?)builder.types.GetValueOrDefault("Subscription"), builder.types.Values);
    }

    private NamedType Declare(TypeDefinition definition)
    {
        var name = definition.Name.Text;
        return definition.Kind switch
        {
            TypeDefinitionKind.Object => new ObjectType(name),
            TypeDefinitionKind.Interface => new InterfaceType(name) { TypeOf = TypeOf },
            TypeDefinitionKind.Union => new UnionType(name) { TypeOf = TypeOf },
            TypeDefinitionKind.Enum => new EnumType(name, definition.Parts.Values.Select(v => new EnumMember(v.Name.Text, v.Name.Text, null, Deprecation(v.Directives)))),
            TypeDefinitionKind.Input => new InputType(name, null, definition.Parts.Directives.Any(d => d.Name.Text == "oneOf")),
            _ => new ScalarType(name) { SpecifiedBy = (definition.Parts.Directives.FirstOrDefault()?.Arguments[0].Value as StringValue)?.Text, ReadLiteral = FieldScalars.Any.ReadLiteral, ReadValue = FieldScalars.Any.ReadValue, Write = FieldScalars.Any.Write },
        };
    }

    private static string? TypeOf(object value) => ((JsonElement)value).TryGetProperty("__typename", out var name) ? name.GetString() : null;

    private static string? Deprecation(Directive[] directives) =>
        directives.FirstOrDefault(d => d.Name.Text == "deprecated") is { } one ? (one.Arguments is [{ Value: StringValue reason }] ? reason.Text : DirectiveTypes.NoReason) : null;

    private void Fill(TypeDefinition definition)
    {
        var type = types[definition.Name.Text];
        foreach (var implemented in definition.Parts.Interfaces)
            ((FieldsType)type).Implement((InterfaceType)types[implemented.Name]);
        foreach (var member in definition.Parts.Members)
            ((UnionType)type).Add((ObjectType)types[member.Name]);
        foreach (var input in definition.Parts.Inputs)
            ((InputType)type).TryAdd(Input(input));
        foreach (var field in definition.Parts.Fields)
        {
            var name = field.Name.Text;
            ((FieldsType)type).TryAdd(new FieldType(name, Resolve(field.Type)) { Arguments = [.. field.Arguments.Select(Input)], Deprecation = Deprecation(field.Directives), Resolve = own.GetValueOrDefault($"{type.Name}.{name}") ?? ((source, arguments, _) => Member(source, name, field.Arguments, arguments)) });
        }
    }

    private InputField Input(InputDeclaration input) => new(input.Name.Text, Resolve(input.Type)) { Default = input.DefaultValue, Deprecation = Deprecation(input.Directives) };

    private GraphType Resolve(TypeNode node) => node switch
    {
        NamedTypeNode named => types[named.Name],
        ListTypeNode list => Resolve(list.Element).List,
        _ => Resolve(((NonNullTypeNode)node).Nullable).NonNull,
    };

    private static object? Member(object? source, string name, InputDeclaration[] declared, Arguments arguments) =>
        source is JsonElement { ValueKind: JsonValueKind.Object } from && from.TryGetProperty(name, out var value) ? Read(value, declared, arguments) : null;

    private static object? Read(JsonElement value, InputDeclaration[] declared, Arguments arguments)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.Array)
            return value.EnumerateArray().Select(e => Read(e, declared, arguments)).ToArray();
        if (value.ValueKind != JsonValueKind.Object)
            return value;
        if (value.TryGetProperty("$error", out var error))
            throw new GraphException(error.GetString()!);
        if (value.TryGetProperty("$args", out _))
            return JsonSerializer.SerializeToElement(declared.Where(d => arguments.Has(d.Name.Text)).ToDictionary(d => d.Name.Text, d => arguments[d.Name.Text]));
        return value.TryGetProperty("$late", out var late) ? LateAsync(late, declared, arguments) : value;
    }

    private static async Task<object?> LateAsync(JsonElement value, InputDeclaration[] declared, Arguments arguments)
    {
        await Task.Yield();
        var read = Read(value, declared, arguments);
        return read is Task<object?> later ? await later : read;
    }
}
