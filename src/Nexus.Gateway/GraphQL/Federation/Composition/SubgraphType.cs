using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>A type as one subgraph declares it, its extensions included.</summary>
internal sealed class SubgraphType(string name, TypeDefinitionKind kind)
{
    /// <summary>Its name in the composed schema.</summary>
    public string Name { get; } = name;

    /// <summary>Its kind.</summary>
    public TypeDefinitionKind Kind { get; } = kind;

    /// <summary>Text for people, or null.</summary>
    public string? Description { get; set; }

    /// <summary>What tells its entities apart; empty for a type that is no entity here.</summary>
    public List<KeyFields> Keys { get; } = [];

    /// <summary>Fields of an object or interface.</summary>
    public Dictionary<string, SubgraphField> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>Fields of an input object.</summary>
    public Dictionary<string, InputDeclaration> Inputs { get; } = new(StringComparer.Ordinal);

    /// <summary>Values of an enum.</summary>
    public Dictionary<string, EnumValueDeclaration> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>Interfaces of an object or interface.</summary>
    public HashSet<string> Interfaces { get; } = new(StringComparer.Ordinal);

    /// <summary>Members of a union.</summary>
    public HashSet<string> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>Address of a scalar's specification, or null.</summary>
    public string? SpecifiedBy { get; set; }

    /// <summary>Exactly one field of the input object is given.</summary>
    public bool IsOneOf { get; set; }

    /// <summary>Whether the subgraph can give a field: it declares it and does not say that it is another's.</summary>
    public bool Gives(string field) => Fields.TryGetValue(field, out var known) && (!known.IsExternal || IsKey(field));

    /// <summary>Whether a field is part of a key.</summary>
    public bool IsKey(string field) => Keys.Exists(key => Array.Exists(key.Fields, one => one.Name.Text == field));
}

/// <summary>A field as one subgraph declares it.</summary>
/// <param name="Declaration">The declaration.</param>
/// <param name="IsExternal">It is another subgraph's.</param>
/// <param name="IsShareable">Others may give it too, with the same value.</param>
/// <param name="Overrides">The subgraph that it is taken over from, or null.</param>
internal sealed record SubgraphField(FieldDeclaration Declaration, bool IsExternal, bool IsShareable, string? Overrides)
{
    /// <summary>Fields of other subgraphs that this one needs to be sent along with the key to give it; empty for none.</summary>
    public Field[] Requires { get; init; } = [];
}
