using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>A schema's description of itself (section 4 of the specification).</summary>
internal static class Introspection
{
    private const string Meta = "<meta>";
    private static readonly EnumType Kinds = Words("__TypeKind", "Kinds of types.", "SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL");

    private static readonly EnumType Locations = Words(
        "__DirectiveLocation", "Places where directives stand.", "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "VARIABLE_DEFINITION",
        "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION");

    private static readonly ObjectType Type = new("__Type", "A type. Which of its fields have a value depends on its kind.");
    private static readonly ObjectType Field = new("__Field", "A field of an object or interface.");
    private static readonly ObjectType Input = new("__InputValue", "An argument, or a field of an input object.");
    private static readonly ObjectType Member = new("__EnumValue", "A value of an enum.");
    private static readonly ObjectType Directive = new("__Directive", "A directive that this schema knows.");

    static Introspection()
    {
        AddType();
        AddParts();
    }

    /// <summary><c>__Schema</c></summary>
    public static ObjectType SchemaType { get; } = new("__Schema", "What can be asked here.");

    /// <summary><c>__schema</c></summary>
    public static FieldType SchemaField { get; } = new("__schema", SchemaType.NonNull) { Owner = Meta, Resolve = static (_, _, execution) => execution.Schema };

    /// <summary><c>__type</c></summary>
    public static FieldType TypeField { get; } = new("__type", Type)
    {
        Owner = Meta,
        Arguments = [new InputField("name", Scalars.String.NonNull)],
        Resolve = static (_, arguments, execution) => execution.Schema.Find((string)arguments["name"]!),
    };

    /// <summary><c>__typename</c>; the executor knows the type that it is asked of.</summary>
    public static FieldType TypeName { get; } = new("__typename", Scalars.String.NonNull) { Owner = Meta };

    private static InputField IncludeDeprecated { get; } = new("includeDeprecated", Scalars.Boolean.NonNull) { Default = new BooleanValue(0, false) };

    private static EnumType Words(string name, string description, params string[] words) => new(name, words.Select(word => new EnumMember(word, word)), description);

    private static void Add<T>(ObjectType type, string name, GraphType result, Func<T, Schema, object?> read) =>
        type.TryAdd(new FieldType(name, result) { Resolve = (source, _, execution) => read((T)source!, execution.Schema) });

    private static void AddList<T, TElement>(ObjectType type, string name, GraphType result, Func<T, IEnumerable<TElement>?> read, Func<TElement, string?> deprecation) =>
        type.TryAdd(new FieldType(name, result)
        {
            Arguments = [IncludeDeprecated],
            Resolve = (source, arguments, _) => read((T)source!)?.Where(element => (bool)arguments["includeDeprecated"]! || deprecation(element) is null).ToArray(),
        });

    private static void AddType()
    {
        Add<GraphType>(Type, "kind", Kinds.NonNull, (type, _) => KindOf(type));
        Add<GraphType>(Type, "name", Scalars.String, (type, _) => (type as NamedType)?.Name);
        Add<GraphType>(Type, "description", Scalars.String, (type, _) => (type as NamedType)?.Description);
        Add<GraphType>(Type, "specifiedByURL", Scalars.String, (type, _) => (type as ScalarType)?.SpecifiedBy);
        AddList<GraphType, FieldType>(Type, "fields", Field.NonNull.List, type => (type as FieldsType)?.Fields, field => field.Deprecation);
        Add<GraphType>(Type, "interfaces", Type.NonNull.List, (type, _) => (type as FieldsType)?.Interfaces);
        Add<GraphType>(Type, "possibleTypes", Type.NonNull.List, (type, schema) => type is InterfaceType or UnionType ? schema.Possible((NamedType)type) : null);
        AddList<GraphType, EnumMember>(Type, "enumValues", Member.NonNull.List, type => (type as EnumType)?.Members, member => member.Deprecation);
        AddList<GraphType, InputField>(Type, "inputFields", Input.NonNull.List, type => (type as InputType)?.Fields, field => field.Deprecation);
        Add<GraphType>(Type, "ofType", Type, (type, _) => (type as ListType)?.Element ?? (type as NonNullType)?.Nullable);
        Add<GraphType>(Type, "isOneOf", Scalars.Boolean, (type, _) => (type as InputType)?.IsOneOf);
    }

    private static void AddParts()
    {
        Add<Schema>(SchemaType, "description", Scalars.String, (schema, _) => schema.Description);
        Add<Schema>(SchemaType, "types", Type.NonNull.List.NonNull, (schema, _) => schema.Types);
        Add<Schema>(SchemaType, "queryType", Type.NonNull, (schema, _) => schema.Query);
        Add<Schema>(SchemaType, "mutationType", Type, (schema, _) => schema.Mutation);
        Add<Schema>(SchemaType, "subscriptionType", Type, (schema, _) => schema.Subscription);
        Add<Schema>(SchemaType, "directives", Directive.NonNull.List.NonNull, (schema, _) => schema.Directives);

        Add<FieldType>(Field, "name", Scalars.String.NonNull, (field, _) => field.Name);
        Add<FieldType>(Field, "description", Scalars.String, (field, _) => field.Description);
        AddList<FieldType, InputField>(Field, "args", Input.NonNull.List.NonNull, field => field.Arguments, argument => argument.Deprecation);
        Add<FieldType>(Field, "type", Type.NonNull, (field, _) => field.Type);
        Add<FieldType>(Field, "isDeprecated", Scalars.Boolean.NonNull, (field, _) => field.Deprecation is not null);
        Add<FieldType>(Field, "deprecationReason", Scalars.String, (field, _) => field.Deprecation);

        Add<InputField>(Input, "name", Scalars.String.NonNull, (input, _) => input.Name);
        Add<InputField>(Input, "description", Scalars.String, (input, _) => input.Description);
        Add<InputField>(Input, "type", Type.NonNull, (input, _) => input.Type);
        Add<InputField>(Input, "defaultValue", Scalars.String, (input, _) => input.Default is { } value ? Printer.Print(value) : null);
        Add<InputField>(Input, "isDeprecated", Scalars.Boolean.NonNull, (input, _) => input.Deprecation is not null);
        Add<InputField>(Input, "deprecationReason", Scalars.String, (input, _) => input.Deprecation);

        Add<EnumMember>(Member, "name", Scalars.String.NonNull, (member, _) => member.Name);
        Add<EnumMember>(Member, "description", Scalars.String, (member, _) => member.Description);
        Add<EnumMember>(Member, "isDeprecated", Scalars.Boolean.NonNull, (member, _) => member.Deprecation is not null);
        Add<EnumMember>(Member, "deprecationReason", Scalars.String, (member, _) => member.Deprecation);

        Add<DirectiveType>(Directive, "name", Scalars.String.NonNull, (directive, _) => directive.Name);
        Add<DirectiveType>(Directive, "description", Scalars.String, (directive, _) => directive.Description);
        Add<DirectiveType>(Directive, "isRepeatable", Scalars.Boolean.NonNull, (directive, _) => directive.IsRepeatable);
        Add<DirectiveType>(Directive, "locations", Locations.NonNull.List.NonNull, (directive, _) => directive.Locations);
        AddList<DirectiveType, InputField>(Directive, "args", Input.NonNull.List.NonNull, directive => directive.Arguments, argument => argument.Deprecation);
    }

    private static string KindOf(GraphType type) => type switch
    {
        ScalarType => "SCALAR",
        ObjectType => "OBJECT",
        InterfaceType => "INTERFACE",
        UnionType => "UNION",
        EnumType => "ENUM",
        InputType => "INPUT_OBJECT",
        ListType => "LIST",
        _ => "NON_NULL",
    };
}
