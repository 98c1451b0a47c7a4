using System.Collections.Concurrent;
using System.Collections.Immutable;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Sql;

/// <summary>The database files of all plugins: <c>sql/{plugin}.db</c>, and <c>sql/{plugin}@{tenant}.db</c> for further tenants.</summary>
internal sealed class SqlFiles(string folder, bool durable, MainPart main, PoolLimit? limit = null) : ISqlDatabases
{
    private readonly ConcurrentDictionary<string, Lazy<SqlFile>> _open = new(StringComparer.Ordinal);

    /// <summary>What the pools of the open files hold now, by name.</summary>
    public IEnumerable<PoolUse> Pools => _open.Values.Where(f => f.IsValueCreated).Select(f => f.Value.Pool).OrderBy(p => p.Name, StringComparer.Ordinal);

    public ISqlDatabase Get(string plugin, string tenant) => Open(plugin, tenant);

    public bool Exists(string plugin, string tenant) => OfTenant(tenant).Contains(plugin);

    /// <summary>The plugin's files that exist, the default tenant's first.</summary>
    public ImmutableArray<SqlFile> All(string plugin)
    {
        var tenants = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, $"{CheckName(plugin)}@*.db").Select(f => Path.GetFileNameWithoutExtension(f)[(plugin.Length + 1)..])
            : [];
        return [Open(plugin, CallContext.DefaultTenant), .. tenants.Order(StringComparer.Ordinal).Select(t => Open(plugin, t))];
    }

    /// <summary>Opens each file that exists, completes the unit of work that a crash cut off after its decision, and relays what is left in its outbox.</summary>
    public async Task OpenExistingAsync()
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in Directory.EnumerateFiles(folder, "*.db"))
        {
            var name = Path.GetFileNameWithoutExtension(file);
            var at = name.IndexOf('@', StringComparison.Ordinal);
            var opened = Open(at < 0 ? name : name[..at], at < 0 ? CallContext.DefaultTenant : name[(at + 1)..]);
            await opened.CompleteAsync();
        }
    }

    /// <summary>Closes the plugin's files and deletes them, of all tenants.</summary>
    public void Delete(string plugin)
    {
        CheckName(plugin);
        DeleteFiles(name => name == plugin || name.StartsWith(plugin + "@", StringComparison.Ordinal));
    }

    /// <summary>Bytes in use of the plugin's databases, of all tenants.</summary>
    public long Measure(string plugin) => !File.Exists(Path.Combine(folder, CheckName(plugin) + ".db")) ? 0 : All(plugin).Sum(file => file.Read(static connection =>
        (connection.Scalar("PRAGMA page_count")!.Value - connection.Scalar("PRAGMA freelist_count")!.Value) * connection.Scalar("PRAGMA page_size")!.Value));

    private void DeleteFiles(Func<string, bool> isOwn)
    {
        foreach (var name in _open.Keys.Where(isOwn))
        {
            if (_open.TryRemove(name, out var file) && file.IsValueCreated)
                file.Value.Dispose();
        }

        if (!Directory.Exists(folder))
            return;
        foreach (var path in Directory.EnumerateFiles(folder).ToList())
        {
            var name = Path.GetFileName(path);
            var suffix = name.LastIndexOf(".db", StringComparison.Ordinal);
            if (suffix > 0 && isOwn(name[..suffix]) && name[suffix..] is ".db" or ".db-wal" or ".db-shm" or ".db-journal")
                File.Delete(path);
        }
    }

    /// <summary>Plugins that have a database of the tenant, sorted.</summary>
    public ImmutableArray<string> OfTenant(string tenant)
    {
        if (!Directory.Exists(folder))
            return [];
        var suffix = tenant == CallContext.DefaultTenant ? "" : "@" + CheckName(tenant);
        return [.. Directory.EnumerateFiles(folder, "*.db").Select(f => Path.GetFileNameWithoutExtension(f)).Where(n => suffix.Length == 0 ? !n.Contains('@') : n.EndsWith(suffix, StringComparison.Ordinal)).Select(n => n[..^suffix.Length]).Order(StringComparer.Ordinal)];
    }

    /// <summary>Copies a database, as of one moment, into a stream.</summary>
    public async Task CopyAsync(string plugin, string tenant, Stream target, CancellationToken cancellationToken)
    {
        var copy = Path.Combine(folder, $"copy-{Guid.NewGuid():N}");
        try
        {
            var file = Open(plugin, tenant);
            await file.HoldAsync();
            try
            {
                file.Writer.Execute($"VACUUM INTO '{copy.Replace("'", "''", StringComparison.Ordinal)}'");
            }
            finally
            {
                file.Release();
            }

            await using var stream = new FileStream(copy, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.Asynchronous);
            await stream.CopyToAsync(target, cancellationToken);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Closes and deletes the databases of a tenant.</summary>
    public void DeleteTenant(string tenant)
    {
        foreach (var plugin in OfTenant(tenant))
            DeleteFiles(name => name == $"{plugin}@{tenant}");
    }

    /// <summary>Closes all; not <see cref="IDisposable"/>, because a container that hands this out must not close it.</summary>
    public void Close()
    {
        foreach (var file in _open.Values.Where(f => f.IsValueCreated))
            file.Value.Dispose();
    }

    private SqlFile Open(string plugin, string tenant)
    {
        var name = tenant == CallContext.DefaultTenant ? CheckName(plugin) : $"{CheckName(plugin)}@{CheckName(tenant)}";
        return _open.GetOrAdd(name, key => new Lazy<SqlFile>(() =>
        {
            Directory.CreateDirectory(folder);
            var file = new SqlFile(Path.Combine(folder, key + ".db"), plugin, tenant, durable, main, limit);
            if (tenant != CallContext.DefaultTenant)
                SqlMigrations.Follow(Open(plugin, CallContext.DefaultTenant), file);
            file.StartRelay();
            return file;
        })).Value;
    }

    private static string CheckName(string name)
    {
        if (name.Length is 0 or > 100 || name.Contains("..", StringComparison.Ordinal) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
            throw new NexusException(ErrorCodes.PathForbidden, $"'{name}' cannot name a database: letters, digits, '.', '-' and '_' are allowed.");
        return name;
    }
}
