using System.Security.Cryptography;
using System.Text;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Planning;

/// <summary>What one subgraph is asked about objects of one type: its own fields, and the keys by which other subgraphs are asked for the rest.</summary>
internal sealed class ObjectSelection(ObjectType type)
{
    private readonly Dictionary<string, Field> asked = new(StringComparer.Ordinal);

    /// <summary>The type.</summary>
    public ObjectType Type { get; } = type;

    /// <summary>Fields that the subgraph gives.</summary>
    public List<SelectedField> Fields { get; } = [];

    /// <summary>Where the other fields come from.</summary>
    public List<Hop> Hops { get; } = [];

    /// <summary>Nothing of it is asked for.</summary>
    public bool IsEmpty => Fields.Count + asked.Count == 0;

    /// <summary>The fields that are asked for to be sent to other subgraphs, each by its alias.</summary>
    public IEnumerable<KeyValuePair<string, Field>> Asked => asked;

    /// <summary>Asks for a field to be sent to another subgraph.</summary>
    public void Ask(Field field) => asked[AliasOf(field)] = field;

    /// <summary>
    /// The name that a field for another subgraph is asked for by: of its own, because the caller may have given the field's name to another one, and the same for the same field, wherever it is asked for.
    /// </summary>
    public string AliasOf(Field field)
    {
        var plain = $"nexusKey_{Type.Name}_{field.Name.Text}";
        return field.Selections is null && field.Arguments.Length == 0 ? plain : $"{plain}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(KeyFields.Print(field))))[..8]}";
    }
}

/// <summary>A field that a subgraph is asked for.</summary>
/// <param name="Plan">The field.</param>
/// <param name="Below">What is selected below it; null for a scalar or enum.</param>
internal sealed record SelectedField(FieldPlan Plan, Selections? Below);

/// <summary>What is selected of a value, by the type that it turns out to have.</summary>
/// <param name="Declared">The type that it is declared to have.</param>
/// <param name="ByType">Selections by name of the object type; of those that the subgraph knows.</param>
internal sealed record Selections(NamedType Declared, Dictionary<string, ObjectSelection> ByType)
{
    /// <summary>Key of the type's name where it must be asked for.</summary>
    public const string TypeKey = "nexusType";
}

/// <summary>A step from one subgraph to another: there the entity of the same key is asked for the rest.</summary>
/// <param name="Subgraph">Name of the subgraph that is asked.</param>
/// <param name="Key">What tells the entity.</param>
/// <param name="Required">What else is sent along, because the other subgraph needs it for what is asked.</param>
/// <param name="Selection">What is asked.</param>
internal sealed record Hop(string Subgraph, KeyFields Key, Field[] Required, ObjectSelection Selection);
