using System.Text.Json;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>An object or list of an answer, growing while the operation runs.</summary>
internal abstract class ResultNode(ResultNode? parent, int index, object?[] values)
{
    /// <summary>What it stands in; null for the whole.</summary>
    public ResultNode? Parent { get; } = parent;

    /// <summary>Its place in the parent.</summary>
    public int Index { get; } = index;

    /// <summary>Its values: null, scalars, nodes.</summary>
    public object?[] Values { get; } = values;

    /// <summary>An error in it has put null in its place.</summary>
    public bool IsNulled { get; set; }

    /// <summary>The key of one of its values: a name or an index.</summary>
    public abstract object KeyOf(int at);

    /// <summary>Whether it or what it stands in was replaced by null.</summary>
    public bool IsDead
    {
        get
        {
            for (var node = this; node is not null; node = node.Parent)
            {
                if (node.IsNulled)
                    return true;
            }
            return false;
        }
    }

    /// <summary>The path of one of its values, from the outside in.</summary>
    public IReadOnlyList<object> PathOf(int at)
    {
        var path = new List<object> { KeyOf(at) };
        for (var node = this; node.Parent is { } outer; node = outer)
            path.Add(outer.KeyOf(node.Index));
        path.Reverse();
        return path;
    }

    /// <summary>Writes it with all that it holds.</summary>
    public abstract void Write(Utf8JsonWriter json);

    /// <summary>Writes one of its values.</summary>
    protected static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case ResultNode node: node.Write(json); break;
            case bool yes: json.WriteBooleanValue(yes); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case double number: json.WriteNumberValue(number); break;
            case decimal number: json.WriteNumberValue(number); break;
            case JsonElement element: element.WriteTo(json); break;
            default: throw new InvalidOperationException($"A scalar wrote a {value.GetType()}.");
        }
    }
}

/// <summary>An object of an answer.</summary>
internal sealed class ObjectNode(ResultNode? parent, int index, FieldPlan[] fields) : ResultNode(parent, index, new object?[fields.Length])
{
    /// <summary>Its fields in order.</summary>
    public FieldPlan[] Fields { get; } = fields;

    /// <inheritdoc/>
    public override object KeyOf(int at) => Fields[at].Key;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        for (var i = 0; i < Fields.Length; i++)
        {
            json.WritePropertyName(Fields[i].Name);
            Write(json, Values[i]);
        }
        json.WriteEndObject();
    }
}

/// <summary>A list of an answer.</summary>
internal sealed class ListNode(ResultNode? parent, int index, Types.GraphType element, int count) : ResultNode(parent, index, new object?[count])
{
    /// <summary>Type of its elements.</summary>
    public Types.GraphType Element { get; } = element;

    /// <inheritdoc/>
    public override object KeyOf(int at) => at;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var value in Values)
            Write(json, value);
        json.WriteEndArray();
    }
}
