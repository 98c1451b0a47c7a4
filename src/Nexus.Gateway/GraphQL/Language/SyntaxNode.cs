namespace Nexus.Gateway.GraphQL.Language;

/// <summary>A name with the place where it stands.</summary>
/// <param name="Text">The name.</param>
/// <param name="Start">Offset of its first character in the source, in UTF-16 units.</param>
internal readonly record struct Name(string Text, int Start);

/// <summary>A node of a parsed document; immutable.</summary>
/// <param name="start">Offset of its first character in the source, in UTF-16 units.</param>
internal abstract class SyntaxNode(int start)
{
    /// <summary>Offset of its first character in the source, in UTF-16 units.</summary>
    public int Start { get; } = start;
}

/// <summary>A whole document.</summary>
internal sealed class DocumentNode(string source, Definition[] definitions, int tokens) : SyntaxNode(0)
{
    /// <summary>The text it was parsed from.</summary>
    public string Source { get; } = source;

    /// <summary>Its definitions in order.</summary>
    public Definition[] Definitions { get; } = definitions;

    /// <summary>Number of its tokens.</summary>
    public int Tokens { get; } = tokens;
}

/// <summary>A definition of a document.</summary>
internal abstract class Definition(int start, StringValue? description) : SyntaxNode(start)
{
    /// <summary>Its description, or null.</summary>
    public StringValue? Description { get; } = description;
}

/// <summary>Kinds of operations.</summary>
internal enum OperationKind
{
    /// <summary><c>query</c></summary>
    Query,

    /// <summary><c>mutation</c></summary>
    Mutation,

    /// <summary><c>subscription</c></summary>
    Subscription,
}

/// <summary>An operation.</summary>
internal sealed class OperationDefinition(int start, StringValue? description, OperationKind kind, Name? name, VariableDefinition[] variables, Directive[] directives, SelectionSet selections) : Definition(start, description)
{
    /// <summary>What it does.</summary>
    public OperationKind Kind { get; } = kind;

    /// <summary>Its name; null for an anonymous one.</summary>
    public Name? Name { get; } = name;

    /// <summary>Its variables in order.</summary>
    public VariableDefinition[] Variables { get; } = variables;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;

    /// <summary>What it selects.</summary>
    public SelectionSet Selections { get; } = selections;
}

/// <summary>A fragment.</summary>
internal sealed class FragmentDefinition(int start, StringValue? description, Name name, NamedTypeNode condition, Directive[] directives, SelectionSet selections) : Definition(start, description)
{
    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>The type it applies to.</summary>
    public NamedTypeNode Condition { get; } = condition;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;

    /// <summary>What it selects.</summary>
    public SelectionSet Selections { get; } = selections;
}

/// <summary>A variable of an operation.</summary>
internal sealed class VariableDefinition(int start, StringValue? description, Variable variable, TypeNode type, ValueNode? defaultValue, Directive[] directives) : SyntaxNode(start)
{
    /// <summary>Its description, or null.</summary>
    public StringValue? Description { get; } = description;

    /// <summary>The variable.</summary>
    public Variable Variable { get; } = variable;

    /// <summary>Its type.</summary>
    public TypeNode Type { get; } = type;

    /// <summary>Its default, or null when it has none.</summary>
    public ValueNode? DefaultValue { get; } = defaultValue;

    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;
}

/// <summary>Selections in braces.</summary>
internal sealed class SelectionSet(int start, Selection[] selections) : SyntaxNode(start)
{
    /// <summary>The selections in order.</summary>
    public Selection[] Selections { get; } = selections;
}

/// <summary>One selection.</summary>
internal abstract class Selection(int start, Directive[] directives) : SyntaxNode(start)
{
    /// <summary>Its directives.</summary>
    public Directive[] Directives { get; } = directives;
}

/// <summary>A field.</summary>
internal sealed class Field(int start, Name? alias, Name name, Argument[] arguments, Directive[] directives, SelectionSet? selections) : Selection(start, directives)
{
    /// <summary>Its alias, or null.</summary>
    public Name? Alias { get; } = alias;

    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its arguments.</summary>
    public Argument[] Arguments { get; } = arguments;

    /// <summary>What is selected below it, or null.</summary>
    public SelectionSet? Selections { get; } = selections;

    /// <summary>Its key in the answer.</summary>
    public string ResponseKey { get; } = alias is { } other ? other.Text : name.Text;
}

/// <summary>A fragment used by its name.</summary>
internal sealed class FragmentSpread(int start, Name name, Directive[] directives) : Selection(start, directives)
{
    /// <summary>Name of the fragment.</summary>
    public Name Name { get; } = name;
}

/// <summary>A fragment written where it is used.</summary>
internal sealed class InlineFragment(int start, NamedTypeNode? condition, Directive[] directives, SelectionSet selections) : Selection(start, directives)
{
    /// <summary>The type it applies to; null for that of its surroundings.</summary>
    public NamedTypeNode? Condition { get; } = condition;

    /// <summary>What it selects.</summary>
    public SelectionSet Selections { get; } = selections;
}

/// <summary>A named value for a field or directive.</summary>
internal sealed class Argument(int start, Name name, ValueNode value) : SyntaxNode(start)
{
    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its value.</summary>
    public ValueNode Value { get; } = value;
}

/// <summary>A directive where it is used.</summary>
internal sealed class Directive(int start, Name name, Argument[] arguments) : SyntaxNode(start)
{
    /// <summary>Its name without the at sign.</summary>
    public Name Name { get; } = name;

    /// <summary>Its arguments.</summary>
    public Argument[] Arguments { get; } = arguments;
}

/// <summary>A type where it is referred to.</summary>
internal abstract class TypeNode(int start) : SyntaxNode(start);

/// <summary>A type by its name.</summary>
internal sealed class NamedTypeNode(int start, string name) : TypeNode(start)
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}

/// <summary>A list of a type.</summary>
internal sealed class ListTypeNode(int start, TypeNode element) : TypeNode(start)
{
    /// <summary>Type of its elements.</summary>
    public TypeNode Element { get; } = element;
}

/// <summary>A type without null.</summary>
internal sealed class NonNullTypeNode(int start, TypeNode nullable) : TypeNode(start)
{
    /// <summary>The type with null.</summary>
    public TypeNode Nullable { get; } = nullable;
}
