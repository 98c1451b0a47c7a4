using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>Turns the JSON of variables into values of input types, and says what is wrong with what is none.</summary>
internal static class InputValues
{
    /// <summary>Reports a fault: text, path within the value, and the member of what is there that is missing or too much.</summary>
    public delegate void Report(string message, ValuePath? path, string? member = null);

    /// <summary>The value, or <see cref="InputLiterals.Missing"/>.</summary>
    public static object? Coerce(JsonElement value, GraphType type)
    {
        var isNull = value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;
        if (type is NonNullType strict)
            return isNull ? InputLiterals.Missing : Coerce(value, strict.Nullable);
        if (isNull)
            return null;
        return type switch
        {
            ListType list => CoerceList(value, list),
            InputType input => CoerceObject(value, input),
            EnumType words => (value.ValueKind == JsonValueKind.String ? words.Find(value.GetString()!)?.Value : null) ?? InputLiterals.Missing,
            ScalarType scalar => CoerceScalar(value, scalar),
            _ => InputLiterals.Missing,
        };
    }

    private static object CoerceList(JsonElement value, ListType type)
    {
        if (value.ValueKind != JsonValueKind.Array)
            return Coerce(value, type.Element) is var only && only == InputLiterals.Missing ? InputLiterals.Missing : new[] { only };
        var values = new List<object?>(value.GetArrayLength());
        foreach (var element in value.EnumerateArray())
        {
            var coerced = Coerce(element, type.Element);
            if (coerced == InputLiterals.Missing)
                return InputLiterals.Missing;
            values.Add(coerced);
        }
        return values.ToArray();
    }

    private static object CoerceObject(JsonElement value, InputType type)
    {
        if (value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Any(member => type.Find(member.Name) is null))
            return InputLiterals.Missing;
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var field in type.Fields)
        {
            if (!value.TryGetProperty(field.Name, out var member))
            {
                if (field.IsRequired)
                    return InputLiterals.Missing;
                if (field.Default is { } constant)
                    values[field.Name] = InputLiterals.Coerce(constant, field.Type, null);
                continue;
            }
            var coerced = Coerce(member, field.Type);
            if (coerced == InputLiterals.Missing)
                return InputLiterals.Missing;
            values[field.Name] = coerced;
        }
        return type.IsOneOf && (values.Count != 1 || values.Values.First() is null) ? InputLiterals.Missing : values;
    }

    private static object? CoerceScalar(JsonElement value, ScalarType type)
    {
        try
        {
            return type.ReadValue(value);
        }
        catch (ScalarException)
        {
            return InputLiterals.Missing;
        }
    }

    /// <summary>Reports what is wrong with a value.</summary>
    public static void Check(JsonElement value, GraphType type, Suggestions suggestions, Report report, ValuePath? path = null)
    {
        var isNull = value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;
        if (type is NonNullType strict)
        {
            if (isNull)
                report(value.ValueKind == JsonValueKind.Null ? $"Expected value of non-null type \"{type}\" not to be null." : $"Expected a value of non-null type \"{type}\" to be provided.", path);
            else
                Check(value, strict.Nullable, suggestions, report, path);
            return;
        }
        if (isNull)
            return;
        switch (type)
        {
            case ListType list when value.ValueKind == JsonValueKind.Array:
                var index = 0;
                foreach (var element in value.EnumerateArray())
                    Check(element, list.Element, suggestions, report, new ValuePath(path, index++));
                break;
            case ListType list:
                Check(value, list.Element, suggestions, report, path);
                break;
            case InputType input when value.ValueKind == JsonValueKind.Object:
                CheckObject(value, input, suggestions, report, path);
                break;
            case InputType:
                report($"Expected value of type \"{type}\" to be an object, found: {Inspection.Of(value)}.", path);
                break;
            case EnumType words:
                CheckEnum(value, words, suggestions, report, path);
                break;
            case ScalarType scalar:
                CheckScalar(value, scalar, report, path);
                break;
        }
    }

    private static void CheckObject(JsonElement value, InputType type, Suggestions suggestions, Report report, ValuePath? path)
    {
        foreach (var field in type.Fields)
        {
            if (value.TryGetProperty(field.Name, out var member))
                Check(member, field.Type, suggestions, report, new ValuePath(path, field.Name));
            else if (field.IsRequired)
                report($"Expected value of type \"{type}\" to include required field \"{field.Name}\", found: {Inspection.Of(value)}.", path, field.Name);
        }
        foreach (var member in value.EnumerateObject().Where(member => type.Find(member.Name) is null))
        {
            var hint = suggestions.For(member.Name, type.Fields.Select(f => f.Name));
            report($"Expected value of type \"{type}\" not to include unknown field \"{member.Name}\"{(hint.Length > 0 ? $".{hint} Found" : ", found")}: {Inspection.Of(value)}.", path, member.Name);
        }
        if (!type.IsOneOf)
            return;
        var known = value.EnumerateObject().Where(member => type.Find(member.Name) is not null).ToArray();
        if (known.Length != 1)
            report(InputLiterals.OneOf(type), path);
        if (known.Length > 0 && known[0].Value.ValueKind == JsonValueKind.Null)
            report(InputLiterals.OneOf(type), new ValuePath(path, known[0].Name));
    }

    private static void CheckEnum(JsonElement value, EnumType type, Suggestions suggestions, Report report, ValuePath? path)
    {
        if (value.ValueKind != JsonValueKind.String)
            report($"Enum \"{type}\" cannot represent non-string value: {Inspection.Of(value)}.{suggestions.For("the enum value", Inspection.Of(value), type.Members.Select(m => m.Name))}", path);
        else if (type.Find(value.GetString()!) is null)
            report($"Value \"{value.GetString()}\" does not exist in \"{type}\" enum.{suggestions.For("the enum value", value.GetString()!, type.Members.Select(m => m.Name))}", path);
    }

    private static void CheckScalar(JsonElement value, ScalarType type, Report report, ValuePath? path)
    {
        try
        {
            type.ReadValue(value);
        }
        catch (ScalarException exception)
        {
            report(exception.Message, path);
        }
    }
}

/// <summary>Variables of one request.</summary>
internal static class VariableValues
{
    private const int MaxErrors = 50;

    /// <summary>Coerces the variables of an operation (section 6.1.2 of the specification).</summary>
    /// <returns>The values by name, and what is wrong with them.</returns>
    public static (Dictionary<string, object?> Values, List<GraphError> Errors) Coerce(Schema schema, DocumentNode document, OperationDefinition operation, JsonElement given, Suggestions suggestions)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        var errors = new List<GraphError>();
        foreach (var variable in operation.Variables)
        {
            if (errors.Count > MaxErrors)
                break;
            var name = variable.Variable.Name.Text;
            if (schema.Resolve(variable.Type) is not { Named.IsInput: true } type)
            {
                errors.Add(GraphError.At(document, $"Variable \"${name}\" expected value of type \"{Printer.Print(variable.Type)}\" which cannot be used as an input type.", variable.Type.Start));
                continue;
            }
            var value = given.ValueKind == JsonValueKind.Object && given.TryGetProperty(name, out var member) ? member : default;
            if (value.ValueKind == JsonValueKind.Undefined)
            {
                if (variable.DefaultValue is { } constant)
                {
                    values[name] = InputLiterals.Coerce(constant, type, null);
                    continue;
                }
                if (!type.IsNonNull)
                    continue;
            }
            var coerced = InputValues.Coerce(value, type);
            if (coerced == InputLiterals.Missing)
                InputValues.Check(value, type, suggestions, (message, path, member) => errors.Add(GraphError.At(document, $"Variable \"${name}\" has invalid value{ValuePath.Print(path)}: {message}", variable.Start) with
                {
                    Code = ErrorCodes.ValidationError,
                    Fields = [new FieldError(ValuePath.Pointer(path, member), "invalid", message)],
                }));
            else
                values[name] = coerced;
        }
        if (errors.Count > MaxErrors)
        {
            errors.RemoveRange(MaxErrors, errors.Count - MaxErrors);
            errors.Add(new GraphError("Too many errors processing variables, error limit reached. Execution aborted.", []));
        }
        return (values, errors);
    }

    /// <summary>The arguments of a field or directive (section 6.4.1 of the specification).</summary>
    /// <param name="declared">What may be given.</param>
    /// <param name="given">What is given.</param>
    /// <param name="owner">The field or directive, as messages name it.</param>
    /// <param name="start">Where it stands.</param>
    /// <param name="variables">Coerced variables.</param>
    /// <exception cref="GraphException">An argument is missing or has a wrong value.</exception>
    public static Arguments Read(IReadOnlyList<InputField> declared, Argument[] given, string owner, int start, Dictionary<string, object?> variables)
    {
        if (declared.Count == 0)
            return Arguments.None;
        var values = new Dictionary<string, object?>(declared.Count, StringComparer.Ordinal);
        foreach (var argument in declared)
        {
            var node = Array.FindLast(given, one => one.Name.Text == argument.Name)?.Value;
            if (node is null && argument.IsRequired)
                throw new GraphException($"Argument \"{owner}({argument.Name}:)\" of required type \"{argument.Type}\" was not provided.", start);
            if (node is null || (node is Variable variable && !argument.IsRequired && !variables.ContainsKey(variable.Name.Text)))
            {
                if (argument.Default is { } constant)
                    values[argument.Name] = InputLiterals.Coerce(constant, argument.Type, null);
                continue;
            }
            var value = InputLiterals.Coerce(node, argument.Type, variables);
            if (value == InputLiterals.Missing)
                throw Invalid($"{owner}({argument.Name}:)", node, argument.Type, variables);
            values[argument.Name] = value;
        }
        return new Arguments(values);
    }

    private static GraphException Invalid(string argument, ValueNode node, GraphType type, Dictionary<string, object?> variables)
    {
        GraphException? first = null;
        InputLiterals.Check(node, type, variables, Suggestions.None, (message, start, path) => first ??= new GraphException($"Argument \"{argument}\" has invalid value{ValuePath.Print(path)}: {message}", start));
        return first ?? new GraphException($"Argument \"{argument}\" has an invalid value.", node.Start);
    }
}
