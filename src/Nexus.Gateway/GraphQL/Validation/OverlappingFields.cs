using System.Runtime.CompilerServices;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Validation;

/// <summary>
/// Fields that share a response key must be able to merge (section 5.3.2 of the specification). Selections and fragments are compared in pairs, each pair once;
/// runs of equal fields without selections, which make up nearly all pairs of real documents, are passed over at once, and a budget bounds the rest.
/// </summary>
internal sealed class OverlappingFields(Schema schema, Dictionary<string, FragmentDefinition> fragments, OverlappingFields.Reporter report)
{
    private const int MaxWork = 500_000;
    private const int MaxShown = 1000;
    private const int MaxNodes = 20;
    private readonly Dictionary<(NamedType?, SelectionSet), Fields> collected = [];
    private readonly Dictionary<(Fields, FragmentDefinition), bool> fieldsWithFragment = [];
    private readonly Dictionary<(FragmentDefinition, FragmentDefinition), bool> fragmentPairs = [];
    private int left = MaxWork;

    /// <summary>Reports an error at places.</summary>
    public delegate void Reporter(string message, params ReadOnlySpan<int> starts);

    /// <summary>Checks every selection set of a document.</summary>
    public void Check(DocumentNode document)
    {
        foreach (var definition in document.Definitions)
        {
            if (definition is OperationDefinition operation)
                Check(operation.Selections, schema.Root(operation.Kind));
            else if (definition is FragmentDefinition fragment)
                Check(fragment.Selections, Composite(fragment.Condition));
        }
    }

    private NamedType? Composite(NamedTypeNode condition) => schema.Find(condition.Name) is { IsComposite: true } type ? type : null;

    private void Check(SelectionSet set, NamedType? parent)
    {
        if (set.Selections.Length > 1 || set.Selections[0] is InlineFragment)
        {
            foreach (var conflict in FindWithin(parent, set))
                report($"Fields \"{Cut(conflict.Key)}\" conflict because {conflict.Reason}. Use different aliases on the fields to fetch both if this was intentional.", [.. conflict.First, .. conflict.Second]);
        }
        Descend(set, parent);
    }

    private void Descend(SelectionSet set, NamedType? parent)
    {
        foreach (var selection in set.Selections)
        {
            if (selection is Field { Selections: { } below } field)
                Check(below, (parent is null ? null : schema.Find(parent, field.Name.Text))?.Type.Named is { IsComposite: true } type ? type : null);
            else if (selection is InlineFragment inline)
                Descend(inline.Selections, inline.Condition is { } condition ? Composite(condition) : parent);
        }
    }

    private List<Conflict> FindWithin(NamedType? parent, SelectionSet set)
    {
        var conflicts = new List<Conflict>();
        var fields = Collect(parent, set);
        foreach (var (key, same) in fields.ByKey)
        {
            if (same.Count < 2 || AreAlike(same))
                continue;
            for (var i = 0; i < same.Count; i++)
            {
                for (var j = i + 1; j < same.Count; j++)
                    Add(conflicts, Find(false, key, same[i], same[j]));
            }
        }
        var spreads = fields.Spreads;
        for (var i = 0; i < spreads.Count && (fields.ByKey.Count > 0 || spreads.Count > 1); i++)
        {
            BetweenFieldsAndFragment(conflicts, false, fields, spreads[i]);
            for (var j = i + 1; j < spreads.Count; j++)
                BetweenFragments(conflicts, false, spreads[i], spreads[j]);
        }
        return conflicts;
    }

    private static bool AreAlike(List<Entry> same)
    {
        foreach (var entry in same)
        {
            if (!entry.IsPlain || !ReferenceEquals(entry.Definition?.Type, same[0].Definition?.Type) || entry.Node.Name.Text != same[0].Node.Name.Text)
                return false;
        }
        return true;
    }

    private void BetweenFieldsAndFragment(List<Conflict> conflicts, bool exclusive, Fields fields, FragmentDefinition fragment)
    {
        Spend(1);
        EnsureStack();
        if (fields.ByKey.Count == 0 || !IsNew(fieldsWithFragment, (fields, fragment), exclusive))
            return;
        var other = Collect(schema.Find(fragment.Condition.Name), fragment.Selections);
        if (ReferenceEquals(fields, other))
            return;
        Between(conflicts, exclusive, fields, other);
        foreach (var further in other.Spreads)
            BetweenFieldsAndFragment(conflicts, exclusive, fields, further);
    }

    private void BetweenFragments(List<Conflict> conflicts, bool exclusive, FragmentDefinition a, FragmentDefinition b)
    {
        Spend(2);
        EnsureStack();
        if (ReferenceEquals(a, b))
            return;
        var pair = a.Start < b.Start ? (a, b) : (b, a);
        if (!IsNew(fragmentPairs, pair, exclusive))
            return;
        var first = Collect(schema.Find(a.Condition.Name), a.Selections);
        var second = Collect(schema.Find(b.Condition.Name), b.Selections);
        Between(conflicts, exclusive, first, second);
        foreach (var further in second.Spreads)
            BetweenFragments(conflicts, exclusive, a, further);
        foreach (var further in first.Spreads)
            BetweenFragments(conflicts, exclusive, further, b);
    }

    /// <summary>Whether a pair was not compared yet, at least as strictly.</summary>
    private static bool IsNew<TKey>(Dictionary<TKey, bool> compared, TKey pair, bool exclusive)
        where TKey : notnull
    {
        if (compared.TryGetValue(pair, out var known) && (exclusive || !known))
            return false;
        compared[pair] = exclusive;
        return true;
    }

    private void Between(List<Conflict> conflicts, bool exclusive, Fields a, Fields b)
    {
        foreach (var (key, first) in a.ByKey)
        {
            Spend(1);
            if (!b.ByKey.TryGetValue(key, out var second))
                continue;
            foreach (var one in first)
            {
                foreach (var other in second)
                    Add(conflicts, Find(exclusive, key, one, other));
            }
        }
    }

    private Conflict? Find(bool exclusiveAbove, string key, Entry a, Entry b)
    {
        Spend(2);
        if (a.IsPlain && b.IsPlain && ReferenceEquals(a.Definition?.Type, b.Definition?.Type) && a.Node.Name.Text == b.Node.Name.Text)
            return null;
        var exclusive = exclusiveAbove || (!ReferenceEquals(a.Parent, b.Parent) && a.Parent is ObjectType && b.Parent is ObjectType);
        if (!exclusive && a.Node.Name.Text != b.Node.Name.Text)
            return new Conflict(key, $"\"{Cut(a.Node.Name.Text)}\" and \"{Cut(b.Node.Name.Text)}\" are different fields", [a.Node.Start], [b.Node.Start]);
        if (!exclusive && !AreEqual(a.Node.Arguments, b.Node.Arguments))
            return new Conflict(key, "they have differing arguments", [a.Node.Start], [b.Node.Start]);
        if (a.Definition?.Type is { } type && b.Definition?.Type is { } other && Conflicts(type, other))
            return new Conflict(key, $"they return conflicting types \"{type}\" and \"{other}\"", [a.Node.Start], [b.Node.Start]);
        return a.Node.Selections is { } set && b.Node.Selections is { } second ? Below(exclusive, key, (a, set), (b, second)) : null;
    }

    private Conflict? Below(bool exclusive, string key, (Entry Field, SelectionSet Set) a, (Entry Field, SelectionSet Set) b)
    {
        EnsureStack();
        var conflicts = new List<Conflict>();
        var first = Collect(a.Field.Definition?.Type.Named, a.Set);
        var second = Collect(b.Field.Definition?.Type.Named, b.Set);
        Between(conflicts, exclusive, first, second);
        foreach (var spread in second.Spreads)
            BetweenFieldsAndFragment(conflicts, exclusive, first, spread);
        foreach (var spread in first.Spreads)
            BetweenFieldsAndFragment(conflicts, exclusive, second, spread);
        foreach (var one in first.Spreads)
        {
            foreach (var other in second.Spreads)
                BetweenFragments(conflicts, exclusive, one, other);
        }
        if (conflicts.Count == 0)
            return null;
        var message = "";
        foreach (var conflict in conflicts.TakeWhile(_ => message.Length <= MaxShown))
            message += $"{(message.Length == 0 ? "" : " and ")}subfields \"{Cut(conflict.Key)}\" conflict because {conflict.Reason}";
        return new Conflict(key, Cut(message), Nodes(a.Field, conflicts, conflict => conflict.First), Nodes(b.Field, conflicts, conflict => conflict.Second));
    }

    private static int[] Nodes(Entry field, List<Conflict> conflicts, Func<Conflict, int[]> side) =>
        [.. conflicts.SelectMany(side).Prepend(field.Node.Start).Take(MaxNodes)];

    private bool AreEqual(Argument[] a, Argument[] b)
    {
        if (a.Length != b.Length)
            return false;
        foreach (var argument in a)
        {
            Spend(1);
            var other = Array.FindLast(b, one => one.Name.Text == argument.Name.Text);
            if (other is null || !AreEqual(argument.Value, other.Value))
                return false;
        }
        return true;
    }

    private static bool AreEqual(ValueNode a, ValueNode b) => (a, b) switch
    {
        (Variable x, Variable y) => x.Name.Text == y.Name.Text,
        (IntValue x, IntValue y) => x.Text == y.Text,
        (FloatValue x, FloatValue y) => x.Text == y.Text,
        (StringValue x, StringValue y) => x.Text == y.Text && x.IsBlock == y.IsBlock,
        (BooleanValue x, BooleanValue y) => x.Value == y.Value,
        (NullValue, NullValue) => true,
        (EnumValue x, EnumValue y) => x.Name == y.Name,
        (ListValue x, ListValue y) => x.Elements.Length == y.Elements.Length && x.Elements.Zip(y.Elements).All(pair => AreEqual(pair.First, pair.Second)),
        (ObjectValue x, ObjectValue y) => x.Fields.Length == y.Fields.Length && Sorted(x).Zip(Sorted(y)).All(pair => pair.First.Name.Text == pair.Second.Name.Text && AreEqual(pair.First.Value, pair.Second.Value)),
        _ => false,
    };

    private static IEnumerable<ObjectField> Sorted(ObjectValue value) => value.Fields.OrderBy(field => field.Name.Text, StringComparer.Ordinal);

    private static bool Conflicts(GraphType a, GraphType b) => (a, b) switch
    {
        _ when ReferenceEquals(a, b) => false,
        (ListType x, ListType y) => Conflicts(x.Element, y.Element),
        (ListType, _) or (_, ListType) => true,
        (NonNullType x, NonNullType y) => Conflicts(x.Nullable, y.Nullable),
        (NonNullType, _) or (_, NonNullType) => true,
        (NamedType { IsLeaf: true }, _) or (_, NamedType { IsLeaf: true }) => true,
        _ => false,
    };

    private Fields Collect(NamedType? parent, SelectionSet set)
    {
        if (collected.TryGetValue((parent, set), out var known))
            return known;
        var fields = collected[(parent, set)] = new Fields([], []);
        Collect(parent, set, fields, []);
        return fields;
    }

    private void Collect(NamedType? parent, SelectionSet set, Fields into, HashSet<FragmentDefinition> seen)
    {
        foreach (var selection in set.Selections)
        {
            switch (selection)
            {
                case Field field:
                    var definition = (parent as FieldsType)?.Find(field.Name.Text);
                    if (!into.ByKey.TryGetValue(field.ResponseKey, out var same))
                        into.ByKey[field.ResponseKey] = same = [];
                    same.Add(new Entry(parent, field, definition, field.Arguments.Length == 0 && field.Selections is null));
                    break;
                case InlineFragment inline:
                    Collect(inline.Condition is { } condition ? schema.Find(condition.Name) : parent, inline.Selections, into, seen);
                    break;
                case FragmentSpread spread when fragments.TryGetValue(spread.Name.Text, out var fragment) && seen.Add(fragment):
                    into.Spreads.Add(fragment);
                    break;
            }
        }
    }

    private void Spend(int cost)
    {
        left -= cost;
        if (left < 0)
            throw new TooComplexException();
    }

    private static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TooComplexException();
    }

    private static void Add(List<Conflict> conflicts, Conflict? conflict)
    {
        if (conflict is not null)
            conflicts.Add(conflict);
    }

    private static string Cut(string text) => text.Length > MaxShown ? text[..MaxShown] + "..." : text;

    /// <summary>A field with the type that it is selected on.</summary>
    private sealed record Entry(NamedType? Parent, Field Node, FieldType? Definition, bool IsPlain);

    /// <summary>The fields of a selection set by response key, and the fragments that it spreads.</summary>
    private sealed class Fields(Dictionary<string, List<Entry>> byKey, List<FragmentDefinition> spreads)
    {
        public Dictionary<string, List<Entry>> ByKey { get; } = byKey;

        public List<FragmentDefinition> Spreads { get; } = spreads;
    }

    /// <summary>Two fields that cannot merge.</summary>
    private sealed record Conflict(string Key, string Reason, int[] First, int[] Second);
}
