using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>The plugin kernel over a temporary folder, with a small gateway that calls handlers as the real one does.</summary>
internal sealed class KernelHost : IAsyncDisposable
{
    private readonly ServiceProvider services;

    public KernelHost(Action<PluginsOptions>? configure = null, Action<IServiceCollection>? add = null)
    {
        Folder = Directory.CreateTempSubdirectory("nexus-kernel-").FullName;
        var options = new PluginsOptions { DataDirectory = Path.Combine(Folder, "data"), HotReload = false, Grace = TimeSpan.FromMilliseconds(5), UnloadLimit = TimeSpan.FromSeconds(30), DrainLimit = TimeSpan.FromSeconds(60), StopTimeout = TimeSpan.FromSeconds(30), WatchPeriod = TimeSpan.Zero };
        options.Directories.Add(Path.Combine(Folder, "plugins"));
        Directory.CreateDirectory(Path.Combine(Folder, "plugins"));
        configure?.Invoke(options);
        Packages = new TestPackages(options);
        var collection = new ServiceCollection().AddSingleton<ILoggerFactory>(Log).AddSingleton(typeof(ILogger<>), typeof(Logger<>)).AddSingleton<IPackages>(Packages).AddNexusPlugins(options);
        add?.Invoke(collection);
        services = collection.BuildServiceProvider();
        Kernel = services.GetRequiredService<PluginKernel>();
    }

    public string Folder { get; }

    public RecordingLog Log { get; } = new();

    public TestPackages Packages { get; }

    public PluginKernel Kernel { get; }

    public IServiceProvider Services => services;

    /// <summary>Compiles a plugin into the plugin folder.</summary>
    public string Add(string id, string source, string version = "1.0.0", Action<JsonObject>? manifest = null, params string[] references) =>
        PluginCompiler.Plugin(Path.Combine(Folder, "plugins", id), id, version, source, manifest, references);

    /// <summary>Compiles a version outside of the plugin folder, to be installed from there.</summary>
    public string Version(string id, string version, string source, Action<JsonObject>? manifest = null, params string[] references) =>
        PluginCompiler.Plugin(Path.Combine(Folder, "versions", id, version), id, version, source, manifest, references);

    public Task StartAsync() => Kernel.StartAsync(CancellationToken.None);

    public Task<PluginStatus> RunAsync(PluginCommand command) => Kernel.ExecuteAsync(command, null, TestContext.Current.CancellationToken);

    public PluginStatus Status(string id) => Kernel.List().Single(s => s.Id == id);

    /// <summary>Calls the plugin's first route as the gateway does: a refused lease is matched again on the current snapshot.</summary>
    public async Task<string> CallAsync(string id, string query = "", string pattern = "/")
    {
        while (true)
        {
            var plugin = Kernel.Current.Find(id) ?? throw new InvalidOperationException($"{id} is not served.");
            var endpoint = plugin.Endpoints.Single(e => e.Pattern.Trim('/') == pattern.Trim('/'));
            await Task.Yield();
            if (!plugin.Lease.TryEnter())
            {
                continue;
            }

            try
            {
                await using var scope = plugin.Lease.Services.CreateAsyncScope();
                var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
                context.Request.Method = "GET";
                context.Request.QueryString = new QueryString(query);
                context.Response.Body = new MemoryStream();
                await endpoint.Handler(context);
                return Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
            }
            finally
            {
                plugin.Lease.Exit();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Kernel.StopAsync(CancellationToken.None);
        await services.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Keeps log lines as text.</summary>
internal sealed class RecordingLog : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> lines = new();

    public ImmutableArray<string> Lines => [.. lines.Select(l => l.Text)];

    public ImmutableArray<string> LinesAt(LogLevel level) => [.. lines.Where(l => l.Level == level).Select(l => l.Text)];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue((logLevel, formatter(state, exception)));

    public void Dispose()
    {
    }
}

/// <summary>Packages as plain copies in folders named by their content; records in memory.</summary>
internal sealed class TestPackages(PluginsOptions options) : IPackages, IPluginRecords, IPluginArrivals
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };
    private readonly ConcurrentDictionary<string, PluginPackage> kept = new();
    private readonly ConcurrentDictionary<string, PluginRecord> records = new();

    public IPluginRecords Records => this;
    public IPluginArrivals Arrivals => this;

    public Task JoinAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task<PackageScan> ScanAsync(CancellationToken cancellationToken)
    {
        var packages = new List<PluginPackage>();
        foreach (var folder in options.Directories.SelectMany(Directory.GetDirectories).Order(StringComparer.Ordinal))
        {
            packages.Add(await ImportAsync(folder, cancellationToken));
        }

        return new PackageScan([.. packages], []);
    }

    public async Task<PluginPackage> ImportAsync(string path, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = Directory.GetFiles(path).Order(StringComparer.Ordinal).ToArray();
        foreach (var file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(file)));
            hash.AppendData(await File.ReadAllBytesAsync(file, cancellationToken));
        }

        var key = Convert.ToHexStringLower(hash.GetHashAndReset());
        var target = Path.Combine(options.DataDirectory, "packages", key);
        Directory.CreateDirectory(target);
        foreach (var file in files.Where(f => !File.Exists(Path.Combine(target, Path.GetFileName(f)))))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        var manifest = JsonSerializer.Deserialize<PluginManifest>(await File.ReadAllTextAsync(Path.Combine(target, "manifest.json"), cancellationToken), Json)!;
        manifest = manifest with { Dependencies = manifest.Dependencies.IsDefault ? [] : manifest.Dependencies };
        return kept.GetOrAdd(key, new PluginPackage(manifest, target, key, "custom", path));
    }

    public Task<PluginPackage?> FindAsync(string contentHash, string sourcePath, CancellationToken cancellationToken) => Task.FromResult(kept.GetValueOrDefault(contentHash));

    public Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken) => Task.FromResult(records.GetValueOrDefault(id));

    public Task<KeptPackage?> FindArrivingAsync(string id, CancellationToken cancellationToken) => Task.FromResult<KeptPackage?>(null);

    public Task ArriveAsync(string id, KeptPackage? package, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<string?> HighestAsync(string id, CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    public Task WriteAsync(PluginRecord record, CancellationToken cancellationToken)
    {
        records[record.Id] = record;
        return Task.CompletedTask;
    }

    public Task<ImmutableArray<string>> RemoveAsync(PluginManifest manifest, bool deleteData, CancellationToken cancellationToken)
    {
        records.TryRemove(manifest.Name, out _);
        return Task.FromResult(ImmutableArray<string>.Empty);
    }

    public PackageOrder Resolve(ImmutableArray<PluginPackage> packages)
    {
        var waves = new List<ImmutableArray<PluginPackage>>();
        var left = packages.ToList();
        var placed = new HashSet<string>();
        while (left.Where(p => p.Manifest.Dependencies.All(d => placed.Contains(d.Id))).ToImmutableArray() is { Length: > 0 } wave)
        {
            waves.Add(wave);
            left.RemoveAll(wave.Contains);
            placed.UnionWith(wave.Select(p => p.Manifest.Name));
        }

        var failures = left.Select(p => new PackageFault(p.Manifest.Name, p.SourcePath, new NexusException(ErrorCodes.PluginDependencyError, $"{p.Manifest.Name} needs {string.Join(", ", p.Manifest.Dependencies.Select(d => d.Id))}")));
        return new PackageOrder([.. waves], [.. failures]);
    }
}
