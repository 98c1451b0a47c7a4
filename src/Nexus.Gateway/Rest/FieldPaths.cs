using System.Globalization;
using System.Text.Json;

namespace Nexus.Gateway.Rest;

/// <summary>Finds fields by dotted path and reads query text as values of their kind.</summary>
internal static class FieldPaths
{
    private static readonly FieldDescriptor[] Platform =
    [
        new() { Name = "revision", Kind = FieldKind.Integer },
        new() { Name = "owner", Kind = FieldKind.Text, Nullable = true },
        new() { Name = "team", Kind = FieldKind.Text, Nullable = true },
        new() { Name = "createdAt", Kind = FieldKind.Instant },
        new() { Name = "updatedAt", Kind = FieldKind.Instant },
    ];

    /// <summary>The field at a path.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>, naming what there is.</exception>
    public static FieldDescriptor Get(ResourceDescriptor resource, string path)
    {
        IEnumerable<FieldDescriptor> level = [new() { Name = "id", Kind = resource.IdKind }, .. Platform, .. resource.Fields];
        FieldDescriptor? found = null;
        foreach (var name in path.Split('.'))
        {
            if (found is { Kind: FieldKind.Map, Element: { } entry })
            {
                found = entry;
            }
            else if (found is { Kind: FieldKind.Json })
            {
                return found;
            }
            else
            {
                found = level.FirstOrDefault(f => f.Name == name && !f.Secret)
                    ?? throw new NexusException(ErrorCodes.FilterInvalid, $"{resource.Name} have no field {path}; there are {string.Join(", ", level.Where(f => !f.Secret).Select(f => f.Name))}.");
            }
            level = found.Kind switch
            {
                FieldKind.Money => [new() { Name = "amount", Kind = FieldKind.Decimal }, new() { Name = "currency", Kind = FieldKind.Text }],
                FieldKind.List => found.Element?.Fields ?? [],
                _ => found.Fields,
            };
        }
        return found!;
    }

    /// <summary>Query text as a JSON scalar of the field's kind.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c> when it is of another kind.</exception>
    public static JsonElement Parse(FieldDescriptor field, string path, string text)
    {
        var kind = field.Kind == FieldKind.List ? field.Element?.Kind ?? FieldKind.Text : field.Kind;
        object? value = kind switch
        {
            FieldKind.Text or FieldKind.Multiline or FieldKind.Choice or FieldKind.Reference or FieldKind.Json => text,
            _ when text == "null" => null,
            FieldKind.Money => text,
            FieldKind.Integer when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            FieldKind.Decimal when decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var exact) => exact,
            FieldKind.Real when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) => real,
            FieldKind.Boolean when bool.TryParse(text, out var yes) => yes,
            FieldKind.Date when DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) => text,
            FieldKind.Time when TimeOnly.TryParse(text, CultureInfo.InvariantCulture, out _) => text,
            FieldKind.Instant when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            FieldKind.Identifier when Guid.TryParse(text, out var id) => id.ToString("D"),
            FieldKind.Duration => text,
            _ => throw new NexusException(ErrorCodes.FilterInvalid, $"{path} is of kind {kind}; \"{text}\" is not."),
        };
        return JsonSerializer.SerializeToElement(value);
    }
}
