using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>Turns literals into values of input types (section 3 of the specification, "Input Coercion"), and says what is wrong with those that are none.</summary>
internal static class InputLiterals
{
    /// <summary>In place of a value: there is none, or it is not of the type.</summary>
    public static readonly object Missing = new();

    /// <summary>Reports a fault: text, start of the node, path within the value.</summary>
    public delegate void Report(string message, int start, ValuePath? path);

    /// <summary>The value, or <see cref="Missing"/>.</summary>
    /// <param name="node">The literal.</param>
    /// <param name="type">The type it must be of.</param>
    /// <param name="variables">Coerced variables; null for a constant.</param>
    public static object? Coerce(ValueNode node, GraphType type, Dictionary<string, object?>? variables)
    {
        if (node is Variable variable)
        {
            var value = variables is not null && variables.TryGetValue(variable.Name.Text, out var known) ? known : Missing;
            return type.IsNonNull && (value is null || value == Missing) ? Missing : value;
        }
        if (type is NonNullType strict)
            return node is NullValue ? Missing : Coerce(node, strict.Nullable, variables);
        if (node is NullValue)
            return null;
        return type switch
        {
            ListType list => CoerceList(node, list, variables),
            InputType input => CoerceObject(node, input, variables),
            EnumType words => (node as Language.EnumValue is { } word ? words.Find(word.Name)?.Value : null) ?? Missing,
            ScalarType scalar => CoerceScalar(node, scalar, variables),
            _ => Missing,
        };
    }

    private static object CoerceList(ValueNode node, ListType type, Dictionary<string, object?>? variables)
    {
        if (node is not ListValue list)
            return Coerce(node, type.Element, variables) is var only && only == Missing ? Missing : new[] { only };
        var values = new object?[list.Elements.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var value = Coerce(list.Elements[i], type.Element, variables);
            if (value == Missing && list.Elements[i] is Variable && !type.Element.IsNonNull)
                value = null;
            if (value == Missing)
                return Missing;
            values[i] = value;
        }
        return values;
    }

    private static object CoerceObject(ValueNode node, InputType type, Dictionary<string, object?>? variables)
    {
        if (node is not ObjectValue given || given.Fields.Any(field => type.Find(field.Name.Text) is null))
            return Missing;
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var field in type.Fields)
        {
            var value = given.Find(field.Name)?.Value;
            if (value is null || (value is Variable variable && variables?.ContainsKey(variable.Name.Text) != true))
            {
                if (field.IsRequired)
                    return Missing;
                if (field.Default is { } constant)
                    values[field.Name] = Coerce(constant, field.Type, null);
                continue;
            }
            var coerced = Coerce(value, field.Type, variables);
            if (coerced == Missing)
                return Missing;
            values[field.Name] = coerced;
        }
        return type.IsOneOf && (values.Count != 1 || values.Values.First() is null || given.Fields.DistinctBy(f => f.Name.Text).Count() != 1) ? Missing : values;
    }

    private static object? CoerceScalar(ValueNode node, ScalarType type, Dictionary<string, object?>? variables)
    {
        try
        {
            return type.ReadLiteral(Substitute(node, variables));
        }
        catch (ScalarException)
        {
            return Missing;
        }
    }

    /// <summary>Reports what is wrong with a literal.</summary>
    public static void Check(ValueNode node, GraphType type, Dictionary<string, object?>? variables, Suggestions suggestions, Report report, ValuePath? path = null)
    {
        if (node is Variable variable)
        {
            if (variables is not null && type.IsNonNull)
                CheckVariable(variable, type, variables, report, path);
            return;
        }
        if (type is NonNullType strict)
        {
            if (node is NullValue)
                report($"Expected value of non-null type \"{type}\" not to be null.", node.Start, path);
            else
                Check(node, strict.Nullable, variables, suggestions, report, path);
            return;
        }
        if (node is NullValue)
            return;
        switch (type)
        {
            case ListType list when node is ListValue given:
                for (var i = 0; i < given.Elements.Length; i++)
                    Check(given.Elements[i], list.Element, variables, suggestions, report, new ValuePath(path, i));
                break;
            case ListType list:
                Check(node, list.Element, variables, suggestions, report, path);
                break;
            case InputType input when node is ObjectValue given:
                CheckObject(given, input, variables, suggestions, report, path);
                break;
            case InputType:
                report($"Expected value of type \"{type}\" to be an object, found: {Printer.Print(node)}.", node.Start, path);
                break;
            case EnumType words:
                CheckEnum(node, words, suggestions, report, path);
                break;
            case ScalarType scalar:
                CheckScalar(node, scalar, variables, report, path);
                break;
        }
    }

    private static void CheckVariable(Variable variable, GraphType type, Dictionary<string, object?> variables, Report report, ValuePath? path)
    {
        if (!variables.TryGetValue(variable.Name.Text, out var value))
            report($"Expected variable \"${variable.Name.Text}\" provided to type \"{type}\" to provide a runtime value.", variable.Start, path);
        else if (value is null)
            report($"Expected variable \"${variable.Name.Text}\" provided to non-null type \"{type}\" not to be null.", variable.Start, path);
    }

    private static void CheckObject(ObjectValue node, InputType type, Dictionary<string, object?>? variables, Suggestions suggestions, Report report, ValuePath? path)
    {
        foreach (var field in type.Fields)
        {
            if (node.Find(field.Name)?.Value is not { } value)
            {
                if (field.IsRequired)
                    report($"Expected value of type \"{type}\" to include required field \"{field.Name}\", found: {Printer.Print(node)}.", node.Start, path);
                continue;
            }
            if (value is Variable variable && variables is not null)
            {
                var given = variables.TryGetValue(variable.Name.Text, out var known);
                if (type.IsOneOf && !given)
                    report($"Expected variable \"${variable.Name.Text}\" provided to field \"{field.Name}\" for OneOf Input Object type \"{type}\" to provide a runtime value.", node.Start, path);
                else if (type.IsOneOf && known is null)
                    report($"Expected variable \"${variable.Name.Text}\" provided to field \"{field.Name}\" for OneOf Input Object type \"{type}\" not to be null.", node.Start, path);
                else if (!given && !field.IsRequired)
                    continue;
            }
            Check(value, field.Type, variables, suggestions, report, new ValuePath(path, field.Name));
        }
        foreach (var field in node.Fields.Where(field => type.Find(field.Name.Text) is null))
        {
            var hint = suggestions.For(field.Name.Text, type.Fields.Select(f => f.Name));
            report($"Expected value of type \"{type}\" not to include unknown field \"{field.Name.Text}\"{(hint.Length > 0 ? $".{hint} Found" : ", found")}: {Printer.Print(node)}.", field.Start, path);
        }
        if (!type.IsOneOf)
            return;
        var fields = node.Fields.Where(field => type.Find(field.Name.Text) is not null).ToArray();
        if (fields.Length != 1)
            report(OneOf(type), node.Start, path);
        else if (fields[0].Value is NullValue)
            report(OneOf(type), node.Start, new ValuePath(path, fields[0].Name.Text));
    }

    /// <summary>What is said of a value that does not have exactly one field.</summary>
    public static string OneOf(InputType type) =>
        $"Within OneOf Input Object type \"{type}\", exactly one field must be specified, and the value for that field must be non-null.";

    private static void CheckEnum(ValueNode node, EnumType type, Suggestions suggestions, Report report, ValuePath? path)
    {
        var printed = Printer.Print(node);
        if (node is not Language.EnumValue)
            report($"Enum \"{type}\" cannot represent non-enum value: {printed}.{suggestions.For("the enum value", printed, type.Members.Select(m => m.Name))}", node.Start, path);
        else if (type.Find(printed) is null)
            report($"Value \"{printed}\" does not exist in \"{type}\" enum.{suggestions.For("the enum value", printed, type.Members.Select(m => m.Name))}", node.Start, path);
    }

    private static void CheckScalar(ValueNode node, ScalarType type, Dictionary<string, object?>? variables, Report report, ValuePath? path)
    {
        try
        {
            type.ReadLiteral(Substitute(node, variables));
        }
        catch (ScalarException exception)
        {
            report(exception.Message, node.Start, path);
        }
    }

    /// <summary>The literal with its variables replaced by their values.</summary>
    private static ValueNode Substitute(ValueNode node, Dictionary<string, object?>? variables) => node switch
    {
        Variable variable => variables is not null && variables.TryGetValue(variable.Name.Text, out var value) ? Literal(value, node.Start) : new NullValue(node.Start),
        ListValue list => new ListValue(node.Start, [.. list.Elements.Select(element => Substitute(element, variables))]),
        ObjectValue given => new ObjectValue(node.Start, [.. given.Fields.Where(f => f.Value is not Variable v || variables?.ContainsKey(v.Name.Text) == true).Select(f => new ObjectField(f.Start, f.Name, Substitute(f.Value, variables)))]),
        _ => node,
    };

    private static ValueNode Literal(object? value, int start) => value switch
    {
        bool yes => new BooleanValue(start, yes),
        string text => new StringValue(start, text, false),
        int number => new IntValue(start, number.ToString(CultureInfo.InvariantCulture)),
        double number => new FloatValue(start, number.ToString("R", CultureInfo.InvariantCulture)),
        object?[] list => new ListValue(start, [.. list.Select(element => Literal(element, start))]),
        Dictionary<string, object?> fields => new ObjectValue(start, [.. fields.Select(f => new ObjectField(start, new Name(f.Key, start), Literal(f.Value, start)))]),
        JsonElement json => Literal(json, start),
        _ => new NullValue(start),
    };

    private static ValueNode Literal(JsonElement json, int start) => json.ValueKind switch
    {
        JsonValueKind.Object => new ObjectValue(start, [.. json.EnumerateObject().Select(p => new ObjectField(start, new Name(p.Name, start), Literal(p.Value, start)))]),
        JsonValueKind.Array => new ListValue(start, [.. json.EnumerateArray().Select(e => Literal(e, start))]),
        JsonValueKind.String => new StringValue(start, json.GetString()!, false),
        JsonValueKind.Number => new FloatValue(start, json.GetRawText()),
        JsonValueKind.True or JsonValueKind.False => new BooleanValue(start, json.ValueKind == JsonValueKind.True),
        _ => new NullValue(start),
    };
}

/// <summary>A path within a value, from the inside out.</summary>
internal sealed record ValuePath(ValuePath? Outer, object Key)
{
    /// <summary>The path as messages show it, <c> at .a[0]</c>; empty for the value itself.</summary>
    public static string Print(ValuePath? path)
    {
        var text = "";
        for (; path is not null; path = path.Outer)
            text = (path.Key is int index ? $"[{index}]" : $".{path.Key}") + text;
        return text.Length == 0 ? "" : $" at {text}";
    }

    /// <summary>The path as a JSON pointer (RFC 6901), and a member of what is there.</summary>
    public static string Pointer(ValuePath? path, string? member = null)
    {
        var text = member is null ? "" : Part(member);
        for (; path is not null; path = path.Outer)
            text = Part(path.Key) + text;
        return text;

        static string Part(object key) => $"/{Convert.ToString(key, CultureInfo.InvariantCulture)!.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
    }
}
