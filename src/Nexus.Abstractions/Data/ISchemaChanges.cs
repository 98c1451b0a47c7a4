using System.Collections.Immutable;

namespace Nexus;

/// <summary>Brings a plugin's tables and database forward inside a swap; undone unless the swap succeeds.</summary>
public interface ISchemaChanges
{
    /// <summary>Begins the change: runs the plugin's new SQL migrations in a unit of work that stays open, and makes new tables. What is served now does not see it; writes to the plugin's own SQL database wait until it ends, and so may reads of tables that a migration alters.</summary>
    /// <exception cref="NexusException"><c>MIGRATION_FAILED</c>, naming file, statement and cause; nothing of it remains.</exception>
    ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken);

    /// <summary>Deletes everything that a plugin stored, in all tenants: its tables, its documents, its SQL databases and its blobs. The plugin must not be running. What is not there is passed over, so that a deletion that was cut off can be run again.</summary>
    /// <param name="plugin">The plugin's id.</param>
    /// <param name="documentRoot">Its part of the document tree, <see cref="PluginManifest.DocumentRoot"/>.</param>
    /// <param name="cancellationToken">Stops the work between its steps.</param>
    ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken);

    /// <summary>Bytes that a plugin stores, in all tenants: its records and documents as JSON, its SQL databases with their indexes, its blobs. Reads all of them: seconds for millions of records.</summary>
    /// <param name="plugin">The plugin's id.</param>
    /// <param name="documentRoot">Its part of the document tree, <see cref="PluginManifest.DocumentRoot"/>.</param>
    /// <param name="cancellationToken">Stops the work between its steps.</param>
    ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken);
}

/// <summary>A begun schema change. Disposing it without <see cref="CommitAsync"/> undoes it byte for byte.</summary>
public interface ISchemaChange : IAsyncDisposable
{
    /// <summary>The plugin's database as the new generation sees it: migrated, before and after the commit.</summary>
    ISqlDatabase Database { get; }

    /// <summary>Makes the change durable and visible: the last step before a generation is published.</summary>
    ValueTask CommitAsync(CancellationToken cancellationToken);
}

/// <summary>What a generation needs of its storage.</summary>
/// <param name="Plugin">The plugin's id.</param>
/// <param name="Tables">Its resources.</param>
/// <param name="Migrations">Its SQL migrations, by version ascending, of all dialects; empty when it has none.</param>
public sealed record SchemaRequest(string Plugin, ImmutableArray<ResourceDescriptor> Tables, ImmutableArray<SqlMigration> Migrations)
{
    /// <summary>The migrations that an engine runs: those written for its dialect where there are any, otherwise those written for all.</summary>
    public ImmutableArray<SqlMigration> MigrationsOf(string dialect)
    {
        ImmutableArray<SqlMigration> own = [.. Migrations.Where(m => m.Dialect == dialect)];
        return own.IsEmpty ? [.. Migrations.Where(m => m.Dialect is null)] : own;
    }
}

/// <summary>One forward-only migration.</summary>
/// <param name="Version">From 1, without gaps.</param>
/// <param name="Name">File name.</param>
/// <param name="Sql">Its statements.</param>
public sealed record SqlMigration(int Version, string Name, string Sql)
{
    /// <summary>Dialect it is written for, the name of its folder within the folder of migrations; null for any.</summary>
    public string? Dialect { get; init; }
}
