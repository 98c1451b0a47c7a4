namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Kinds of type definitions.</summary>
internal enum TypeDefinitionKind
{
    /// <summary><c>scalar</c></summary>
    Scalar,

    /// <summary><c>type</c></summary>
    Object,

    /// <summary><c>interface</c></summary>
    Interface,

    /// <summary><c>union</c></summary>
    Union,

    /// <summary><c>enum</c></summary>
    Enum,

    /// <summary><c>input</c></summary>
    Input,
}

/// <summary>The definition of a schema, or an extension of it.</summary>
internal sealed class SchemaDefinition(int start, StringValue? description, bool extends, Directive[] directives, RootType[] roots) : Definition(start, description)
{
    /// <summary>It extends a schema.</summary>
    public bool Extends { get; } = extends;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;

    /// <summary>Its root types.</summary>
    public RootType[] Roots { get; } = roots;
}

/// <summary>The type of one kind of operations.</summary>
internal sealed class RootType(int start, OperationKind kind, NamedTypeNode type) : SyntaxNode(start)
{
    /// <summary>Kind of the operations.</summary>
    public OperationKind Kind { get; } = kind;

    /// <summary>The type.</summary>
    public NamedTypeNode Type { get; } = type;
}

/// <summary>The definition of a type, or an extension of it. Which of the parts it may have depends on its kind.</summary>
internal sealed class TypeDefinition(int start, StringValue? description, TypeDefinitionKind kind, bool extends, Name name, TypeParts parts) : Definition(start, description)
{
    /// <summary>Kind of the type.</summary>
    public TypeDefinitionKind Kind { get; } = kind;

    /// <summary>It extends a type.</summary>
    public bool Extends { get; } = extends;

    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its parts.</summary>
    public TypeParts Parts { get; } = parts;
}

/// <summary>Parts of a type definition; empty where there are none.</summary>
internal sealed record TypeParts
{
    /// <summary>Interfaces of an object or interface.</summary>
    public NamedTypeNode[] Interfaces { get; init; } = [];

    /// <summary>Directives.</summary>
    public Directive[] Directives { get; init; } = [];

    /// <summary>Fields of an object or interface.</summary>
    public FieldDeclaration[] Fields { get; init; } = [];

    /// <summary>Members of a union.</summary>
    public NamedTypeNode[] Members { get; init; } = [];

    /// <summary>Values of an enum.</summary>
    public EnumValueDeclaration[] Values { get; init; } = [];

    /// <summary>Fields of an input object.</summary>
    public InputDeclaration[] Inputs { get; init; } = [];
}

/// <summary>A field in a type definition.</summary>
internal sealed class FieldDeclaration(int start, StringValue? description, Name name, InputDeclaration[] arguments, TypeNode type, Directive[] directives) : SyntaxNode(start)
{
    /// <summary>Its description, or null.</summary>
    public StringValue? Description { get; } = description;

    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its arguments.</summary>
    public InputDeclaration[] Arguments { get; } = arguments;

    /// <summary>Its type.</summary>
    public TypeNode Type { get; } = type;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;
}

/// <summary>An argument or input field in a definition.</summary>
internal sealed class InputDeclaration(int start, StringValue? description, Name name, TypeNode type, ValueNode? defaultValue, Directive[] directives) : SyntaxNode(start)
{
    /// <summary>Its description, or null.</summary>
    public StringValue? Description { get; } = description;

    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its type.</summary>
    public TypeNode Type { get; } = type;

    /// <summary>Its default, or null when it has none.</summary>
    public ValueNode? DefaultValue { get; } = defaultValue;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;
}

/// <summary>A value in an enum definition.</summary>
internal sealed class EnumValueDeclaration(int start, StringValue? description, Name name, Directive[] directives) : SyntaxNode(start)
{
    /// <summary>Its description, or null.</summary>
    public StringValue? Description { get; } = description;

    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;
}

/// <summary>The definition of a directive.</summary>
internal sealed class DirectiveDefinition(int start, StringValue? description, Name name, InputDeclaration[] arguments, bool repeatable, Name[] locations) : Definition(start, description)
{
    /// <summary>Its name without the at sign.</summary>
    public Name Name { get; } = name;

    /// <summary>Its arguments.</summary>
    public InputDeclaration[] Arguments { get; } = arguments;

    /// <summary>It may stand more than once in a place.</summary>
    public bool IsRepeatable { get; } = repeatable;

    /// <summary>Where it may stand.</summary>
    public Name[] Locations { get; } = locations;
}
