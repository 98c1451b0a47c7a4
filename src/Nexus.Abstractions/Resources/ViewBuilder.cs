using System.Linq.Expressions;

namespace Nexus;

/// <summary>Declares what a view has beside its fields. Not thread-safe; used within <see cref="IPlugin.Configure"/> only.</summary>
/// <typeparam name="T">The record type.</typeparam>
public sealed class ViewBuilder<T>
    where T : Resource
{
    internal ViewBuilder(ResourceDescriptor descriptor) => Descriptor = descriptor;

    internal ResourceDescriptor Descriptor { get; private set; }

    /// <summary>Says in one sentence what the records are.</summary>
    public ViewBuilder<T> Describe(string description)
    {
        Descriptor = Descriptor with { Description = description };
        return this;
    }

    /// <summary>Gives the SELECT of one dialect, where it cannot be the same text everywhere.</summary>
    /// <param name="dialect"><see cref="ISqlDatabase.Dialect"/>: <c>sqlite</c> or <c>postgresql</c>.</param>
    /// <param name="sql">One SELECT without parameters.</param>
    public ViewBuilder<T> In(string dialect, string sql)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        Descriptor = Descriptor with { View = Descriptor.View! with { Dialects = Descriptor.View.Dialects.SetItem(dialect, sql) } };
        return this;
    }

    /// <summary>Names the fields that together name a row, in the order of the table's own key, where it has no column <c>id</c>: the id is their values with <c>~</c> between.</summary>
    /// <param name="fields">Texts, dates, references or whole numbers, never null; of the texts only the last may hold a <c>~</c>.</param>
    public ViewBuilder<T> Key(params Expression<Func<T, object?>>[] fields)
    {
        Descriptor = Descriptor with { View = Descriptor.View! with { Key = [.. fields.Select(PathOf)] } };
        return this;
    }

    /// <summary>Says that the rows have owners, whose ids are in a column <c>owner</c>, and perhaps teams in <c>team</c>: who may read its own records or those of its teams sees these.</summary>
    public ViewBuilder<T> Owned()
    {
        Descriptor = Descriptor with { View = Descriptor.View! with { IsOwned = true } };
        return this;
    }

    private string PathOf(Expression<Func<T, object?>> field)
    {
        var path = FilterTranslator.PathOf(field.Body);
        var kind = Descriptor.Fields.FirstOrDefault(f => f.Name == path)?.Kind;
        return kind is FieldKind.Text or FieldKind.Choice or FieldKind.Date or FieldKind.Identifier or FieldKind.Reference or FieldKind.Integer
            ? path!
            : throw new NexusException(ErrorCodes.PluginLoadFailed, $"View {Descriptor.Name} of plugin {Descriptor.Plugin}: `{field}` cannot be part of a key; that takes a field of text, a date, a reference or a whole number.");
    }
}

/// <summary>Declares views.</summary>
public static class ViewBuilderExtensions
{
    /// <summary>Declares a resource that is only read: its records are the rows of a query of the plugin's own <see cref="ISqlDatabase"/>. Lists, filters, GraphQL and gRPC types, console pages, commands and tools that read follow from it, and the permission <c>{plugin}.{name}:read</c>.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">Plural kebab-case name, such as <c>accounts</c>; a path segment.</param>
    /// <param name="sql">
    /// One SELECT without parameters. A field <c>bookedOn</c> is its column <c>booked_on</c>; money <c>total</c> is <c>total</c>, the amount, and <c>total_currency</c>; lists, maps, groups and JSON are JSON text; an instant is RFC 3339 text or the engine's own type.
    /// <c>id</c> is demanded, a text that no two rows of a tenant share (or <see cref="ViewBuilder{T}.Key"/>). <c>revision</c>, <c>created_at</c> and <c>updated_at</c> are taken where they are there; without a time of creation it is that of the UUIDv7 that the id begins with.
    /// Rows are nobody's, so that only the scope <c>all</c> sees them, unless they are <see cref="ViewBuilder{T}.Owned"/>.
    /// </param>
    /// <param name="declare">Description, key, owners, and the SELECT of other dialects.</param>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c>, naming the property that has no field kind and what is allowed.</exception>
    public static IPluginBuilder AddView<T>(this IPluginBuilder plugin, string name, string sql, Action<ViewBuilder<T>>? declare = null)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        var read = new DescriptorReader(plugin.Id).Read(typeof(T), name);
        var builder = new ViewBuilder<T>(read with { View = new() { Sql = sql }, Fields = [.. read.Fields.Select(f => f with { ReadOnly = true, Required = false, Default = null })] });
        declare?.Invoke(builder);
        return ResourceBuilderExtensions.Declare<T>(plugin, builder.Descriptor);
    }
}
