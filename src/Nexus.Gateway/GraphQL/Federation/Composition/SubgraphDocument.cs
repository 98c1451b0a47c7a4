using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>
/// The schema of one subgraph, with what Apollo Federation means by its directives. Names of directives are brought to their plain form, whichever way <c>@link</c> imported them;
/// a schema without that link is one of Federation 1, where all that is declared twice is shared.
/// </summary>
internal sealed class SubgraphDocument
{
    private const string Specification = "specs.apollo.dev/federation/v2";
    private const string Prefix = "federation__";

    /// <summary>Directives whose meaning this gateway would get wrong by leaving it out.</summary>
    private static readonly string[] Unknown = ["interfaceObject", "authenticated", "requiresScopes", "policy", "context", "fromContext"];

    private static readonly string[] Machinery = ["_Any", "_Entity", "_Service", "_FieldSet", "FieldSet"];
    private static readonly string[] RootNames = ["Query", "Mutation", "Subscription"];

    private readonly Dictionary<string, string> directives = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> roots = new(StringComparer.Ordinal);
    private readonly List<string> problems = [];
    private bool isSecond;

    private SubgraphDocument(string name) => Name = name;

    /// <summary>Name of the subgraph.</summary>
    public string Name { get; }

    /// <summary>Its types by their names in the composed schema.</summary>
    public Dictionary<string, SubgraphType> Types { get; } = new(StringComparer.Ordinal);

    /// <summary>What is marked <c>@inaccessible</c>: subgraphs tell it each other, callers do not see it. As <c>Type</c>, <c>Type.member</c> and <c>Type.field:argument</c>.</summary>
    public HashSet<string> Hidden { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads what a subgraph tells of itself.</summary>
    /// <exception cref="CompositionException">It is no schema, or one that asks for what this gateway does not do.</exception>
    public static SubgraphDocument Read(string name, string text)
    {
        var subgraph = new SubgraphDocument(name);
        try
        {
            // Its own limits: a schema is longer than any operation.
            var document = Parser.Parse(text, new ParserLimits(text.Length, int.MaxValue));
            foreach (var schema in document.Definitions.OfType<SchemaDefinition>())
                subgraph.Read(schema);
            foreach (var type in document.Definitions.OfType<TypeDefinition>())
                subgraph.Read(type);
        }
        catch (SyntaxException exception)
        {
            throw new CompositionException([$"What {name} tells of itself is no schema: {exception.Message} (line {exception.Location.Line}, column {exception.Location.Column})."]);
        }
        return subgraph.problems.Count == 0 ? subgraph : throw new CompositionException(subgraph.problems);
    }

    /// <summary>The name of a type in the composed schema.</summary>
    public string NameOf(string type) => roots.GetValueOrDefault(type, type);

    /// <summary>Whether objects of one type can stand where the other is expected.</summary>
    public bool Has(string wide, string narrow) =>
        Types.TryGetValue(wide, out var type) && (type.Members.Contains(narrow) || (Types.TryGetValue(narrow, out var inner) && inner.Interfaces.Contains(wide)));

    private void Read(SchemaDefinition schema)
    {
        foreach (var root in schema.Roots)
            roots[root.Type.Name] = RootNames[(int)root.Kind];
        foreach (var link in schema.Directives.Where(directive => directive.Name.Text == "link"))
        {
            if (Text(link, "url") is not { } url || !url.Contains(Specification, StringComparison.Ordinal))
                continue;
            isSecond = true;
            foreach (var import in (Argument(link, "import") as ListValue)?.Elements ?? [])
            {
                var (original, local) = import switch
                {
                    StringValue plain => (plain.Text, plain.Text),
                    ObjectValue renamed when renamed.Find("name")?.Value is StringValue from => (from.Text, renamed.Find("as")?.Value is StringValue to ? to.Text : from.Text),
                    _ => ("", ""),
                };
                directives[local.TrimStart('@')] = original.TrimStart('@');
            }
        }
    }

    private void Read(TypeDefinition definition)
    {
        var name = NameOf(definition.Name.Text);
        if (Array.IndexOf(Machinery, name) >= 0 || name.StartsWith(Prefix, StringComparison.Ordinal) || name.StartsWith("link__", StringComparison.Ordinal) || name == "Subscription")
            return;
        if (!Types.TryGetValue(name, out var type))
            Types[name] = type = new SubgraphType(name, definition.Kind);
        type.Description ??= definition.Description?.Text;
        var own = definition.Parts.Directives;
        foreach (var key in own.Where(directive => Is(directive, "key")))
            type.Keys.Add(KeyFields.Read(Text(key, "fields") ?? "", (Argument(key, "resolvable") as BooleanValue)?.Value ?? true));
        Judge(own, name);
        type.SpecifiedBy ??= own.FirstOrDefault(directive => directive.Name.Text == "specifiedBy") is { } specified ? Text(specified, "url") : null;
        type.IsOneOf |= own.Any(directive => directive.Name.Text == "oneOf");
        type.Interfaces.UnionWith(definition.Parts.Interfaces.Select(one => one.Name));
        type.Members.UnionWith(definition.Parts.Members.Select(one => one.Name));
        foreach (var value in definition.Parts.Values)
        {
            Judge(value.Directives, $"{name}.{value.Name.Text}");
            type.Values[value.Name.Text] = value;
        }

        foreach (var input in definition.Parts.Inputs)
        {
            Judge(input.Directives, $"{name}.{input.Name.Text}");
            type.Inputs[input.Name.Text] = input;
        }

        foreach (var field in definition.Parts.Fields.Where(field => name != "Query" || field.Name.Text is not ("_service" or "_entities")))
            type.Fields[field.Name.Text] = Read(field, $"{name}.{field.Name.Text}", own);
    }

    private SubgraphField Read(FieldDeclaration field, string coordinate, Directive[] ofType)
    {
        Judge(field.Directives, coordinate);
        foreach (var argument in field.Arguments)
            Judge(argument.Directives, $"{coordinate}:{argument.Name.Text}");
        return new SubgraphField(
            field,
            field.Directives.Concat(ofType).Any(directive => Is(directive, "external")),
            !isSecond || field.Directives.Concat(ofType).Any(directive => Is(directive, "shareable")),
            field.Directives.FirstOrDefault(directive => Is(directive, "override")) is { } taken ? Text(taken, "from") : null)
        {
            Requires = field.Directives.FirstOrDefault(directive => Is(directive, "requires")) is { } demanded ? Required(Text(demanded, "fields") ?? "", coordinate) : [],
        };
    }

    private Field[] Required(string text, string coordinate)
    {
        var set = KeyFields.SelectionOf(text);
        if (HasFragment(set))
            problems.Add($"{coordinate} of {Name} has @requires that selects by type, which this gateway does not do.");
        return [.. set.Selections.OfType<Field>()];
    }

    private static bool HasFragment(SelectionSet set) => Array.Exists(set.Selections, one => one is not Field field || (field.Selections is { } below && HasFragment(below)));

    /// <summary>Notes what is hidden, and refuses what this gateway does not do.</summary>
    private void Judge(Directive[] given, string coordinate)
    {
        foreach (var directive in given)
        {
            if (Is(directive, "inaccessible"))
                Hidden.Add(coordinate);
            if (Is(directive, "override") && Argument(directive, "label") is not null)
                problems.Add($"{coordinate} of {Name} has @override with a label, which this gateway does not do.");
            if (Array.Find(Unknown, one => Is(directive, one)) is { } unknown)
                problems.Add($"{coordinate} of {Name} has @{unknown}, which this gateway does not do.");
        }
    }

    /// <summary>Whether a directive is one of Federation's.</summary>
    private bool Is(Directive directive, string name)
    {
        var text = directive.Name.Text;
        return isSecond ? directives.GetValueOrDefault(text) == name || text == Prefix + name : text == name;
    }

    private static ValueNode? Argument(Directive directive, string name) => Array.Find(directive.Arguments, argument => argument.Name.Text == name)?.Value;

    private static string? Text(Directive directive, string name) => (Argument(directive, name) as StringValue)?.Text;
}
