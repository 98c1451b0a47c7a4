using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>What is known of a directive.</summary>
/// <param name="Name">Its name without the at sign.</param>
/// <param name="Locations">Where it may stand.</param>
/// <param name="Arguments">Its arguments in order.</param>
internal sealed record DirectiveType(string Name, IReadOnlyList<string> Locations, IReadOnlyList<InputField> Arguments)
{
    /// <summary>Text for people, or null.</summary>
    public string? Description { get; init; }

    /// <summary>It may stand more than once in a place.</summary>
    public bool IsRepeatable { get; init; }
}

/// <summary>A schema: types by name, the root types, directives. Immutable and thread-safe.</summary>
internal sealed class Schema
{
    private readonly Dictionary<string, NamedType> types = new(StringComparer.Ordinal);
    private readonly Dictionary<NamedType, HashSet<NamedType>> possible = [];
    private readonly Dictionary<NamedType, List<ObjectType>> possibleInOrder = [];

    /// <summary>Makes a schema of all types that can be reached from the roots and of those that are named.</summary>
    /// <param name="query">Type of queries.</param>
    /// <param name="mutation">Type of mutations, or null.</param>
    /// <param name="subscription">Type of subscriptions, or null.</param>
    /// <param name="further">Types that no field names, such as implementations of interfaces.</param>
    public Schema(ObjectType query, ObjectType? mutation = null, ObjectType? subscription = null, IEnumerable<NamedType>? further = null)
    {
        (Query, Mutation, Subscription) = (query, mutation, subscription);
        foreach (var type in new NamedType?[] { query, mutation, subscription }.Concat(further ?? []))
        {
            if (type is not null)
                Collect(type);
        }
        foreach (var directive in Directives)
            Collect(directive.Arguments);
        Collect(Introspection.SchemaType);
        foreach (var type in types.Values)
            AddPossible(type);
    }

    /// <summary>Type of queries.</summary>
    public ObjectType Query { get; }

    /// <summary>Type of mutations, or null.</summary>
    public ObjectType? Mutation { get; }

    /// <summary>Type of subscriptions, or null.</summary>
    public ObjectType? Subscription { get; }

    /// <summary>Text for people, or null.</summary>
    public string? Description { get; init; }

    /// <summary>All types, those of introspection among them.</summary>
    public IReadOnlyCollection<NamedType> Types => types.Values;

    /// <summary>Its directives.</summary>
    public IReadOnlyList<DirectiveType> Directives { get; } = DirectiveTypes.All;

    /// <summary>The type of a name, or null.</summary>
    public NamedType? Find(string name) => types.GetValueOrDefault(name);

    /// <summary>The directive of a name, or null.</summary>
    public DirectiveType? FindDirective(string name)
    {
        foreach (var directive in Directives)
        {
            if (directive.Name == name)
                return directive;
        }
        return null;
    }

    /// <summary>The type of one kind of operations, or null.</summary>
    public ObjectType? Root(OperationKind kind) => kind switch { OperationKind.Query => Query, OperationKind.Mutation => Mutation, _ => Subscription };

    /// <summary>The field of a type, also <c>__typename</c>, and <c>__schema</c> and <c>__type</c> of the query type; null when there is none.</summary>
    public FieldType? Find(NamedType type, string field)
    {
        if (field.StartsWith("__", StringComparison.Ordinal))
        {
            if (field == "__typename" && type.IsComposite)
                return Introspection.TypeName;
            if (ReferenceEquals(type, Query) && field is "__schema" or "__type")
                return field == "__schema" ? Introspection.SchemaField : Introspection.TypeField;
        }
        return (type as FieldsType)?.Find(field);
    }

    /// <summary>The type that a reference means; null when a name in it is unknown.</summary>
    public GraphType? Resolve(TypeNode node) => node switch
    {
        NamedTypeNode named => Find(named.Name),
        ListTypeNode list => Resolve(list.Element)?.List,
        NonNullTypeNode inner => Resolve(inner.Nullable)?.NonNull,
        _ => null,
    };

    /// <summary>The objects that a value of the type may be, in order.</summary>
    public IReadOnlyList<ObjectType> Possible(NamedType type) => possibleInOrder.GetValueOrDefault(type) ?? [];

    /// <summary>Whether every value of one composite type is of another one.</summary>
    public bool IsSubtype(NamedType wide, NamedType narrow) => possible.TryGetValue(wide, out var members) && members.Contains(narrow);

    /// <summary>Whether some object is of both types.</summary>
    public bool Overlap(NamedType a, NamedType b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a is ObjectType)
            return IsSubtype(b, a);
        return b is ObjectType ? IsSubtype(a, b) : Possible(a).Any(type => IsSubtype(b, type));
    }

    /// <summary>Whether a value of one type can stand where another is expected.</summary>
    public bool Fits(GraphType given, GraphType expected)
    {
        if (ReferenceEquals(given, expected))
            return true;
        if (expected is NonNullType strict)
            return given is NonNullType inner && Fits(inner.Nullable, strict.Nullable);
        if (given is NonNullType loose)
            return Fits(loose.Nullable, expected);
        if (expected is ListType list)
            return given is ListType other && Fits(other.Element, list.Element);
        return given is NamedType narrow && expected is NamedType wide && IsSubtype(wide, narrow);
    }

    private void Collect(GraphType? reference)
    {
        if (reference?.Named is not { } type || !types.TryAdd(type.Name, type))
            return;
        switch (type)
        {
            case FieldsType composite:
                foreach (var implemented in composite.Interfaces)
                    Collect(implemented);
                foreach (var field in composite.Fields)
                {
                    Collect(field.Arguments);
                    Collect(field.Type);
                }
                break;
            case UnionType union:
                foreach (var member in union.Members)
                    Collect(member);
                break;
            case InputType input:
                Collect(input.Fields);
                break;
        }
    }

    private void Collect(IReadOnlyList<InputField> fields)
    {
        foreach (var field in fields)
            Collect(field.Type);
    }

    private void AddPossible(NamedType type)
    {
        if (type is UnionType union)
        {
            foreach (var member in union.Members)
                AddPossible(union, member);
        }
        foreach (var wide in (type as FieldsType)?.Interfaces ?? [])
            AddPossible(wide, type);
    }

    private void AddPossible(NamedType wide, NamedType narrow)
    {
        if (!possible.TryGetValue(wide, out var members))
            (possible[wide], possibleInOrder[wide]) = (members = [], []);
        if (members.Add(narrow) && narrow is ObjectType value)
            possibleInOrder[wide].Add(value);
    }
}
