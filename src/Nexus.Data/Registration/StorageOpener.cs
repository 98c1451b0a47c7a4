using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Measuring;
using Nexus.Data.Records;
using Nexus.Data.Registration;
using Nexus.Data.Sharding;
using Nexus.Data.Sharing;
using Nexus.Data.Tasks;
using Nexus.Data.Views;

namespace Nexus.Data;

/// <summary>Opens the configured storage engine. The host does so once, before the kernel starts, so that a storage that cannot be had stops the start with its cause; the container closes it at the end.</summary>
public sealed class StorageOpener : IAsyncDisposable, IDisposable
{
    private readonly IServiceProvider _services;
    private readonly IConfiguration _configuration;
    private StorageSet? _set;
    private QueryMeasures? _measures;

    internal StorageOpener(IServiceProvider services, IConfiguration configuration)
    {
        _services = services;
        _configuration = configuration;
    }

    /// <summary>The opened engine's ports.</summary>
    /// <exception cref="InvalidOperationException">Before <see cref="OpenAsync(IServiceProvider, CancellationToken)"/>.</exception>
    public StorageSet Set => _set ?? throw new InvalidOperationException("The storage is not open yet; the host calls StorageOpener.OpenAsync before anything uses it.");

    /// <summary>Opens the engine that <c>database.type</c> names (<c>sqlite</c> when absent), one built in or one that a plugin brings, in the folder <c>database.directory</c> (<c>data</c> when absent).</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> for an unknown engine, listing the known; <c>STORAGE_UNAVAILABLE</c> or <c>STORAGE_CORRUPT</c> with file, cause and way out.</exception>
    public static async Task<StorageSet> OpenAsync(IServiceProvider services, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(services);
        return await services.GetRequiredService<StorageOpener>().OpenAsync(cancellationToken);
    }

    /// <summary>Empties the storage that the configuration names, where it is not in the node's folder: everything stored is deleted. Before it is opened.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: a node uses it.</exception>
    public static async Task ResetAsync(IServiceProvider services, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(services);
        var opener = services.GetRequiredService<StorageOpener>();
        if ((await opener.FindAsync(cancellationToken)).Engine is not IStorageReset engine)
            return;
        foreach (var shard in ShardMap.Read(opener._configuration))
            await engine.ResetAsync(opener.Options() with { ConnectionString = shard.Address }, cancellationToken);
        // Last: it knows of the others.
        await engine.ResetAsync(opener.Options(), cancellationToken);
    }

    /// <summary>Folder of what this node stores, absolute.</summary>
    internal string Folder => Path.GetFullPath(_configuration["database:directory"] ?? "data");

    /// <summary>Name of the opened engine; empty before.</summary>
    public string Engine { get; private set; } = "";

    /// <summary>Times of queries.</summary>
    internal QueryMeasures Measures => _measures ??= new QueryMeasures(_services.GetService<IMeterFactory>(), _configuration, _services.GetService<TimeProvider>() ?? TimeProvider.System, _services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance, _services.GetService<Listeners>());

    /// <summary>The store of blobs when it is not the engine's own.</summary>
    internal BlobSet? Blobs { get; private set; }

    /// <summary>The records of each database as its engine offers them: without tracing, and whole whatever the tenant.</summary>
    internal ImmutableArray<IStorage> Databases { get; private set; } = [];

    /// <summary>The databases; null when there is one.</summary>
    internal Shards? Shards { get; private set; }

    /// <summary>What the databases remember of each other.</summary>
    internal ShardRegister? Register { get; private set; }

    /// <summary>Whether there is a storage.</summary>
    internal bool IsOpen => _set is not null;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _set, null)?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task<StorageSet> OpenAsync(CancellationToken cancellationToken)
    {
        if (_set is { } open)
            return open;
        var (engine, isBuiltIn) = await FindAsync(cancellationToken);
        Engine = engine.Name;
        var shards = ShardMap.Read(_configuration);
        var opening = new BlobOpening(_services, _configuration);
        Blobs = await opening.OpenAsync(cancellationToken);
        StorageSet? set = null;
        try
        {
            set = await engine.OpenAsync(Options() with { Blobs = Blobs?.Store }, cancellationToken);
            if (set.Clock is { } clock && _services.GetService<NodeClock>() is { } mine)
                await mine.SteerAsync(clock, cancellationToken);
            var opened = await ShardOpening.OpenAsync(set, shards, engine, Options() with { Blobs = Blobs?.Store }, _services.GetService<ChangeMarks>() ?? new ChangeMarks(), (late, token) => late.FormerBlobs is { } its ? opening.MoveAsync(its, late.Blobs, token) : Task.CompletedTask, cancellationToken);
            (set, Databases, Shards, Register) = (opened.Set, opened.Databases, opened.Shards, opened.Register);
            if (set.FormerBlobs is { } former)
                await opening.MoveAsync(former, set.Blobs, cancellationToken);
        }
        catch
        {
            await (set?.DisposeAsync() ?? ValueTask.CompletedTask);
            await (Blobs?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }

        return _set = Complete(set, isBuiltIn);
    }

    private async Task<(IStorageEngine Engine, bool IsBuiltIn)> FindAsync(CancellationToken cancellationToken)
    {
        var type = _configuration["database:type"] ?? "sqlite";
        var engines = _services.GetServices<IStorageEngine>().ToList();
        if (engines.LastOrDefault(e => string.Equals(e.Name, type, StringComparison.OrdinalIgnoreCase)) is { } builtIn)
            return (builtIn, true);
        var known = string.Join(", ", engines.Select(e => e.Name).Distinct().Order(StringComparer.Ordinal));
        return ((_services.GetService<IStorageEngineSource>() is { } plugins ? await plugins.FindAsync(type, cancellationToken) : null)
            ?? throw new NexusException(ErrorCodes.ConfigurationError, $"database.type is '{type}'; known are {known}.") { Errors = [new FieldError("database.type", "unknown_engine", $"'{type}' is not among {known}.")] }, false);
    }

    private StorageSet Complete(StorageSet set, bool isBuiltIn)
    {
        // What is built in hides protected fields itself; an engine of a plugin does not know of them.
        if (!isBuiltIn && _services.GetService<IFieldProtection>() is not null)
            set = set with { Schema = new ProtectedSchema(set.Schema) };
        set = set with { Schema = new CheckedViews(set.Schema) };
        set = TaskTranslation.Complete(set, _services.GetRequiredService<TimeProvider>());
        if (Blobs is not null)
            set = set with { Schema = new MeasuredBlobs(set.Schema, set.Blobs) };
        var close = set.Close;
        return set with
        {
            Records = new TracedStorage(set.Records, [.. _services.GetServices<ICommitListener>()], Measures, set.IsShared, set.IsShared && Databases.Length == 1 ? _services.GetRequiredService<ChangeMarks>() : null, _services.GetService<IEventSealing>()),
            Close = async () =>
            {
                await close();
                await (Blobs?.DisposeAsync() ?? ValueTask.CompletedTask);
            },
        };
    }

    private StorageOptions Options() => new(Folder, _configuration["database:connectionString"])
    {
        Settings = _configuration.GetSection("database"),
        Time = _services.GetService<TimeProvider>() ?? TimeProvider.System,
        Loggers = _services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
        Meters = _services.GetService<IMeterFactory>(),
    };

    private sealed class ProtectedSchema(ISchemaChanges inner) : ISchemaChanges
    {
        public ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken) => inner.BeginAsync(ProtectedFields.Stored(request), cancellationToken);

        public ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => inner.DeleteAsync(plugin, documentRoot, cancellationToken);

        public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => inner.MeasureAsync(plugin, documentRoot, cancellationToken);
    }
}
