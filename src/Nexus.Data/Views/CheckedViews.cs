namespace Nexus.Data.Views;

/// <summary>Views have no tables: they are kept from the engine, and their queries are tried on the migrated database before the generation that declares them is served.</summary>
internal sealed class CheckedViews(ISchemaChanges inner) : ISchemaChanges
{
    public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Tables.All(t => t.View is null))
            return await inner.BeginAsync(request, cancellationToken).ConfigureAwait(false);
        var change = await inner.BeginAsync(request with { Tables = [.. request.Tables.Where(t => t.View is null)] }, cancellationToken).ConfigureAwait(false);
        try
        {
            foreach (var view in request.Tables.Where(t => t.View is not null))
                _ = await ViewColumns.OfAsync(view, change.Database, cancellationToken).ConfigureAwait(false);
            return change;
        }
        catch
        {
            await change.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => inner.DeleteAsync(plugin, documentRoot, cancellationToken);

    public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => inner.MeasureAsync(plugin, documentRoot, cancellationToken);
}
