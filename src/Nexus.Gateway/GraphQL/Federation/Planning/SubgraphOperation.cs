using System.Buffers;
using System.Text;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Planning;

/// <summary>Writes one request to a subgraph: the document, and of the caller's variables those that it names.</summary>
/// <param name="operation">The caller's operation.</param>
/// <param name="given">The caller's variables as they were sent.</param>
internal sealed class SubgraphOperation(OperationDefinition operation, JsonElement given)
{
    private readonly StringBuilder text = new();
    private readonly HashSet<string> named = new(StringComparer.Ordinal);
    private readonly List<(string Name, object?[] Representations)> entities = [];

    /// <summary>Adds a field of the root.</summary>
    public void Add(SelectedField field) => Write(field);

    /// <summary>Adds a question for entities.</summary>
    /// <returns>Its key in the answer.</returns>
    public string Add(ObjectSelection selection, IEnumerable<object?> representations)
    {
        var (key, variable) = ($"nexusEntities{entities.Count}", $"nexusKeys{entities.Count}");
        entities.Add((variable, [.. representations]));
        text.Append(' ').Append(key).Append(": _entities(representations: $").Append(variable).Append(") { ... on ").Append(selection.Type.Name);
        Write(selection);
        text.Append(" }");
        return key;
    }

    /// <summary>The body of the request.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("query", ToString());
            json.WriteStartObject("variables");
            foreach (var name in named)
            {
                if (given.ValueKind != JsonValueKind.Object || !given.TryGetProperty(name, out var value))
                    continue;
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
            foreach (var (name, representations) in entities)
            {
                json.WritePropertyName(name);
                JsonSerializer.Serialize(json, representations);
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    /// <summary>The document.</summary>
    public override string ToString()
    {
        var declarations = operation.Variables.Where(variable => named.Contains(variable.Variable.Name.Text))
            .Select(variable => $"${variable.Variable.Name.Text}: {Printer.Print(variable.Type)}{(variable.DefaultValue is { } value ? " = " + Printer.Print(value) : "")}")
            .Concat(entities.Select(one => $"${one.Name}: [_Any!]!")).ToArray();
        // Entities are asked for by a query, also for what a change returned.
        var kind = entities.Count > 0 ? OperationKind.Query : operation.Kind;
        return $"{kind.ToString().ToLowerInvariant()}{(declarations.Length > 0 ? $"({string.Join(", ", declarations)})" : "")} {{{text} }}";
    }

    private void Write(SelectedField field)
    {
        var (key, name) = (field.Plan.Key, field.Plan.Definition.Name);
        text.Append(' ').Append(key);
        if (key != name)
            text.Append(": ").Append(name);
        for (var i = 0; i < field.Plan.First.Arguments.Length; i++)
        {
            var argument = field.Plan.First.Arguments[i];
            text.Append(i == 0 ? "(" : ", ").Append(argument.Name.Text).Append(": ").Append(Printer.Print(argument.Value));
            Note(argument.Value);
        }
        if (field.Plan.First.Arguments.Length > 0)
            text.Append(')');
        if (field.Below is not { } below)
            return;
        if (below.Declared is ObjectType && below.ByType.Values.FirstOrDefault() is { } only)
        {
            Write(only);
            return;
        }
        text.Append(" { ").Append(Selections.TypeKey).Append(": __typename");
        foreach (var (type, selection) in below.ByType.Where(one => !one.Value.IsEmpty))
        {
            text.Append(" ... on ").Append(type);
            Write(selection);
        }
        text.Append(" }");
    }

    private void Write(ObjectSelection selection)
    {
        text.Append(" {");
        if (selection.IsEmpty)
            text.Append(' ').Append(Selections.TypeKey).Append(": __typename");
        foreach (var field in selection.Fields)
            Write(field);
        foreach (var (alias, field) in selection.Asked)
            text.Append(' ').Append(alias).Append(": ").Append(KeyFields.Print(field));
        text.Append(" }");
    }

    private void Note(ValueNode value)
    {
        switch (value)
        {
            case Variable variable:
                named.Add(variable.Name.Text);
                break;
            case ListValue list:
                Array.ForEach(list.Elements, Note);
                break;
            case ObjectValue fields:
                Array.ForEach(fields.Fields, field => Note(field.Value));
                break;
        }
    }
}
