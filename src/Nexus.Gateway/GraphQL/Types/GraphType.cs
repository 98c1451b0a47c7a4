namespace Nexus.Gateway.GraphQL.Types;

/// <summary>A type of a schema. It and what hangs on it is complete and unchanging once its schema is built.</summary>
internal abstract class GraphType
{
    /// <summary>The type below all lists and non-nulls.</summary>
    public abstract NamedType Named { get; }

    /// <summary>The type with null.</summary>
    public virtual GraphType Nullable => this;

    /// <summary>Whether the type excludes null.</summary>
    public bool IsNonNull => this is NonNullType;

    /// <summary>The type without null.</summary>
    public GraphType NonNull => this as NonNullType ?? new NonNullType(this);

    /// <summary>A list of the type.</summary>
    public ListType List => new(this);
}

/// <summary>A list.</summary>
internal sealed class ListType(GraphType element) : GraphType
{
    /// <summary>Type of its elements.</summary>
    public GraphType Element { get; } = element;

    /// <inheritdoc/>
    public override NamedType Named => Element.Named;

    /// <inheritdoc/>
    public override string ToString() => $"[{Element}]";
}

/// <summary>A type without null.</summary>
internal sealed class NonNullType(GraphType nullable) : GraphType
{
    /// <inheritdoc/>
    public override GraphType Nullable { get; } = nullable;

    /// <inheritdoc/>
    public override NamedType Named => Nullable.Named;

    /// <inheritdoc/>
    public override string ToString() => $"{Nullable}!";
}

/// <summary>A type with a name.</summary>
internal abstract class NamedType(string name, string? description) : GraphType
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Text for people, or null.</summary>
    public string? Description { get; } = description;

    /// <inheritdoc/>
    public override NamedType Named => this;

    /// <summary>Values of it may be sent by a caller.</summary>
    public virtual bool IsInput => false;

    /// <summary>Values of it may be returned.</summary>
    public virtual bool IsOutput => true;

    /// <summary>It has no fields to select.</summary>
    public bool IsLeaf => this is ScalarType or EnumType;

    /// <summary>It has fields to select.</summary>
    public bool IsComposite => this is ObjectType or InterfaceType or UnionType;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A type with fields.</summary>
internal abstract class FieldsType(string name, string? description) : NamedType(name, description)
{
    private readonly Dictionary<string, FieldType> byName = new(StringComparer.Ordinal);
    private readonly List<FieldType> fields = [];
    private readonly List<InterfaceType> interfaces = [];

    /// <summary>Its fields in order.</summary>
    public IReadOnlyList<FieldType> Fields => fields;

    /// <summary>The interfaces it implements.</summary>
    public IReadOnlyList<InterfaceType> Interfaces => interfaces;

    /// <summary>The field of a name, or null.</summary>
    public FieldType? Find(string field) => byName.GetValueOrDefault(field);

    /// <summary>Adds a field while the schema is being built; false when there is one of that name.</summary>
    public bool TryAdd(FieldType field)
    {
        if (!byName.TryAdd(field.Name, field))
            return false;
        field.Owner = Name;
        fields.Add(field);
        return true;
    }

    /// <summary>Adds an interface while the schema is being built.</summary>
    public void Implement(InterfaceType type) => interfaces.Add(type);
}

/// <summary>An object.</summary>
internal sealed class ObjectType(string name, string? description = null) : FieldsType(name, description);

/// <summary>An interface.</summary>
internal sealed class InterfaceType(string name, string? description = null) : FieldsType(name, description)
{
    /// <summary>Name of the object type of a value.</summary>
    public Func<object, string?>? TypeOf { get; init; }
}

/// <summary>A union.</summary>
internal sealed class UnionType(string name, string? description = null) : NamedType(name, description)
{
    private readonly List<ObjectType> members = [];

    /// <summary>Its members in order.</summary>
    public IReadOnlyList<ObjectType> Members => members;

    /// <summary>Name of the object type of a value.</summary>
    public Func<object, string?>? TypeOf { get; init; }

    /// <summary>Adds a member while the schema is being built.</summary>
    public void Add(ObjectType member) => members.Add(member);
}

/// <summary>An enum.</summary>
internal sealed class EnumType(string name, IEnumerable<EnumMember> members, string? description = null) : NamedType(name, description)
{
    private readonly Dictionary<string, EnumMember> byName = members.ToDictionary(m => m.Name, StringComparer.Ordinal);

    /// <summary>Its values in order.</summary>
    public IReadOnlyList<EnumMember> Members { get; } = [.. members];

    /// <inheritdoc/>
    public override bool IsInput => true;

    /// <summary>The value of a name, or null.</summary>
    public EnumMember? Find(string member) => byName.GetValueOrDefault(member);
}

/// <summary>A value of an enum.</summary>
/// <param name="Name">Its name in GraphQL.</param>
/// <param name="Value">The word it stands for.</param>
/// <param name="Description">Text for people, or null.</param>
/// <param name="Deprecation">Why it is to be avoided, or null.</param>
internal sealed record EnumMember(string Name, string Value, string? Description = null, string? Deprecation = null);

/// <summary>An input object.</summary>
internal sealed class InputType(string name, string? description = null, bool isOneOf = false) : NamedType(name, description)
{
    private readonly Dictionary<string, InputField> byName = new(StringComparer.Ordinal);
    private readonly List<InputField> fields = [];

    /// <summary>Exactly one of its fields is given.</summary>
    public bool IsOneOf { get; } = isOneOf;

    /// <summary>Its fields in order.</summary>
    public IReadOnlyList<InputField> Fields => fields;

    /// <inheritdoc/>
    public override bool IsInput => true;

    /// <inheritdoc/>
    public override bool IsOutput => false;

    /// <summary>The field of a name, or null.</summary>
    public InputField? Find(string field) => byName.GetValueOrDefault(field);

    /// <summary>Adds a field while the schema is being built; false when there is one of that name.</summary>
    public bool TryAdd(InputField field)
    {
        if (!byName.TryAdd(field.Name, field))
            return false;
        field.Owner = Name;
        fields.Add(field);
        return true;
    }
}

/// <summary>A field of an object or interface.</summary>
internal sealed class FieldType(string name, GraphType type)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its type.</summary>
    public GraphType Type { get; } = type;

    /// <summary>Name of the type it belongs to.</summary>
    public string Owner { get; set; } = "";

    /// <summary>Its arguments in order.</summary>
    public IReadOnlyList<InputField> Arguments { get; init; } = [];

    /// <summary>Text for people, or null.</summary>
    public string? Description { get; init; }

    /// <summary>Why it is to be avoided, or null.</summary>
    public string? Deprecation { get; init; }

    /// <summary>Finds its value.</summary>
    public Execution.Resolver? Resolve { get; init; }

    /// <summary>Opens the stream of a subscription's field.</summary>
    public Execution.Subscriber? Subscribe { get; init; }

    /// <summary>How many times what is selected below it is resolved; null for once.</summary>
    public Func<Execution.Arguments, int>? Repeats { get; init; }

    /// <summary>Its schema coordinate.</summary>
    public override string ToString() => $"{Owner}.{Name}";

    /// <summary>The argument of a name, or null.</summary>
    public InputField? Find(string argument)
    {
        foreach (var one in Arguments)
        {
            if (one.Name == argument)
                return one;
        }
        return null;
    }
}

/// <summary>An argument, or a field of an input object.</summary>
internal sealed class InputField(string name, GraphType type)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its type.</summary>
    public GraphType Type { get; } = type;

    /// <summary>Name of the input object it belongs to; empty for an argument.</summary>
    public string Owner { get; set; } = "";

    /// <summary>Text for people, or null.</summary>
    public string? Description { get; init; }

    /// <summary>Why it is to be avoided, or null.</summary>
    public string? Deprecation { get; init; }

    /// <summary>Its default as a constant, or null when it has none.</summary>
    public Language.ValueNode? Default { get; init; }

    /// <summary>A value must be given.</summary>
    public bool IsRequired => Type.IsNonNull && Default is null;
}
