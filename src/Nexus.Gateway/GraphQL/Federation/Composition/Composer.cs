using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>
/// Makes one schema of several subgraphs.
/// 1. Gather the declarations of each type; they must be of one kind. 2. Declare the types. 3. Fill them: of what is returned everything counts, of what is sent only what all take.
/// 4. Find who gives each field; several may only where all say so. 5. Check that each field can be reached from wherever its type is met.
/// </summary>
internal sealed class Composer
{
    private readonly SubgraphDocument[] subgraphs;
    private readonly Dictionary<string, SubgraphDocument> byName;
    private readonly SortedDictionary<string, List<(SubgraphDocument Subgraph, SubgraphType Type)>> declared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NamedType> types = Scalars.All.ToDictionary(scalar => scalar.Name, scalar => (NamedType)scalar);
    private readonly Dictionary<string, string[]> owners = new(StringComparer.Ordinal);
    private readonly HashSet<string> hidden;
    private readonly HashSet<string> sent = new(StringComparer.Ordinal);
    private readonly HashSet<string> returned = new(StringComparer.Ordinal);
    private readonly List<string> problems = [];

    private Composer(IEnumerable<SubgraphDocument> subgraphs)
    {
        this.subgraphs = [.. subgraphs];
        byName = this.subgraphs.ToDictionary(subgraph => subgraph.Name, StringComparer.Ordinal);
        hidden = [.. this.subgraphs.SelectMany(subgraph => subgraph.Hidden)];
    }

    /// <summary>Composes subgraphs.</summary>
    /// <exception cref="CompositionException">They contradict each other.</exception>
    public static ComposedSchema Compose(IEnumerable<SubgraphDocument> subgraphs)
    {
        var composer = new Composer(subgraphs);
        return composer.Run();
    }

    private ComposedSchema Run()
    {
        Gather();
        Stop();
        foreach (var (name, all) in declared)
            types[name] = Declare(name, all);
        foreach (var (name, all) in declared)
            Fill(types[name], all);
        Show();
        Stop();
        Reach();
        if (types.GetValueOrDefault("Query") is not ObjectType { Fields.Count: > 0 } query)
            problems.Add($"None of {Names(subgraphs)} has a field of Query.");
        Stop();
        var mutation = types.GetValueOrDefault("Mutation") as ObjectType;
        var schema = new Schema((ObjectType)types["Query"], mutation is { Fields.Count: > 0 } ? mutation : null, null, types.Values.Where(type => !hidden.Contains(type.Name))) { Description = $"Composed of {Names(subgraphs)}." };
        return new ComposedSchema(schema, byName, owners);
    }

    private void Gather()
    {
        foreach (var subgraph in subgraphs)
        {
            foreach (var type in subgraph.Types.Values.Where(type => !types.ContainsKey(type.Name)))
            {
                if (!declared.TryGetValue(type.Name, out var all))
                    declared[type.Name] = all = [];
                if (all.Count > 0 && all[0].Type.Kind != type.Kind)
                    problems.Add($"{type.Name} is {Kind(all[0].Type)} in {all[0].Subgraph.Name} and {Kind(type)} in {subgraph.Name}.");
                all.Add((subgraph, type));
                foreach (var input in type.Inputs.Values.Concat(type.Fields.Values.SelectMany(field => field.Declaration.Arguments)))
                    sent.Add(TypeNodes.Named(input.Type));
                foreach (var field in type.Fields.Values)
                    returned.Add(TypeNodes.Named(field.Declaration.Type));
            }
        }
    }

    private NamedType Declare(string name, List<(SubgraphDocument Subgraph, SubgraphType Type)> all)
    {
        var first = all[0].Type;
        var description = all.Select(one => one.Type.Description).FirstOrDefault(text => text is not null);
        return first.Kind switch
        {
            TypeDefinitionKind.Object => new ObjectType(name, description),
            TypeDefinitionKind.Interface => new InterfaceType(name, description) { TypeOf = FetchedObject.TypeOf },
            TypeDefinitionKind.Union => new UnionType(name, description) { TypeOf = FetchedObject.TypeOf },
            TypeDefinitionKind.Enum => new EnumType(name, Values(name, all), description),
            TypeDefinitionKind.Input => new InputType(name, description, all.Exists(one => one.Type.IsOneOf)),
            _ => new ScalarType(name, description)
            {
                SpecifiedBy = all.Select(one => one.Type.SpecifiedBy).FirstOrDefault(address => address is not null),
                // Only its subgraph knows which values it has.
                ReadLiteral = Resources.FieldScalars.Any.ReadLiteral,
                ReadValue = Resources.FieldScalars.Any.ReadValue,
                Write = Resources.FieldScalars.Any.Write,
            },
        };
    }

    private IEnumerable<EnumMember> Values(string name, List<(SubgraphDocument Subgraph, SubgraphType Type)> all)
    {
        var every = all.SelectMany(one => one.Type.Values.Values).DistinctBy(value => value.Name.Text).ToList();
        if (sent.Contains(name))
        {
            var (most, least) = (every.Count, all.MinBy(one => one.Type.Values.Count));
            every.RemoveAll(value => !all.TrueForAll(one => one.Type.Values.ContainsKey(value.Name.Text)));
            if (returned.Contains(name) && every.Count < most)
                problems.Add($"The enum {name} has not the same values in {Names(all)}; it is sent and returned, so it must.");
            else if (every.Count == 0)
                problems.Add($"The enum {name} has no value that {Names(all)} have in common (fewest: {least.Subgraph.Name}).");
        }
        return every.Where(value => !hidden.Contains($"{name}.{value.Name.Text}")).Select(value => new EnumMember(value.Name.Text, value.Name.Text, value.Description?.Text, Deprecation(value.Directives)));
    }

    private void Fill(NamedType type, List<(SubgraphDocument Subgraph, SubgraphType Type)> all)
    {
        switch (type)
        {
            case InputType input:
                foreach (var field in Inputs(type.Name + ".", [.. all.Select(one => (one.Subgraph.Name, (IEnumerable<InputDeclaration>)one.Type.Inputs.Values))]))
                    input.TryAdd(field);
                if (input.Fields.Count == 0)
                    problems.Add($"The input {type.Name} has no field that {Names(all)} have in common.");
                break;
            case UnionType union:
                foreach (var member in all.SelectMany(one => one.Type.Members).Distinct())
                {
                    if (hidden.Contains(member))
                        continue;
                    if (types.GetValueOrDefault(member) is ObjectType known)
                        union.Add(known);
                    else
                        problems.Add($"The union {type.Name} of {Names(all)} has {member}, which is no object.");
                }
                break;
            case FieldsType composite:
                foreach (var name in all.SelectMany(one => one.Type.Interfaces).Distinct())
                {
                    if (hidden.Contains(name))
                        continue;
                    if (types.GetValueOrDefault(name) is InterfaceType known)
                        composite.Implement(known);
                    else
                        problems.Add($"{type.Name} of {Names(all)} implements {name}, which is no interface.");
                }
                foreach (var name in all.SelectMany(one => one.Type.Fields.Keys).Distinct())
                    AddField(composite, name, [.. all.Where(one => one.Type.Gives(name))], all);
                break;
        }
    }

    private void AddField(FieldsType type, string name, List<(SubgraphDocument Subgraph, SubgraphType Type)> givers, List<(SubgraphDocument Subgraph, SubgraphType Type)> all)
    {
        // A field that is said to be another's and that no other has is left over from an override or a mistake of no consequence.
        if (givers.Count == 0)
            return;
        var taken = givers.Select(one => one.Type.Fields[name].Overrides).Where(from => from is not null).ToHashSet();
        givers.RemoveAll(one => taken.Contains(one.Subgraph.Name));
        if (givers.Count == 0)
        {
            problems.Add($"{type.Name}.{name} is taken over by each of {Names(all)} from the other.");
            return;
        }
        if (type is ObjectType && givers.Count > 1 && givers.FirstOrDefault(one => !one.Type.Fields[name].IsShareable && !one.Type.IsKey(name)) is { Subgraph: { } alone })
        {
            problems.Add($"{type.Name}.{name} is given by {Names(givers)}, and {alone.Name} does not mark it @shareable; let one of them give it.");
            return;
        }
        var (first, merged) = (givers[0].Type.Fields[name].Declaration, (TypeNode?)givers[0].Type.Fields[name].Declaration.Type);
        foreach (var (subgraph, other) in givers.Skip(1))
        {
            merged = TypeNodes.Weaker(merged!, other.Fields[name].Declaration.Type);
            if (merged is not null)
                continue;
            problems.Add($"{type.Name}.{name} is {Printer.Print(first.Type)} in {givers[0].Subgraph.Name} and {Printer.Print(other.Fields[name].Declaration.Type)} in {subgraph.Name}.");
            return;
        }
        if (Resolve(merged!, $"{type.Name}.{name}", givers) is not { } result)
            return;
        var arguments = Inputs($"{type.Name}.{name}:", [.. givers.Select(one => (one.Subgraph.Name, (IEnumerable<InputDeclaration>)one.Type.Fields[name].Declaration.Arguments))]);
        owners[$"{type.Name}.{name}"] = [.. givers.Select(one => one.Subgraph.Name)];
        if (!IsShown($"{type.Name}.{name}", type.Name, result))
            return;
        type.TryAdd(new FieldType(name, result)
        {
            Description = givers.Select(one => one.Type.Fields[name].Declaration.Description?.Text).FirstOrDefault(text => text is not null),
            Deprecation = givers.Select(one => Deprecation(one.Type.Fields[name].Declaration.Directives)).FirstOrDefault(reason => reason is not null),
            Arguments = arguments,
            Repeats = arguments.Any(argument => argument is { Name: "first", Type.Named.Name: "Int" }) ? static given => Math.Clamp(given["first"] as int? ?? 1, 1, 1000) : null,
            Resolve = static (source, _, run) => ((FetchedObject)source!).Read(run.CurrentKey),
        });
    }

    /// <summary>Whether callers see a part of a type; what they see cannot be of a type that they do not.</summary>
    private bool IsShown(string coordinate, string owner, GraphType type)
    {
        if (hidden.Contains(coordinate))
            return false;
        if (!hidden.Contains(owner) && hidden.Contains(type.Named.Name))
            problems.Add($"{coordinate} is {type.Named.Name}, which is @inaccessible; it must be so too.");
        return true;
    }

    /// <summary>Checks that what callers see is a schema without what they do not.</summary>
    private void Show()
    {
        foreach (var type in types.Values.Where(type => !hidden.Contains(type.Name)))
        {
            var isEmpty = type switch { FieldsType composite => composite.Fields.Count == 0, UnionType union => union.Members.Count == 0, EnumType words => words.Members.Count == 0, _ => false };
            if (isEmpty && hidden.Any(one => one.StartsWith(type.Name + ".", StringComparison.Ordinal) || type is UnionType))
                problems.Add($"All of {type.Name} is @inaccessible; it must be so too.");
            foreach (var wide in (type as FieldsType)?.Interfaces ?? [])
            {
                foreach (var field in wide.Fields.Where(field => hidden.Contains($"{type.Name}.{field.Name}")))
                    problems.Add($"{type.Name}.{field.Name} is @inaccessible, and {field} is not.");
            }
        }
    }

    /// <summary>Arguments of a field, or fields of an input object: those that all take.</summary>
    private List<InputField> Inputs(string owner, List<(string Subgraph, IEnumerable<InputDeclaration> Inputs)> all)
    {
        var fields = new List<InputField>();
        foreach (var name in all.SelectMany(one => one.Inputs).Select(input => input.Name.Text).Distinct())
        {
            var found = all.Select(one => (one.Subgraph, Input: one.Inputs.FirstOrDefault(input => input.Name.Text == name))).ToList();
            var given = found.Where(one => one.Input is not null).Select(one => (one.Subgraph, Input: one.Input!)).ToList();
            if (given.Count < found.Count)
            {
                if (given.FirstOrDefault(one => one.Input is { Type: NonNullTypeNode, DefaultValue: null }) is { Subgraph: { } strict })
                    problems.Add($"{strict} demands {owner}{name}, which {found.First(one => one.Input is null).Subgraph} does not take.");
                continue;
            }
            var merged = (TypeNode?)given[0].Input.Type;
            foreach (var (subgraph, input) in given.Skip(1))
            {
                merged = merged is null ? null : TypeNodes.Stricter(merged, input.Type);
                if (merged is null)
                    problems.Add($"{owner}{name} is {Printer.Print(given[0].Input.Type)} in {given[0].Subgraph} and {Printer.Print(input.Type)} in {subgraph}.");
            }
            if (merged is null || Resolve(merged, owner + name, given.ConvertAll(one => (byName[one.Subgraph], (SubgraphType?)null))) is not { } type || !IsShown(owner + name, owner.Split('.')[0], type))
            {
                if (merged is NonNullTypeNode && hidden.Contains(owner + name) && given[0].Input.DefaultValue is null)
                    problems.Add($"{owner}{name} is demanded, so it cannot be @inaccessible.");
                continue;
            }

            fields.Add(new InputField(name, type) { Default = given[0].Input.DefaultValue, Description = given[0].Input.Description?.Text, Deprecation = Deprecation(given[0].Input.Directives) });
        }
        return fields;
    }

    /// <summary>The type that a reference means.</summary>
    private GraphType? Resolve<T>(TypeNode node, string coordinate, List<(SubgraphDocument Subgraph, T Type)> by)
    {
        switch (node)
        {
            case ListTypeNode list:
                return Resolve(list.Element, coordinate, by)?.List;
            case NonNullTypeNode inner:
                return Resolve(inner.Nullable, coordinate, by)?.NonNull;
            default:
                if (types.GetValueOrDefault(((NamedTypeNode)node).Name) is { } known)
                    return known;
                problems.Add($"{coordinate} of {string.Join(" and ", by.Select(one => one.Subgraph.Name))} is {((NamedTypeNode)node).Name}, a type that no subgraph has.");
                return null;
        }
    }

    private void Reach()
    {
        var met = subgraphs.ToDictionary(subgraph => subgraph.Name, Met);
        foreach (var (name, all) in declared.Where(type => types[type.Key] is ObjectType && type.Key is not ("Query" or "Mutation")))
        {
            foreach (var (subgraph, type) in all)
            {
                foreach (var (field, given) in type.Fields.Where(one => one.Value.Requires.Length > 0 && owners[$"{name}.{one.Key}"].Contains(subgraph.Name)))
                    Demand(subgraph, type, field, given.Requires);
            }
            foreach (var field in ((ObjectType)types[name]).Fields)
            {
                var givers = owners[$"{name}.{field.Name}"];
                if (all.Find(one => met[one.Subgraph.Name].Contains(name) && !givers.Contains(one.Subgraph.Name) && !Array.Exists(givers, to => ComposedSchema.KeyBetween(byName, name, one.Subgraph.Name, to) is not null)) is { Subgraph: { } lost })
                    problems.Add($"{field} of {string.Join(" and ", givers)} cannot be found for a {name} of {lost.Name}: {lost.Name} gives no @key of it.");
            }
        }
    }

    /// <summary>Types of whose objects a subgraph tells: what the fields lead to that it gives of the root and of entities.</summary>
    private static HashSet<string> Met(SubgraphDocument subgraph)
    {
        var met = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<SubgraphType>(subgraph.Types.Values.Where(type => type.Name is "Query" or "Mutation" || type.Keys.Exists(key => key.IsResolvable)));
        while (waiting.TryPop(out var type))
        {
            foreach (var field in type.Fields.Values.Where(field => type.Gives(field.Declaration.Name.Text)))
            {
                var result = subgraph.NameOf(TypeNodes.Named(field.Declaration.Type));
                foreach (var possible in subgraph.Types.Values.Where(one => (one.Name == result || subgraph.Has(result, one.Name)) && met.Add(one.Name)))
                    waiting.Push(possible);
            }
        }
        return met;
    }

    /// <summary>Checks that what a field requires is another's, and can be fetched before.</summary>
    private void Demand(SubgraphDocument subgraph, SubgraphType type, string field, Field[] required)
    {
        var coordinate = $"{type.Name}.{field} of {subgraph.Name}";
        foreach (var one in required)
        {
            var (name, text) = (one.Name.Text, KeyFields.Print(one));
            if (!type.Fields.TryGetValue(name, out var known))
                problems.Add($"{coordinate} requires {text}, which {subgraph.Name} does not declare; declare it there as @external.");
            else if (!known.IsExternal && one.Selections is null)
                problems.Add($"{coordinate} requires {text}, which {subgraph.Name} gives itself; mark it @external there, or do not require it.");
            else if (!Array.Exists(ComposedSchema.Givers(byName, owners, type.Name, one), giver => giver != subgraph.Name || ComposedSchema.Required(byName, giver, type.Name, name).Length > 0))
                problems.Add($"{coordinate} requires {text}, which no one subgraph gives whole.");
        }
        if (ComposedSchema.KeyBetween(byName, type.Name, subgraph.Name, subgraph.Name) is null)
            problems.Add($"{coordinate} requires fields, and {subgraph.Name} finds no {type.Name} by a @key to be sent them with.");
        else if (IsCircular(type.Name, subgraph.Name, field, []))
            problems.Add($"{coordinate} requires what requires it in the end.");
    }

    private bool IsCircular(string type, string subgraph, string field, List<string> path)
    {
        if (path.Contains($"{subgraph} {field}"))
            return true;
        path.Add($"{subgraph} {field}");
        var circular = Array.Exists(ComposedSchema.Required(byName, subgraph, type, field), one => ComposedSchema.Givers(byName, owners, type, one) is [var giver, ..] && IsCircular(type, giver, one.Name.Text, path));
        path.RemoveAt(path.Count - 1);
        return circular;
    }

    private void Stop()
    {
        if (problems.Count > 0)
            throw new CompositionException(problems);
    }

    private static string? Deprecation(Directive[] directives) =>
        Array.Find(directives, directive => directive.Name.Text == "deprecated") is { } one ? one.Arguments is [{ Value: StringValue reason }] ? reason.Text : DirectiveTypes.NoReason : null;

    private static string Kind(SubgraphType type) => type.Kind switch
    {
        TypeDefinitionKind.Object => "an object",
        TypeDefinitionKind.Interface => "an interface",
        TypeDefinitionKind.Enum => "an enum",
        TypeDefinitionKind.Input => "an input",
        _ => "a " + type.Kind.ToString().ToLowerInvariant(),
    };

    private static string Names(List<(SubgraphDocument Subgraph, SubgraphType Type)> all) => Names(all.Select(one => one.Subgraph));

    private static string Names(IEnumerable<SubgraphDocument> all) => string.Join(" and ", all.Select(one => one.Name));
}
