using System.Collections.Concurrent;
using System.Collections.Immutable;
using Nexus.Data.Blobs;
using Nexus.Data.Events;
using Nexus.Data.Records;
using Nexus.Data.Sql;
using Nexus.Data.Tenants;

namespace Nexus.Data.Memory;

/// <summary>The engine of tests and trials: everything is gone at the end. Plugins' own databases and blobs are files in a private temporary folder, without fsync, since their semantics are SQLite's and the file system's.</summary>
internal sealed class MemoryStorage(TimeProvider time, Func<bool>? protects = null) : IStorageEngine
{
    public string Name => "memory";

    public ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var folder = Directory.CreateTempSubdirectory("nexus-memory-").FullName;
        var signal = new CommitSignal();
        var events = new MemoryEventLog(time, signal);
        var audit = new MemoryAudit();
        var records = new MemoryRecords(events, audit, signal);
        var sql = new SqlFiles(Path.Combine(folder, "sql"), durable: false, new MainPart(messages =>
        {
            events.Relay(messages);
            return Task.CompletedTask;
        }, records.CompleteAsync));
        var own = new FileBlobs(Path.Combine(folder, "blobs"), new BlobReferences());
        var blobs = options.Blobs ?? own;
        return ValueTask.FromResult(new StorageSet(records, events, sql, blobs, new Changes(records, sql, blobs, protects))
        {
            Tenants = new TenantStore(new MemoryTenantRows(records, events), sql, blobs),
            FormerBlobs = options.Blobs is null ? null : own,
            Close = () =>
            {
                sql.Close();
                return DeleteAsync(folder);
            },
            Audit = audit,
            Search = new MemorySearchIndex(records),
            CheckHealth = _ => ValueTask.FromResult(PluginHealth.Healthy),
        });
    }

    /// <summary>A relay that was at work when its database was closed gives its connection back a moment later, and closing that one removes files too.</summary>
    private static async ValueTask DeleteAsync(string folder)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (IOException) when (attempt < 20)
            {
                await Task.Delay(50).ConfigureAwait(false);
            }
        }
    }

    private sealed class BlobReferences : IBlobReferences
    {
        private readonly ConcurrentDictionary<(string Owner, string Tenant, string Sha256), byte> _known = new();

        public ValueTask AddAsync(string owner, string tenant, BlobReference blob)
        {
            _known[(owner, tenant, blob.Sha256)] = 0;
            return ValueTask.CompletedTask;
        }

        public ValueTask<(bool Removed, bool Last)> RemoveAsync(string owner, string tenant, string sha256)
        {
            var removed = _known.TryRemove((owner, tenant, sha256), out _);
            return ValueTask.FromResult((removed, removed && !_known.Keys.Any(k => k.Sha256 == sha256)));
        }

        public bool Contains(string owner, string tenant, string sha256) => _known.ContainsKey((owner, tenant, sha256));

        public ImmutableArray<(string Owner, string Tenant, string Sha256)> List(string? owner, string? tenant) =>
            [.. _known.Keys.Where(k => (owner is null || BlobVerbs.IsOwner(k.Owner, owner)) && (tenant is null || k.Tenant == tenant)).Order()];
    }

    private sealed class Changes(MemoryRecords records, SqlFiles sql, IBlobStore blobs, Func<bool>? protects) : ISchemaChanges
    {
        public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(request);
            if (protects?.Invoke() == true)
                request = ProtectedFields.Stored(request);
            var change = await SqlChange.BeginAsync(sql, request.Plugin, request.MigrationsOf("sqlite"));
            var made = ImmutableArray<string>.Empty;
            try
            {
                records.Declare(tables =>
                {
                    made = [.. request.Tables.Select(t => t.Table).Where(t => !tables.ContainsKey(t))];
                    // Checked against all, kept for the new ones: those that serve follow at the commit.
                    return tables.AddRange(request.Tables.Where(t => made.Contains(t.Table)).Select(t => KeyValuePair.Create(t.Table, MemoryTable.Of(t))));
                }, []);
                return new Change(records, request, made, change);
            }
            catch
            {
                await change.DisposeAsync();
                throw;
            }
        }

        public async ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
        {
            records.Delete(plugin, documentRoot);
            await blobs.DeleteAllAsync(plugin, null, cancellationToken);
            sql.Delete(plugin);
        }

        public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) =>
            ValueTask.FromResult(records.Measure(plugin, documentRoot) + sql.Measure(plugin) + (blobs is FileBlobs own ? own.Measure(plugin) : 0));
    }

    private sealed class Change(MemoryRecords records, SchemaRequest request, ImmutableArray<string> made, SqlChange sql) : ISchemaChange
    {
        private bool _ended;

        public ISqlDatabase Database => sql.Database;

        public ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            records.Declare(tables => tables.SetItems(request.Tables.Select(t => KeyValuePair.Create(t.Table, MemoryTable.Of(t)))), []);
            sql.Commit();
            _ended = true;
            return ValueTask.CompletedTask;
        }

        public async ValueTask DisposeAsync()
        {
            if (_ended)
                return;
            _ended = true;
            await sql.DisposeAsync();
            records.Declare(tables => tables.RemoveRange(made), made);
        }
    }
}
