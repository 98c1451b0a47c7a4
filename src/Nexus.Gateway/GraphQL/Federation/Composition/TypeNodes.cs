using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>References to types that several subgraphs make of one thing.</summary>
internal static class TypeNodes
{
    /// <summary>The type of what any of both gives: null where one may give null. Null when they have nothing in common.</summary>
    public static TypeNode? Weaker(TypeNode a, TypeNode b) => (a, b) switch
    {
        (NonNullTypeNode x, NonNullTypeNode y) => Weaker(x.Nullable, y.Nullable) is { } both ? new NonNullTypeNode(0, both) : null,
        (NonNullTypeNode x, _) => Weaker(x.Nullable, b),
        (_, NonNullTypeNode y) => Weaker(a, y.Nullable),
        _ => Same(a, b, Weaker),
    };

    /// <summary>The type of what both take: no null where one takes none. Null when they have nothing in common.</summary>
    public static TypeNode? Stricter(TypeNode a, TypeNode b) => (a, b) switch
    {
        (NonNullTypeNode x, NonNullTypeNode y) => Strict(Stricter(x.Nullable, y.Nullable)),
        (NonNullTypeNode x, _) => Strict(Stricter(x.Nullable, b)),
        (_, NonNullTypeNode y) => Strict(Stricter(a, y.Nullable)),
        _ => Same(a, b, Stricter),
    };

    /// <summary>The name below all lists and non-nulls.</summary>
    public static string Named(TypeNode type) => type switch
    {
        ListTypeNode list => Named(list.Element),
        NonNullTypeNode inner => Named(inner.Nullable),
        _ => ((NamedTypeNode)type).Name,
    };

    private static TypeNode? Same(TypeNode a, TypeNode b, Func<TypeNode, TypeNode, TypeNode?> merge) => (a, b) switch
    {
        (ListTypeNode x, ListTypeNode y) => merge(x.Element, y.Element) is { } element ? new ListTypeNode(0, element) : null,
        (NamedTypeNode x, NamedTypeNode y) when x.Name == y.Name => x,
        _ => null,
    };

    private static NonNullTypeNode? Strict(TypeNode? type) => type is null ? null : new NonNullTypeNode(0, type);
}
