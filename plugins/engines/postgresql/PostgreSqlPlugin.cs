using Nexus.Engines.PostgreSql.Connections;

namespace Nexus.Engines.PostgreSql;

/// <summary>The storage engine <c>postgresql</c>. The host loads it before there is a storage and opens it when <c>database.type</c> names it; otherwise it does nothing.</summary>
public sealed class PostgreSqlPlugin : IPlugin, IStorageEngine, IStorageReset, ICheckHealth
{
    private volatile StorageSet? _opened;

    /// <inheritdoc/>
    public string Name => "postgresql";

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        // The engine was opened before plugins start; it declares nothing that is swapped.
    }

    /// <inheritdoc/>
    public async ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var set = await PostgreSqlStorage.OpenAsync(DatabaseSettings.Read(options), options, cancellationToken);
        // Of several databases the first is the platform's own, by which the plugin stands or falls.
        _opened ??= set;
        return set;
    }

    /// <inheritdoc/>
    public async ValueTask ResetAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        await Schema.DatabaseReset.RunAsync(DatabaseSettings.Read(options), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) =>
        _opened is { } set ? await set.CheckHealth(cancellationToken) : PluginHealth.Healthy;
}
