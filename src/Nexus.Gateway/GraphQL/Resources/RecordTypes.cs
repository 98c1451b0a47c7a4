using System.Text.Json;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Types of fields, drawn from descriptors: one line a kind.</summary>
internal sealed class RecordTypes
{
    private readonly Dictionary<string, EnumType> enums = new(StringComparer.Ordinal);
    private readonly Dictionary<string, InputType> inputs = new(StringComparer.Ordinal);
    private readonly HashSet<string> hidden;

    /// <summary>Types that leave out fields of some names.</summary>
    public RecordTypes(IEnumerable<string> hiddenFields) => hidden = hiddenFields.ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>An exact amount with its currency.</summary>
    public static ObjectType Money { get; } = CreateMoney();

    /// <summary>The same as input.</summary>
    public static InputType MoneyInput { get; } = CreateMoneyInput();

    /// <summary>Whether a field is returned.</summary>
    public bool IsShown(FieldDescriptor field) => !field.Secret && !hidden.Contains(field.Name);

    /// <summary>The type of what a field returns; null is always possible, because records stay as they were written.</summary>
    public GraphType Output(FieldDescriptor field, string owner) => field.Kind switch
    {
        FieldKind.Text or FieldKind.Multiline => Scalars.String,
        FieldKind.Integer => FieldScalars.Long,
        FieldKind.Decimal => FieldScalars.Decimal,
        FieldKind.Real => Scalars.Float,
        FieldKind.Boolean => Scalars.Boolean,
        FieldKind.Date => FieldScalars.Date,
        FieldKind.Time => FieldScalars.Time,
        FieldKind.Instant => FieldScalars.DateTime,
        FieldKind.Duration => FieldScalars.Duration,
        FieldKind.Choice => Words(field, owner),
        FieldKind.Identifier => FieldScalars.Uuid,
        FieldKind.Reference => Scalars.Id,
        FieldKind.Money => Money,
        FieldKind.List when field.Element is { } element => Output(element, owner + GraphNames.Pascal(field.Name)).List,
        FieldKind.Group => Group(field, owner + GraphNames.Pascal(field.Name)),
        _ => FieldScalars.Any,
    };

    /// <summary>The type of what a caller sends for a field.</summary>
    public GraphType Input(FieldDescriptor field, string owner) => field.Kind switch
    {
        FieldKind.Money => MoneyInput,
        FieldKind.List when field.Element is { } element => Input(element, owner + GraphNames.Pascal(field.Name)).NonNull.List,
        FieldKind.Group => GroupInput(field, owner + GraphNames.Pascal(field.Name) + "Input"),
        _ => Output(field, owner),
    };

    /// <summary>An input object of fields.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="owner">Prefix of the names of types inside.</param>
    /// <param name="partial">Every field may be left out.</param>
    /// <param name="description">Text for people.</param>
    public InputType Object(string name, IEnumerable<FieldDescriptor> fields, string owner, bool partial, string? description = null)
    {
        if (inputs.TryGetValue(name, out var known))
            return known;
        var type = inputs[name] = new InputType(name, description);
        foreach (var field in fields.Where(field => !field.ReadOnly))
        {
            var inner = Input(field, owner);
            type.TryAdd(new InputField(GraphNames.Value(field), field.Required && !partial && field.Default is null ? inner.NonNull : inner) { Description = Describe(field) });
        }
        return type;
    }

    /// <summary>Adds the fields of a record or group to its type.</summary>
    public void AddFields(ObjectType type, IEnumerable<FieldDescriptor> fields)
    {
        foreach (var field in fields.Where(IsShown))
        {
            var (wire, kind) = (field.Name, field);
            type.TryAdd(new FieldType(GraphNames.Value(field), Output(field, type.Name))
            {
                Description = Describe(field),
                Resolve = field.Kind == FieldKind.List ? (source, _, _) => Elements(kind, Record.Read(source, wire)) : (source, _, _) => Record.Read(source, wire),
            });
        }
    }

    /// <summary>What people are told of a field.</summary>
    public static string? Describe(FieldDescriptor field) => field.Unit is null ? field.Description : $"{field.Description} Unit: {field.Unit}.".TrimStart();

    private static object?[]? Elements(FieldDescriptor field, object? value)
    {
        if (value is not JsonElement { ValueKind: JsonValueKind.Array } list)
            return null;
        var inner = field.Element is { Kind: FieldKind.List } nested ? nested : null;
        return [.. list.EnumerateArray().Select(element => inner is not null ? Elements(inner, element) : element.ValueKind == JsonValueKind.Null ? null : (object)element)];
    }

    private GraphType Words(FieldDescriptor field, string owner)
    {
        var name = owner + GraphNames.Pascal(field.Name);
        if (enums.TryGetValue(name, out var known))
            return known;
        var members = field.Choices.Select(word => new EnumMember(GraphNames.Word(word), word)).ToList();
        // Two words that GraphQL cannot tell apart, or none: the field stays a text.
        if (members.Count == 0 || members.DistinctBy(member => member.Name).Count() < members.Count)
            return Scalars.String;
        return enums[name] = new EnumType(name, members, Describe(field));
    }

    private ObjectType Group(FieldDescriptor field, string name)
    {
        var type = new ObjectType(name, Describe(field));
        AddFields(type, field.Fields);
        if (type.Fields.Count == 0)
            type.TryAdd(new FieldType("json", FieldScalars.Any) { Resolve = static (source, _, _) => source });
        return type;
    }

    private InputType GroupInput(FieldDescriptor field, string name) => Object(name, field.Fields, name[..^"Input".Length], partial: false, Describe(field));

    private static ObjectType CreateMoney()
    {
        var type = new ObjectType("Money", "An exact amount with its currency.");
        type.TryAdd(new FieldType("amount", FieldScalars.Decimal) { Description = "The amount as text, without loss.", Resolve = static (source, _, _) => Record.Read(source, "amount") });
        type.TryAdd(new FieldType("currency", Scalars.String) { Description = "ISO 4217 code, or that of another commodity.", Resolve = static (source, _, _) => Record.Read(source, "currency") });
        return type;
    }

    private static InputType CreateMoneyInput()
    {
        var type = new InputType("MoneyInput", "An exact amount with its currency.");
        type.TryAdd(new InputField("amount", FieldScalars.Decimal.NonNull) { Description = "The amount as text, without loss." });
        type.TryAdd(new InputField("currency", Scalars.String.NonNull) { Description = "ISO 4217 code, or that of another commodity." });
        return type;
    }
}
