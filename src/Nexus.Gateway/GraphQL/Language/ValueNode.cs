namespace Nexus.Gateway.GraphQL.Language;

/// <summary>A value as it is written.</summary>
internal abstract class ValueNode(int start) : SyntaxNode(start);

/// <summary>A variable.</summary>
internal sealed class Variable(int start, Name name) : ValueNode(start)
{
    /// <summary>Its name without the dollar sign.</summary>
    public Name Name { get; } = name;
}

/// <summary>A whole number.</summary>
internal sealed class IntValue(int start, string text) : ValueNode(start)
{
    /// <summary>As written.</summary>
    public string Text { get; } = text;
}

/// <summary>A number with a fraction or an exponent.</summary>
internal sealed class FloatValue(int start, string text) : ValueNode(start)
{
    /// <summary>As written.</summary>
    public string Text { get; } = text;
}

/// <summary>A text.</summary>
internal sealed class StringValue(int start, string text, bool block) : ValueNode(start)
{
    /// <summary>What it means: escapes are replaced, a block is without its common indentation.</summary>
    public string Text { get; } = text;

    /// <summary>It is written as a block.</summary>
    public bool IsBlock { get; } = block;
}

/// <summary><c>true</c> or <c>false</c>.</summary>
internal sealed class BooleanValue(int start, bool value) : ValueNode(start)
{
    /// <summary>Which of them.</summary>
    public bool Value { get; } = value;
}

/// <summary><c>null</c>.</summary>
internal sealed class NullValue(int start) : ValueNode(start);

/// <summary>A value of an enum.</summary>
internal sealed class EnumValue(int start, string name) : ValueNode(start)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;
}

/// <summary>A list.</summary>
internal sealed class ListValue(int start, ValueNode[] elements) : ValueNode(start)
{
    /// <summary>Its elements.</summary>
    public ValueNode[] Elements { get; } = elements;
}

/// <summary>An input object.</summary>
internal sealed class ObjectValue(int start, ObjectField[] fields) : ValueNode(start)
{
    /// <summary>Its fields as written, also when a name comes twice.</summary>
    public ObjectField[] Fields { get; } = fields;

    /// <summary>The last field of a name, or null.</summary>
    public ObjectField? Find(string name) => Array.FindLast(Fields, field => field.Name.Text == name);
}

/// <summary>A field of an input object.</summary>
internal sealed class ObjectField(int start, Name name, ValueNode value) : SyntaxNode(start)
{
    /// <summary>Its name.</summary>
    public Name Name { get; } = name;

    /// <summary>Its value.</summary>
    public ValueNode Value { get; } = value;
}
