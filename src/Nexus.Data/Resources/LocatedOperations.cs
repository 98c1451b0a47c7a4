using System.Collections.Immutable;

namespace Nexus.Data.Resources;

/// <summary>The pipeline, whose failures say from which resource or tool of which plugin they come.</summary>
internal sealed class LocatedOperations(ResourceOperations operations) : IResourceOperations
{
    public ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken) =>
        LocateAsync(call.Plugin, call.Resource.Table, operations.FindAsync(call, id, cancellationToken));

    public ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken) =>
        LocateAsync(call.Plugin, call.Resource.Table, operations.ListAsync(call, query, cancellationToken));

    public ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken) =>
        LocateAsync(plugin, tool.Name, operations.RunAsync(plugin, tool, context, input, cancellationToken));

    public async ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken)
    {
        var results = await LocateAsync(call.Plugin, call.Resource.Table, operations.ChangeAsync(call, changes, atomic, cancellationToken)).ConfigureAwait(false);
        foreach (var result in results)
        {
            if (result.Error is { } error)
            {
                FailureOrigin.Keep(error, FailureOrigin.Of(call.Plugin, call.Resource.Table));
            }
        }

        return results;
    }

    /// <summary>Work that is done already pays nothing.</summary>
    public static ValueTask<T> LocateAsync<T>(ActivePlugin plugin, string component, ValueTask<T> work) =>
        work.IsCompletedSuccessfully ? work : AwaitAsync(plugin, component, work);

    private static async ValueTask<T> AwaitAsync<T>(ActivePlugin plugin, string component, ValueTask<T> work)
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (Exception exception) when (Keeps(exception, plugin, component))
        {
            throw;
        }
    }

    // In the filter, so that the exception is not thrown anew on its way.
    private static bool Keeps(Exception exception, ActivePlugin plugin, string component)
    {
        FailureOrigin.Keep(exception, FailureOrigin.Of(plugin, component));
        return false;
    }
}
