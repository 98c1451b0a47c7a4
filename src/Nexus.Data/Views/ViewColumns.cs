using System.Collections.Frozen;
using System.Runtime.CompilerServices;

namespace Nexus.Data.Views;

/// <summary>How the values of a column are held against others.</summary>
internal enum ColumnForm
{
    Text,
    Whole,
    Real,
    Decimal,
    Flag,
    Instant,

    /// <summary>JSON text, which is returned and never compared.</summary>
    Json,
}

/// <summary>A column of a view's query.</summary>
/// <param name="Name">Its name; null for a constant of every row.</param>
/// <param name="Form">What it holds.</param>
/// <param name="MayBeNull">Whether it holds nulls.</param>
internal sealed record ViewColumn(string? Name, ColumnForm Form, bool MayBeNull);

/// <summary>Which columns a view's query has, and what they are to filters and sorts.</summary>
internal sealed class ViewColumns
{
    // Keyed weakly, as everything is that is made of a descriptor. Two that ask at once find the same.
    private static readonly ConditionalWeakTable<ResourceDescriptor, ViewColumns> Known = [];

    private readonly ResourceDescriptor _resource;
    private readonly FrozenSet<string> _present;

    private ViewColumns(ResourceDescriptor resource, FrozenSet<string> present)
    {
        (_resource, _present) = (resource, present);
        var missing = resource.Fields.SelectMany(Columns).Concat(resource.View!.Key.IsEmpty ? ["id"] : []).Concat(resource.View.IsOwned ? ["owner"] : []).Where(c => !present.Contains(c)).ToList();
        if (missing.Count > 0)
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"View {resource.Name} of plugin {resource.Plugin}: its query has no column {string.Join(", ", missing)}; it has {string.Join(", ", present.Order(StringComparer.Ordinal))}. A field `bookedOn` is the column `booked_on`; name it so by AS.");
        Key = resource.View.Key.IsEmpty ? [new ViewColumn("id", ColumnForm.Text, false)] : [.. resource.View.Key.Select(k => Of(resource.Fields.First(f => f.Name == k)) with { MayBeNull = false })];
    }

    /// <summary>The columns that name a row.</summary>
    public ViewColumn[] Key { get; }

    /// <summary>Columns of all rows of a view, asked of its database when they are not known yet.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c>: the query does not run, or lacks the column of a field.</exception>
    public static async ValueTask<ViewColumns> OfAsync(ResourceDescriptor resource, ISqlDatabase database, CancellationToken cancellationToken)
    {
        if (Known.TryGetValue(resource, out var known))
            return known;
        // Without rows an engine tells no columns, so there is one of nulls.
        var sql = $"SELECT v.* FROM (SELECT 1 AS one) AS x LEFT JOIN (SELECT * FROM ({resource.View!.SqlIn(database.Dialect)}\n) AS w LIMIT 0) AS v ON TRUE";
        try
        {
            var row = (await database.QueryAsync(sql, null, cancellationToken).ConfigureAwait(false))[0];
            return Known.GetValue(resource, r => new ViewColumns(r, row.Columns.ToFrozenSet(StringComparer.OrdinalIgnoreCase)));
        }
        catch (Exception e) when (e is InvalidOperationException or NexusException { Code: ErrorCodes.PluginPermissionDenied or ErrorCodes.BadRequest })
        {
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"View {resource.Name} of plugin {resource.Plugin}: its query does not run on {database.Dialect}: {e.Message}", e);
        }
    }

    /// <summary>Columns of a field, as a row has them.</summary>
    public static string[] Columns(FieldDescriptor field) =>
        ViewDescriptor.ColumnOf(field.Name) is var column && field.Kind == FieldKind.Money ? [column, column + "_currency"] : [column];

    /// <summary>Whether the query has one of the platform's own columns; what it calls owner or team is none where rows are nobody's.</summary>
    public bool Has(string column) => _present.Contains(column) && (column is not ("owner" or "team") || _resource.View!.IsOwned);

    /// <summary>The column at a path of a filter or sort.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: there is none, or its values have no order and no equality in SQL.</exception>
    public ViewColumn Find(string path)
    {
        var column = path switch
        {
            "id" => Key[0],
            "revision" => new(Own("revision"), ColumnForm.Whole, false),
            "owner" => new(Own("owner"), ColumnForm.Text, true),
            "team" => new(Own("team"), ColumnForm.Text, true),
            "createdAt" when Has("created_at") => new("created_at", ColumnForm.Instant, true),
            "updatedAt" when Has("updated_at") || Has("created_at") => new(Has("updated_at") ? "updated_at" : "created_at", ColumnForm.Instant, true),
            _ => Declared(path),
        };
        return column is { Form: not ColumnForm.Json } ? column : throw new NexusException(ErrorCodes.FilterInvalid, $"`{path}` of {_resource.Name} cannot be compared: it is no column of the view{(column is null ? "" : ", but a part of one")}. Ask for the rows without it.");
    }

    /// <summary>The values of a key by the text of an id; null when no row can have it.</summary>
    public object[]? Split(string id)
    {
        var parts = Key.Length == 1 ? [id] : ViewFilter.Storable(id).Split('~', Key.Length);
        if (parts.Length < Key.Length)
            return null;
        var values = new object[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (Key[i].Form != ColumnForm.Whole)
                values[i] = parts[i];
            else if (long.TryParse(parts[i], System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number))
                values[i] = number;
            else
                return null;
        }

        return values;
    }

    private string? Own(string column) => Has(column) ? column : null;

    private ViewColumn? Declared(string path)
    {
        if (_resource.Fields.FirstOrDefault(f => f.Name == path) is { } field)
            return Of(field);
        var dot = path.LastIndexOf('.');
        if (dot < 0 || _resource.Fields.FirstOrDefault(f => f.Name == path[..dot]) is not { } whole)
            return null;
        var column = ViewDescriptor.ColumnOf(whole.Name);
        return (whole.Kind, path[(dot + 1)..]) switch
        {
            (FieldKind.Money, "amount") => new(column, ColumnForm.Decimal, whole.Nullable),
            (FieldKind.Money, "currency") => new(column + "_currency", ColumnForm.Text, whole.Nullable),
            _ => new(column, ColumnForm.Json, whole.Nullable),
        };
    }

    private static ViewColumn Of(FieldDescriptor field) => new(ViewDescriptor.ColumnOf(field.Name), field.Kind switch
    {
        FieldKind.Integer => ColumnForm.Whole,
        FieldKind.Real => ColumnForm.Real,
        FieldKind.Decimal or FieldKind.Money => ColumnForm.Decimal,
        FieldKind.Boolean => ColumnForm.Flag,
        FieldKind.Instant => ColumnForm.Instant,
        FieldKind.List or FieldKind.Map or FieldKind.Group or FieldKind.Json => ColumnForm.Json,
        _ => ColumnForm.Text,
    }, field.Nullable);
}
