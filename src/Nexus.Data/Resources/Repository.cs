using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Data.Resources;

/// <summary>The plugin whose code a repository serves, and the pipeline. No type of the plugin is in it.</summary>
internal sealed record RepositoryScope(IResourceOperations Operations, ActivePlugin Plugin);

/// <summary>Typed records over the one pipeline.</summary>
internal sealed class Repository<T> : IRepository<T>
    where T : Resource
{
    private readonly RepositoryScope scope;
    private readonly RecordCodec<T> codec;
    private readonly ResourceDescriptor resource;

    public Repository(RepositoryScope scope, IServiceProvider services)
    {
        this.scope = scope;
        codec = services.GetService<RecordCodec<T>>()
            ?? throw new NexusException(ErrorCodes.PluginLoadFailed, $"Plugin {scope.Plugin.Manifest.Name} asks for the repository of {typeof(T).Name} without declaring it; call AddResource<{typeof(T).Name}>(…) in Configure.");
        resource = services.GetServices<Contribution>().OfType<ResourceContribution>().Select(c => c.Descriptor).First(d => d.Name == codec.Resource);
    }

    private ResourceCall Call => new(scope.Plugin, resource, CallContext.Current);

    public async ValueTask<T?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        await scope.Operations.FindAsync(Call, id.ToString("D"), cancellationToken).ConfigureAwait(false) is { } record ? codec.Read(record.Json) : null;

    public async ValueTask<ResourcePage<T>> ListAsync(ResourceQuery query, CancellationToken cancellationToken = default)
    {
        var page = await scope.Operations.ListAsync(Call, query, cancellationToken).ConfigureAwait(false);
        return new([.. page.Records.Select(r => codec.Read(r.Json))], page.NextCursor, page.Total);
    }

    public async ValueTask<T> CreateAsync(T record, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        string? id = record.Id == Guid.Empty ? null : record.Id.ToString("D");
        var result = await ChangeAsync(new() { Kind = ChangeKind.Create, Id = id, Body = codec.Write(record) }, cancellationToken).ConfigureAwait(false);
        return codec.Read(result.Record!.Json);
    }

    public async ValueTask<T> UpdateAsync(T record, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        var change = new ResourceChange
        {
            Kind = ChangeKind.Replace,
            Id = record.Id.ToString("D"),
            Body = codec.Write(record),
            ExpectedRevision = record.Revision == 0 ? null : record.Revision,
        };
        return codec.Read((await ChangeAsync(change, cancellationToken).ConfigureAwait(false)).Record!.Json);
    }

    public async ValueTask<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default)
    {
        var results = await scope.Operations.ChangeAsync(Call, [new() { Kind = ChangeKind.Delete, Id = id.ToString("D") }], atomic: false, cancellationToken).ConfigureAwait(false);
        return results[0].Error switch
        {
            null => true,
            { Code: ErrorCodes.ResourceNotFound } => false,
            var error => throw error,
        };
    }

    private async ValueTask<ChangeResult> ChangeAsync(ResourceChange change, CancellationToken cancellationToken)
    {
        var results = await scope.Operations.ChangeAsync(Call, [change], atomic: false, cancellationToken).ConfigureAwait(false);
        return results[0].Error is { } error ? throw error : results[0];
    }
}

/// <summary>Gives each plugin its repositories. The pipeline is resolved when the first plugin comes, which is after the storage was opened.</summary>
internal sealed class RepositoryPorts(IServiceProvider host) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var plugin = new ActivePlugin { Manifest = context.Manifest, Generation = context.Generation, Lease = new HeldGeneration(context.Lease) };
        services.AddSingleton(new RepositoryScope(host.GetRequiredService<IResourceOperations>(), plugin));
        services.AddSingleton(typeof(IRepository<>), typeof(Repository<>));
    }
}

/// <summary>The lease as the plugin's own code sees it: whoever uses a repository runs in the generation already, also before it is published and while it drains.</summary>
internal sealed class HeldGeneration(IGeneration inner) : IGeneration
{
    public IServiceProvider Services => inner.Services;

    public CancellationToken Stopping => CancellationToken.None;

    public bool TryEnter() => true;

    public void Exit()
    {
    }
}
