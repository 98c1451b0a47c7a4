using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Data;
using Nexus.Data.Resources;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Events;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Services;
using Nexus.Kernel.Tasks;

namespace Nexus.Testing;

/// <summary>One or more plugins on the real kernel, storage (in memory) and gateway, without ports and files. Starts in well under a second; two at once do not meet.</summary>
public sealed class PluginTestHost : IAsyncDisposable
{
    private static readonly TimeSpan TaskLimit = TimeSpan.FromSeconds(30);
    private readonly WebApplication app;
    private readonly string folder;
    private readonly string plugin;

    private PluginTestHost(WebApplication app, string folder, PluginManifest first)
    {
        (this.app, this.folder) = (app, folder);
        Prefix = first.RoutePrefix;
        plugin = first.Name;
        Client = app.GetTestClient();
    }

    /// <summary>A client whose requests come from this machine: the local administrator.</summary>
    public HttpClient Client { get; }

    /// <summary>Route prefix of the first plugin, such as <c>/api/custom/notes</c>.</summary>
    public string Prefix { get; }

    /// <summary>The host's own services: <see cref="IEvents"/>, <see cref="IPlugins"/>, <see cref="IStorage"/>, …</summary>
    public IServiceProvider Services => app.Services;

    /// <summary>Starts a host with one plugin, described by the <c>manifest.json</c> beside its assembly.</summary>
    public static Task<PluginTestHost> StartAsync<TPlugin>(Action<PluginTestOptions>? configure = null)
        where TPlugin : class, IPlugin, new() => StartAsync(options =>
        {
            options.Add<TPlugin>();
            configure?.Invoke(options);
        });

    /// <summary>Starts a host with several plugins.</summary>
    /// <exception cref="NexusException">The first plugin that did not come up, with its cause.</exception>
    public static async Task<PluginTestHost> StartAsync(Action<PluginTestOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var options = new PluginTestOptions();
        configure(options);
        if (options.Plugins.Count == 0) throw new ArgumentException("Add at least one plugin.", nameof(configure));
        var folder = Directory.CreateTempSubdirectory("nexus-test-").FullName;
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Development, ContentRootPath = folder });
        builder.Configuration.Sources.Clear();
        var configuration = options.Load(folder);
        builder.Configuration.AddConfiguration(configuration.Root, shouldDisposeConfiguration: true);
        builder.Services.AddNexusConfiguration(configuration);
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        var plugins = new PluginsOptions { DataDirectory = Path.Combine(folder, "data"), HotReload = false, WatchPeriod = TimeSpan.Zero, Grace = TimeSpan.Zero };
        foreach (var plugin in options.Replaced().Concat(options.Plugins)) plugins.BuiltIn.Add(plugin);
        if (options.Clock is { } clock) builder.Services.AddSingleton(clock);
        if (options.Http is { } answer) builder.Services.AddSingleton<IPluginPorts>(new OutboundAnswers(answer));
        if (options.Storage is { } storage) builder.Services.AddSingleton(storage);
        builder.Services.AddNexusData(builder.Configuration);
        builder.Services.AddNexusResources();
        builder.Services.AddNexusCaching(builder.Configuration);
        builder.Services.AddNexusPlugins(plugins);
        builder.Services.AddNexusServices();
        builder.Services.AddNexusEvents();
        builder.Services.Configure<EventsOptions>(builder.Configuration.GetSection("events"));
        builder.Services.AddNexusTasks();
        builder.Services.Configure<TasksOptions>(builder.Configuration.GetSection("tasks"));
        builder.Services.AddNexusGateway(builder.Configuration);
        var app = builder.Build();
        await StorageOpener.OpenAsync(app.Services);
        app.UseNexusGateway();
        await app.StartAsync();
        var failed = app.Services.GetRequiredService<IPlugins>().List().FirstOrDefault(p => p.State is PluginState.Failed);
        var host = new PluginTestHost(app, folder, options.Plugins[0].Manifest);
        if (failed is null) return host;
        await host.DisposeAsync();
        throw new NexusException(ErrorCodes.PluginStartupFailed, $"{failed.Id} failed in {failed.FailedIn}: {failed.Cause} {failed.Remedy}");
    }

    /// <summary>Publishes an event as the platform would, durably.</summary>
    public async Task PublishAsync(string name, string json) =>
        await Services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = name, Data = System.Text.Encoding.UTF8.GetBytes(json) });

    /// <summary>Runs a task now, as a worker of this host does, and returns it when it has ended or was to be tried again later.</summary>
    /// <param name="name">Its whole name, or its own word when it is the first plugin's.</param>
    /// <param name="input">Its input as JSON.</param>
    /// <exception cref="TimeoutException">It neither ended nor failed a try within half a minute.</exception>
    public async Task<TaskEntry> RunTaskAsync(string name, string input = "null")
    {
        var tasks = Services.GetRequiredService<ITasks>();
        var id = await tasks.EnqueueAsync(new NewTask(name.Contains('.', StringComparison.Ordinal) ? name : $"{plugin}.{name}") { Input = System.Text.Encoding.UTF8.GetBytes(input), Priority = 1000 });
        for (var limit = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(limit) < TaskLimit;)
        {
            // Real time, also under a clock of the test's own, which nobody moves meanwhile.
            if (await tasks.GetAsync(id) is var task && (task.State.IsFinished() || task is { State: TaskState.Pending, Error: not null }))
                return task;
            await Task.Delay(5);
        }

        throw new TimeoutException($"Task {name} did not end within {TaskLimit}.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}

/// <summary>What a test host runs. Not thread-safe.</summary>
public sealed class PluginTestOptions
{
    private readonly List<Action<IPluginBuilder>> replacements = [];

    internal List<BuiltInPlugin> Plugins { get; } = [];

    /// <summary>Configuration, such as <c>plugins:shop.notes:limit</c>; validated as that of a node is, above the defaults that a manifest declares.</summary>
    public IDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    /// <summary>The clock of host and plugins; the system's when null.</summary>
    public TimeProvider? Clock { get; set; }

    /// <summary>The storage engine under test; <c>database:type</c> of <see cref="Settings"/> names it. Null for what is built in.</summary>
    public IStorageEngine? Storage { get; set; }

    /// <summary>Answers the requests that plugins send through <see cref="IHttpClientFactory"/>, so that a test needs no network; null lets them out.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage>? Http { get; set; }

    /// <summary>Adds a plugin, described by the <c>manifest.json</c> beside its assembly, else by its class name.</summary>
    public void Add<TPlugin>()
        where TPlugin : class, IPlugin, new() => Plugins.Add(new BuiltInPlugin(ManifestOf(typeof(TPlugin)), () => new TPlugin()));

    /// <summary>Adds a plugin that needs arguments, such as fakes.</summary>
    public void Add(PluginManifest manifest, Func<IPlugin> create) => Plugins.Add(new BuiltInPlugin(manifest, create));

    /// <summary>Puts a fake in the place of a service of other plugins, in this host only: whoever asks for the contract gets it, also when a plugin under test provides another implementation.</summary>
    /// <param name="fake">The fake; shared by all who ask.</param>
    /// <param name="implementation">Its name, for plugins that ask for one implementation by name.</param>
    /// <typeparam name="TService">The contract.</typeparam>
    public void Replace<TService>(TService fake, string implementation = "fake")
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(fake);
        Settings[$"services:bind:{ServiceShape.For<TService>().Name}"] = implementation;
        replacements.Add(plugin => plugin.Provide<TService>(implementation, ServiceLifetime.Singleton, _ => fake));
    }

    /// <summary>The plugin that provides the fakes; first of all, so that what needs them finds them.</summary>
    internal IEnumerable<BuiltInPlugin> Replaced() => replacements.Count == 0 ? [] :
    [
        new(
            new PluginManifest { Name = "test.fakes", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Fakes of a test.", Entry = "", StartupOrder = int.MinValue },
            () => new Fakes([.. replacements])),
    ];

    /// <summary>The configuration of the host: the settings over what a test wants unless it says otherwise.</summary>
    internal NexusConfiguration Load(string folder)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase) { ["database:type"] = "memory", ["database:directory"] = Path.Combine(folder, "data"), ["server:accessLog"] = "false" };
        foreach (var (key, value) in Settings) settings[key] = value;
        return NexusConfiguration.Load(new ConfigurationRequest([.. settings.Where(s => s.Value is not null).Select(s => $"--{s.Key}={s.Value}")], new Dictionary<string, string>(), folder));
    }

    private static PluginManifest ManifestOf(Type plugin)
    {
        var name = plugin.Name.EndsWith("Plugin", StringComparison.Ordinal) && plugin.Name.Length > 6 ? plugin.Name[..^6] : plugin.Name;
        var named = new PluginManifest { Name = name.ToLowerInvariant(), Version = "1.0.0", Category = PluginCategory.Custom, Description = plugin.FullName!, Entry = "" };
        var file = Path.Combine(Path.GetDirectoryName(plugin.Assembly.Location)!, "manifest.json");
        if (!File.Exists(file)) return named;
        using var json = JsonDocument.Parse(File.ReadAllBytes(file));
        // Two plugins under test share one output folder and so one manifest.json: it describes the one whose assembly it names.
        if (json.RootElement.GetProperty("entry").GetString() != Path.GetFileName(plugin.Assembly.Location)) return named;
        return named with
        {
            Name = json.RootElement.GetProperty("name").GetString()!,
            Version = json.RootElement.GetProperty("version").GetString()!,
            Category = Enum.Parse<PluginCategory>(json.RootElement.GetProperty("category").GetString()!, ignoreCase: true),
            Permissions = json.RootElement.TryGetProperty("permissions", out var asked) ? [.. asked.EnumerateArray().Select(p => new RequestedCapability(p.GetProperty("name").GetString()!, p.GetProperty("reason").GetString()!))] : [],
            Configuration = json.RootElement.TryGetProperty("configuration", out var schema) ? JsonObject.Create(schema.Clone()) : null,
        };
    }

    private sealed class Fakes(Action<IPluginBuilder>[] provide) : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => Array.ForEach(provide, p => p(plugin));
    }
}
