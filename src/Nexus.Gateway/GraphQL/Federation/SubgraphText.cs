using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>The schema of this node as a subgraph tells it.</summary>
internal static class SubgraphText
{
    private const string Link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\"])\n\n";

    /// <summary>Types that every node has alike.</summary>
    private static readonly string[] Shared = ["Money", "PageInfo", "ChangeError", "ChangeFieldError"];

    /// <summary>Fields of the node itself, which every node has for itself: a composed schema shows what plugins declare. Also those of the contract, which composers add themselves.</summary>
    private static readonly string[] Own = ["plugin", "plugins", "enable_plugin", "disable_plugin", "me", "_service", "_entities"];

    /// <summary>Types that only those fields lead to.</summary>
    private static readonly string[] OwnTypes = ["Caller", "Plugin", "PluginCategory", "PluginState", "_Service", "_Entity", "_Any"];

    /// <summary>The schema in the schema definition language with <c>@key</c> and <c>@shareable</c>.</summary>
    public static string Print(Schema schema, IReadOnlyDictionary<string, ObjectType> entities) => Link + SchemaPrinter.Print(schema, new SchemaMarks
    {
        Has = type => Array.IndexOf(OwnTypes, type.Name) < 0 && !(type is FieldsType fields && fields.Fields.All(field => IsOwn(schema, field))),
        HasField = field => !IsOwn(schema, field),
        // Composers know the directives of the specification of 2021 only; this node checks the rule in any case.
        HasOneOf = false,
        HasRoots = false,
        Of = type => entities.ContainsKey(type.Name) ? " @key(fields: \"id\")" : Array.IndexOf(Shared, type.Name) >= 0 ? " @shareable" : "",
    });

    private static bool IsOwn(Schema schema, FieldType field) =>
        (field.Owner == schema.Query.Name || field.Owner == schema.Mutation?.Name) && Array.IndexOf(Own, field.Name) >= 0;
}
