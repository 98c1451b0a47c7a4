using System.Collections.Immutable;
using Nexus.Data.Blobs;
using Nexus.Data.Records;
using Nexus.Data.Sql;
using Nexus.Data.Tenants;

namespace Nexus.Data.Sqlite;

/// <summary>The default engine: one folder, nothing to install. <c>nexus.db</c> for records and events, <c>sql/</c> for plugins' own databases, <c>blobs/</c> for blobs.</summary>
internal sealed class SqliteStorage(TimeProvider time, Func<bool>? protects = null) : IStorageEngine
{
    public string Name => "sqlite";

    public async ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var folderLock = FolderLock.Take(options.Directory);
        MainFile? main = null;
        try
        {
            var limit = PoolLimit.Of(options.Settings);
            main = MainFile.Open(Path.Combine(options.Directory, "nexus.db"), time, limit);
            var file = main;
            var records = new SqliteRecords(file);
            var sql = new SqlFiles(Path.Combine(options.Directory, "sql"), durable: true, new MainPart(messages => RelayAsync(file, messages), records.CompleteAsync), limit);
            await sql.OpenExistingAsync();
            var own = new FileBlobs(Path.Combine(options.Directory, "blobs"), new SqliteBlobReferences(file));
            own.RemoveUnfinished();
            var blobs = options.Blobs ?? own;
            return new StorageSet(records, new SqliteEvents(file, time), sql, blobs, new Changes(file, sql, blobs, protects))
            {
                Tasks = new SqliteTasks(file, time),
                Search = new SqliteSearch(file),
                Maintenance = new SqliteMaintenance(file),
                Tenants = new TenantStore(new SqliteTenantRows(file), sql, blobs),
                FormerBlobs = options.Blobs is null ? null : own,
                Close = () =>
                {
                    sql.Close();
                    file.Dispose();
                    folderLock.Dispose();
                    return ValueTask.CompletedTask;
                },
                Audit = file.Audit,
                Pools = () => [file.Pool, .. sql.Pools],
                CheckHealth = _ => CheckAsync(file),
            };
        }
        catch
        {
            main?.Dispose();
            folderLock.Dispose();
            throw;
        }
    }

    private static Task<bool> RelayAsync(MainFile file, ImmutableArray<EventMessage> messages) => file.Writer.RunAsync(connection =>
    {
        foreach (var message in messages)
            file.Events.Append(connection, message, ignoreKnown: true);
        return true;
    });

    private static async ValueTask<PluginHealth> CheckAsync(MainFile file)
    {
        try
        {
            file.Read(0, static (connection, _) => connection.Scalar("SELECT value FROM nexus_meta WHERE name='sequence'"));
        }
        catch (NexusException e)
        {
            return new PluginHealth(HealthLevel.Unhealthy, e.Message);
        }

        try
        {
            // The disk took nothing the last time. Nobody else may write meanwhile, so the check tries.
            if (file.Writer.Fault is not null)
                await file.Writer.RunAsync(static connection => connection.Scalar("UPDATE nexus_meta SET value=value WHERE name='sequence' RETURNING value"));
            return PluginHealth.Healthy;
        }
        catch (NexusException e)
        {
            return new PluginHealth(HealthLevel.Degraded, $"What is stored can be read. {e.Message}");
        }
    }

    private sealed class Changes(MainFile file, SqlFiles sql, IBlobStore blobs, Func<bool>? protects) : ISchemaChanges
    {
        public ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(request);
            return TableChange.BeginAsync(file, sql, protects?.Invoke() == true ? ProtectedFields.Stored(request) : request);
        }

        public async ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
        {
            await PluginPart.DeleteAsync(file, plugin, documentRoot);
            await blobs.DeleteAllAsync(plugin, null, cancellationToken);
            sql.Delete(plugin);
        }

        public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) =>
            ValueTask.FromResult(file.Read((plugin, documentRoot, cancellationToken), static (connection, state) => PluginPart.Measure(connection, state.plugin, state.documentRoot, state.cancellationToken)) + sql.Measure(plugin));
    }
}
