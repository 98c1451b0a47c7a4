using System.Collections.Immutable;
using Nexus.Data.Units;

namespace Nexus.Data.Registration;

/// <summary>A plugin's database of the tenant of the current call.</summary>
internal sealed class TenantDatabase(ISqlDatabases databases, string plugin) : ISqlDatabase
{
    public string Dialect => Current.Dialect;

    private UnitDatabase Current => new(databases.Get(plugin, CallContext.Current.Tenant), plugin);

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
        Current.QueryAsync(sql, parameters, cancellationToken);

    public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default) =>
        Current.WriteAsync(work, cancellationToken);
}

/// <summary>A plugin's blobs of the tenant of the current call.</summary>
internal sealed class TenantBlobs(IBlobStore store, string plugin) : IBlobs
{
    private IBlobs Current => store.Get(plugin, CallContext.Current.Tenant);

    public ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default) => Current.PutAsync(content, cancellationToken);

    public ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default) => Current.OpenAsync(sha256, cancellationToken);

    public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default) => Current.DeleteAsync(sha256, cancellationToken);
}
