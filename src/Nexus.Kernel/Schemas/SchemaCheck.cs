using System.Globalization;

namespace Nexus.Kernel.Schemas;

/// <summary>One run of a <see cref="JsonSchema"/> over a value.</summary>
/// <param name="errors">Collects the errors.</param>
/// <param name="typedBySchema">Texts count as what the schema wants them to be.</param>
/// <param name="isPart">The value is laid over others: what it lacks they may have.</param>
internal sealed class SchemaCheck(SourceErrors errors, bool typedBySchema, bool isPart = false)
{
    public void Check(JsonSchema schema, SourceNode value, string pointer)
    {
        if (schema.Types.Count > 0 && !schema.Types.Any(type => HasType(value, type)))
        {
            errors.Add(value.Position, pointer, "type", $"{Name(pointer)} must be {schema.Describe()}, not {Words(schema, value, pointer)}");
            return;
        }

        if (schema.Allowed is { } allowed && !allowed.Any(a => Same(a, value)))
        {
            var phrase = value.Kind == SourceKind.Text && !IsSecret(schema, pointer) ? Suggestion.Phrase(value.Text, allowed.Select(a => a.Text)) : "";
            errors.Add(value.Position, pointer, "choice", $"{Name(pointer)} is {Words(schema, value, pointer)}, but must be {schema.Describe()}{phrase}");
        }

        switch (value.Kind)
        {
            case SourceKind.Map: CheckMap(schema, value, pointer); break;
            case SourceKind.List: CheckList(schema, value, pointer); break;
            case SourceKind.Text or SourceKind.Number: CheckScalar(schema, value, pointer); break;
        }
    }

    private static string Name(string pointer) => pointer.Length == 0 ? "the document" : $"'{pointer[1..].Replace('/', '.').Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)}'";

    private static bool IsSecret(JsonSchema schema, string pointer) => schema.Secret || SecretNames.Matches(pointer[(pointer.LastIndexOf('/') + 1)..]);

    private static string Words(JsonSchema schema, SourceNode value, string pointer) => value.Kind switch
    {
        // An error goes into logs and answers; a mistyped password must not.
        SourceKind.Text or SourceKind.Number or SourceKind.Boolean when IsSecret(schema, pointer) => "a value that is not shown",
        SourceKind.Null => "null",
        SourceKind.List => "a list",
        SourceKind.Map => "an object",
        SourceKind.Text => SourceErrors.Quote(value.Text),
        _ => value.Text,
    };

    private static bool IsWhole(double number) => Math.Abs(number % 1) < double.Epsilon;

    private static bool Same(SourceNode allowed, SourceNode value) =>
        allowed.Kind is SourceKind.List or SourceKind.Map
            ? System.Text.Json.Nodes.JsonNode.DeepEquals(allowed.ToJson(), value.ToJson())
            : allowed.Text == value.Text && value.Kind is not (SourceKind.List or SourceKind.Map);

    private bool HasType(SourceNode value, string type) => type switch
    {
        "null" => value.Kind == SourceKind.Null,
        "boolean" => value.Kind == SourceKind.Boolean || (typedBySchema && value.Kind == SourceKind.Text && ConfigurationValues.TryParseBoolean(value.Text, out _)),
        "integer" => IsNumber(value) && ConfigurationValues.TryParseNumber(value.Text, out var number) && IsWhole(number),
        "number" => IsNumber(value) && ConfigurationValues.TryParseNumber(value.Text, out _),
        "string" => value.Kind == SourceKind.Text || (typedBySchema && value.Kind is SourceKind.Number or SourceKind.Boolean),
        "array" => value.Kind == SourceKind.List,
        _ => value.Kind == SourceKind.Map,
    };

    private bool IsNumber(SourceNode value) => value.Kind == SourceKind.Number || (typedBySchema && value.Kind == SourceKind.Text);

    private void CheckMap(JsonSchema schema, SourceNode value, string pointer)
    {
        foreach (var name in schema.Required.Where(r => !isPart && value.Find(r) is null))
        {
            var meaning = schema.Properties.GetValueOrDefault(name) is { Description: { } text } ? $": {text}" : "";
            errors.Add(value.Position, SourceErrors.Append(pointer, name), "required", $"'{name}' is missing{meaning}");
        }

        foreach (var member in value.Members)
        {
            var path = SourceErrors.Append(pointer, member.Name);
            if (schema.Properties.TryGetValue(member.Name, out var known))
            {
                Check(known, member.Value, path);
            }
            else if (schema.Additional is null)
            {
                var names = schema.Properties.Keys.Order(StringComparer.Ordinal).ToArray();
                errors.Add(member.Position, path, "unknown_key", $"key {SourceErrors.Quote(member.Name)} is not known{Suggestion.Phrase(member.Name, names)} (known: {string.Join(", ", names)})");
            }
            else
            {
                if (schema.Names is { } rule)
                    Check(rule, new SourceNode { Kind = SourceKind.Text, Text = member.Name, Position = member.Position }, path);
                Check(schema.Additional, member.Value, path);
            }
        }
    }

    private void CheckList(JsonSchema schema, SourceNode value, string pointer)
    {
        var count = value.Elements.Length;
        if (count < schema.MinItems || count > schema.MaxItems)
            errors.Add(value.Position, pointer, "items", $"{Name(pointer)} has {count} elements, but must have {Range(schema.MinItems, schema.MaxItems)}");
        if (schema.UniqueItems && value.Elements.GroupBy(e => e.ToJson()?.ToJsonString()).FirstOrDefault(g => g.Count() > 1) is { } twice)
            errors.Add(twice.Last().Position, pointer, "unique", $"{Name(pointer)} lists {SourceErrors.Quote(twice.Key ?? "null")} twice; keep one");
        if (schema.Elements is null)
            return;
        // A list comes from one layer as a whole, and its elements with it.
        var whole = isPart ? new SchemaCheck(errors, typedBySchema) : this;
        for (var i = 0; i < count; i++)
            whole.Check(schema.Elements, value.Elements[i], $"{pointer}/{i}");
    }

    private void CheckScalar(JsonSchema schema, SourceNode value, string pointer)
    {
        if (ConfigurationValues.TryParseNumber(value.Text, out var number) && IsNumber(value) && schema.Types.Any(t => t is "integer" or "number"))
        {
            if (number < schema.Minimum || number > schema.Maximum || number <= schema.ExclusiveMinimum || number >= schema.ExclusiveMaximum)
                errors.Add(value.Position, pointer, "range", $"{Name(pointer)} is {Words(schema, value, pointer)}, but must be {schema.Describe()}");
            return;
        }

        if (value.Kind != SourceKind.Text && !typedBySchema)
            return;
        if (value.Text.Length < schema.MinLength || value.Text.Length > schema.MaxLength)
            errors.Add(value.Position, pointer, "length", $"{Name(pointer)} has {value.Text.Length} characters, but must have {Range(schema.MinLength, schema.MaxLength)}");
        else if (schema.Pattern is { } pattern && !pattern.IsMatch(value.Text))
            errors.Add(value.Position, pointer, "pattern", $"{Name(pointer)} is {Words(schema, value, pointer)}, which does not have its form{(schema.Description is { } text ? $": {text}" : $" {pattern}")}");
        else if (schema.Format is { } format && SchemaFormats.Check(format, value.Text) is { } wrong)
            errors.Add(value.Position, pointer, "format", $"{Name(pointer)} is {Words(schema, value, pointer)}, but {wrong}");
    }

    private static string Range(int? low, int? high) => (low, high) switch
    {
        ({ } l, { } h) => string.Create(CultureInfo.InvariantCulture, $"{l} to {h}"),
        ({ } l, null) => string.Create(CultureInfo.InvariantCulture, $"at least {l}"),
        (null, { } h) => string.Create(CultureInfo.InvariantCulture, $"at most {h}"),
        _ => "any number",
    };
}
