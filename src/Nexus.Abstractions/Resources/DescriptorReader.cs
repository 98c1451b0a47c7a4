using System.Collections.Frozen;
using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Nexus;

/// <summary>Turns a CLR record into a <see cref="ResourceDescriptor"/>. Reflects once, in the plugin's own context; DataAnnotations are read as data, because their validator caches plugin types in the host.</summary>
internal sealed partial class DescriptorReader(string plugin)
{
    private const string Allowed = "string, bool, whole numbers up to 64 bits, decimal, double, float, DateOnly, TimeOnly, DateTimeOffset, TimeSpan, Guid, enums, Ref<T>, Money, JsonElement, JsonNode, lists and string-keyed maps of these, and nested records";

    private const int MaxGroupDepth = 8;

    private static readonly FrozenSet<Type> ListTypes = new[]
    {
        typeof(IEnumerable<>), typeof(IReadOnlyCollection<>), typeof(IReadOnlyList<>), typeof(IList<>), typeof(ICollection<>), typeof(List<>),
        typeof(ImmutableArray<>), typeof(ImmutableList<>),
    }.ToFrozenSet();

    private static readonly FrozenSet<Type> MapTypes = new[]
    {
        typeof(IReadOnlyDictionary<,>), typeof(IDictionary<,>), typeof(Dictionary<,>), typeof(ImmutableDictionary<,>), typeof(ImmutableSortedDictionary<,>), typeof(SortedDictionary<,>),
    }.ToFrozenSet();

    private readonly NullabilityInfoContext nullability = new();
    private readonly JsonSerializerOptions options = RecordJson.CreateOptions();

    /// <summary>Names that every record has already.</summary>
    public static FrozenSet<string> PlatformFields { get; } = new[] { "id", "revision", "owner", "team", "createdAt", "updatedAt" }.ToFrozenSet(StringComparer.Ordinal);

    public static bool IsKebabCase(string name) => KebabCase().IsMatch(name);

    /// <summary>Name of a member on the wire.</summary>
    public static string WireName(MemberInfo member) =>
        member.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(member.Name);

    public ResourceDescriptor Read(Type type, string name)
    {
        if (!IsKebabCase(name))
        {
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"Plugin {plugin}: the resource name `{name}` is not kebab-case (a-z, 0-9 and -, starting with a letter).");
        }

        return new()
        {
            Plugin = plugin,
            Name = name,
            Singular = type.Name,
            Description = type.GetCustomAttribute<DescriptionAttribute>()?.Description,
            Fields = ReadFields(type),
        };
    }

    public ImmutableArray<FieldDescriptor> ReadFields(Type type) => ReadFields(type, 0);

    private ImmutableArray<FieldDescriptor> ReadFields(Type type, int depth)
    {
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).FirstOrDefault();
        var parameters = (constructor?.GetParameters() ?? []).ToDictionary(p => p.Name!, StringComparer.OrdinalIgnoreCase);
        var sample = new Lazy<object?>(() => Construct(type, constructor));
        var fields = ImmutableArray.CreateBuilder<FieldDescriptor>();
        foreach (var property in Properties(type))
        {
            var parameter = parameters.GetValueOrDefault(property.Name);
            if ((property.SetMethod is null && parameter is null) || property.GetCustomAttribute<JsonIgnoreAttribute>() is { Condition: JsonIgnoreCondition.Always })
            {
                continue;
            }

            var field = ReadField(type, property, parameter, sample, depth);
            if ((depth == 0 && PlatformFields.Contains(field.Name) && type.IsSubclassOf(typeof(Resource))) || fields.Any(f => f.Name == field.Name))
            {
                throw Refused(property, $"the name `{field.Name}` is taken by the platform or by another property.");
            }

            fields.Add(field);
        }

        return fields.ToImmutable();
    }

    // Inherited declared properties come first, as their author wrote them first; those of Resource are the platform's.
    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.DeclaringType != typeof(Resource) && p.GetIndexParameters().Length == 0 && p.Name != "EqualityContract")
            .OrderBy(p => Depth(p.DeclaringType!)).ThenBy(p => p.MetadataToken);

    private static int Depth(Type type) => type.BaseType is { } parent ? Depth(parent) + 1 : 0;

    private FieldDescriptor ReadField(Type owner, PropertyInfo property, ParameterInfo? parameter, Lazy<object?> sample, int depth)
    {
        var attributes = Attributes(property, parameter);
        T? Find<T>()
            where T : Attribute => attributes.OfType<T>().FirstOrDefault();

        var info = nullability.Create(property);
        bool nullable = info.ReadState == NullabilityState.Nullable && Find<RequiredAttribute>() is null;
        var field = Describe(property, property.PropertyType, info, WireName(property), depth) with
        {
            Nullable = nullable,
            ReadOnly = Find<ReadOnlyFieldAttribute>() is not null,
            Secret = Find<SecretAttribute>() is not null,
            Personal = Find<PersonalAttribute>() is not null,
            Unit = Find<UnitAttribute>()?.Unit,
            Label = Find<DisplayAttribute>()?.Name ?? Find<DisplayNameAttribute>()?.DisplayName,
            Description = Find<DescriptionAttribute>()?.Description ?? Find<DisplayAttribute>()?.Description,
        };
        field = WithLimits(property, field, attributes);
        string? fallback = DefaultOf(property, parameter, Find<DefaultValueAttribute>(), sample, field.ReadOnly);
        bool demanded = Find<RequiredAttribute>() is not null || property.GetCustomAttribute<System.Runtime.CompilerServices.RequiredMemberAttribute>() is not null;
        return field with
        {
            Default = fallback,
            Required = !nullable && !field.ReadOnly && (demanded || fallback is null),
        };
    }

    private static List<Attribute> Attributes(PropertyInfo property, ParameterInfo? parameter)
    {
        // On a positional record an attribute without `property:` lands on the parameter; both places are meant.
        List<Attribute> found = [.. property.GetCustomAttributes(inherit: true).Cast<Attribute>()];
        found.AddRange(parameter?.GetCustomAttributes(inherit: true).Cast<Attribute>() ?? []);
        return found;
    }

    private FieldDescriptor WithLimits(PropertyInfo property, FieldDescriptor field, List<Attribute> attributes)
    {
        foreach (var attribute in attributes)
        {
            field = attribute switch
            {
                StringLengthAttribute length => field with { MaxLength = length.MaximumLength, MinLength = length.MinimumLength > 0 ? length.MinimumLength : field.MinLength },
                MaxLengthAttribute { Length: > 0 } max => field with { MaxLength = max.Length },
                MinLengthAttribute min => field with { MinLength = min.Length },
                LengthAttribute both => field with { MinLength = both.MinimumLength, MaxLength = both.MaximumLength },
                RangeAttribute range => field with { Minimum = ToDecimal(property, range.Minimum), Maximum = ToDecimal(property, range.Maximum) },
                RegularExpressionAttribute pattern => field with { Pattern = CheckPattern(property, pattern.Pattern) },
                AllowedValuesAttribute allowed when field.Kind is FieldKind.Text or FieldKind.Choice =>
                    field with { Kind = FieldKind.Choice, Choices = [.. allowed.Values.Where(v => v is not null).Select(v => Convert.ToString(v, CultureInfo.InvariantCulture)!)] },
                MultilineAttribute when field.Kind == FieldKind.Text => field with { Kind = FieldKind.Multiline },
                _ => field,
            };
        }

        return field;
    }

    private FieldDescriptor Describe(PropertyInfo property, Type type, NullabilityInfo info, string name, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (ScalarKind(type) is { } kind)
        {
            var (minimum, maximum) = IntegerRange(type);
            return new() { Name = name, Kind = kind, Minimum = minimum, Maximum = maximum };
        }

        if (type.IsEnum && type.GetCustomAttribute<FlagsAttribute>() is null)
        {
            return new() { Name = name, Kind = FieldKind.Choice, Choices = [.. type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => f.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? f.Name)] };
        }

        var definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        if (definition == typeof(Ref<>))
        {
            var target = type.GetGenericArguments()[0];
            return new() { Name = name, Kind = FieldKind.Reference, Target = ReferenceTarget(target), TargetType = target.Name };
        }

        if (type.IsArray && type.GetArrayRank() == 1 && type != typeof(byte[]))
        {
            return new() { Name = name, Kind = FieldKind.List, Element = Element(property, type.GetElementType()!, info.ElementType!, depth) };
        }

        if (definition is not null && ListTypes.Contains(definition))
        {
            return new() { Name = name, Kind = FieldKind.List, Element = Element(property, type.GetGenericArguments()[0], info.GenericTypeArguments[0], depth) };
        }

        if (definition is not null && MapTypes.Contains(definition) && type.GetGenericArguments()[0] == typeof(string))
        {
            return new() { Name = name, Kind = FieldKind.Map, Element = Element(property, type.GetGenericArguments()[1], info.GenericTypeArguments[1], depth) };
        }

        if (IsGroup(type))
        {
            return depth >= MaxGroupDepth
                ? throw Refused(property, $"groups are nested more than {MaxGroupDepth} deep or contain themselves; use Ref<T> for a link between records.")
                : new() { Name = name, Kind = FieldKind.Group, Fields = ReadFields(type, depth + 1) };
        }

        throw Refused(property, $"{type.Name} is not a type of field. Allowed are {Allowed}.");
    }

    private FieldDescriptor Element(PropertyInfo property, Type type, NullabilityInfo info, int depth) =>
        Describe(property, type, info, "element", depth + 1) with { Nullable = info.ReadState == NullabilityState.Nullable };

    // System and collection types other than those above are refused instead of being taken apart by their properties.
    private static bool IsGroup(Type type) =>
        (type.IsClass || type.IsValueType) && !type.IsAbstract && !type.IsPrimitive && !type.IsPointer && !typeof(Delegate).IsAssignableFrom(type)
        && !typeof(System.Collections.IEnumerable).IsAssignableFrom(type) && !type.IsSubclassOf(typeof(Resource))
        && type.Namespace?.StartsWith("System", StringComparison.Ordinal) != true && type != typeof(object) && !type.IsGenericTypeDefinition && !type.IsEnum;

    // The other resource may be declared later: until AddResource sees it, its type's name stands in.
    private static string ReferenceTarget(Type target) => target.GetCustomAttribute<ResourceNameAttribute>()?.Name ?? target.FullName!;

    private static FieldKind? ScalarKind(Type type) =>
        type == typeof(string) ? FieldKind.Text
        : type == typeof(bool) ? FieldKind.Boolean
        : type == typeof(long) || IntegerRange(type).Minimum is not null ? FieldKind.Integer
        : type == typeof(decimal) ? FieldKind.Decimal
        : type == typeof(double) || type == typeof(float) ? FieldKind.Real
        : type == typeof(DateOnly) ? FieldKind.Date
        : type == typeof(TimeOnly) ? FieldKind.Time
        : type == typeof(DateTimeOffset) ? FieldKind.Instant
        : type == typeof(TimeSpan) ? FieldKind.Duration
        : type == typeof(Guid) ? FieldKind.Identifier
        : type == typeof(Money) ? FieldKind.Money
        : type == typeof(JsonElement) || typeof(JsonNode).IsAssignableFrom(type) ? FieldKind.Json
        : null;

    private static (decimal? Minimum, decimal? Maximum) IntegerRange(Type type) =>
        type == typeof(int) ? (int.MinValue, int.MaxValue)
        : type == typeof(short) ? (short.MinValue, short.MaxValue)
        : type == typeof(ushort) ? (ushort.MinValue, ushort.MaxValue)
        : type == typeof(uint) ? (uint.MinValue, uint.MaxValue)
        : type == typeof(byte) ? (byte.MinValue, byte.MaxValue)
        : type == typeof(sbyte) ? (sbyte.MinValue, sbyte.MaxValue)
        : (null, null);

    private static object? Construct(Type type, ConstructorInfo? constructor)
    {
        try
        {
            if (constructor is null)
            {
                return type.IsValueType ? Activator.CreateInstance(type) : null;
            }

            var arguments = constructor.GetParameters().Select(p => p.HasDefaultValue ? p.DefaultValue : p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null);
            return constructor.Invoke([.. arguments]);
        }
        catch (TargetInvocationException)
        {
            // A constructor that checks its arguments has no sample; its other properties then have the defaults of their types.
            return null;
        }
    }

    private string? DefaultOf(PropertyInfo property, ParameterInfo? parameter, DefaultValueAttribute? attribute, Lazy<object?> sample, bool readOnly)
    {
        var type = property.PropertyType;
        object? value;
        if (attribute is not null)
        {
            value = attribute.Value is { } given && !(Nullable.GetUnderlyingType(type) ?? type).IsInstanceOfType(given)
                ? ConvertDefault(property, given, Nullable.GetUnderlyingType(type) ?? type)
                : attribute.Value;
        }
        else if (parameter is not null)
        {
            // No caller can give a read-only field its first value, so it starts with that of its type.
            if (!parameter.HasDefaultValue && !readOnly)
            {
                return null;
            }

            value = (parameter.HasDefaultValue ? parameter.DefaultValue : null) ?? (type.IsValueType ? Activator.CreateInstance(type) : null);
        }
        else
        {
            value = sample.Value is { } made ? property.GetValue(made) : type.IsValueType ? Activator.CreateInstance(type) : null;
        }

        // A reference to nothing, an uninitialised list and JSON without a value are no defaults.
        bool absent = value is null or JsonElement { ValueKind: JsonValueKind.Undefined } or Money { Currency: null }
            || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Ref<>))
            || (value is System.Collections.IEnumerable && type.IsValueType && value.Equals(Activator.CreateInstance(type)));
        return absent ? null : JsonSerializer.Serialize(value, type, options);
    }

    private object ConvertDefault(PropertyInfo property, object value, Type target)
    {
        try
        {
            return target.IsEnum ? Enum.Parse(target, value.ToString()!)
                : value is string text && JsonSerializer.Deserialize(JsonSerializer.Serialize(text, options), target, options) is { } parsed ? parsed
                : Convert.ChangeType(value, target, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidCastException or OverflowException or ArgumentException)
        {
            throw Refused(property, $"its DefaultValue `{value}` is not a {target.Name}.");
        }
    }

    private decimal ToDecimal(PropertyInfo property, object limit)
    {
        try
        {
            return limit is double number
                ? number >= (double)decimal.MaxValue ? decimal.MaxValue : number <= (double)decimal.MinValue ? decimal.MinValue : (decimal)number
                : Convert.ToDecimal(limit, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
        {
            throw Refused(property, $"the limit `{limit}` of its Range is not a number.");
        }
    }

    private string CheckPattern(PropertyInfo property, string pattern)
    {
        try
        {
            _ = new Regex(pattern);
            return pattern;
        }
        catch (ArgumentException e)
        {
            throw Refused(property, $"its pattern `{pattern}` is not a regular expression: {e.Message}");
        }
    }

    private NexusException Refused(PropertyInfo property, string reason) =>
        new(ErrorCodes.PluginLoadFailed, $"Plugin {plugin}, {property.DeclaringType!.Name}.{property.Name}: {reason}");

    [GeneratedRegex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", RegexOptions.CultureInvariant)]
    private static partial Regex KebabCase();
}
