using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Data.Resources;
using Nexus.Data;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Events;
using Nexus.Kernel.Nodes;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Services;
using Nexus.Kernel.Tasks;
using Nexus.UserInterface;

namespace Nexus;

/// <summary>A Nexus host as a program.</summary>
public static class NexusHost
{
    /// <summary>Serves one plugin that is compiled into this program, beside those found in the plugin folders, until the process is told to stop. Its id is the class name without <c>Plugin</c>, in lower case; its category is custom.</summary>
    public static void Run<TPlugin>(string[] args)
        where TPlugin : class, IPlugin, new() => Environment.ExitCode = RunAsync(args, NexusApp.Bare.Add<TPlugin>()).GetAwaiter().GetResult();

    /// <summary>Serves until the process is told to stop.</summary>
    /// <param name="args">Settings such as <c>--server:port=9000</c>.</param>
    /// <param name="builtIn">Plugins compiled into the program.</param>
    /// <returns>Exit code: 0 stopped on request, 78 the configuration is not valid, 1 it did not start.</returns>
    public static Task<int> RunAsync(string[] args, params IReadOnlyList<BuiltInPlugin> builtIn) => RunAsync(args, NexusApp.Bare, builtIn);

    /// <summary>Serves an application until the process is told to stop.</summary>
    internal static async Task<int> RunAsync(string[] args, NexusApp program, params IReadOnlyList<BuiltInPlugin> builtIn)
    {
        try
        {
            await using var app = Build(args, [.. builtIn, .. program.Plugins]);
            await ServeAsync(app, program);
            return 0;
        }
        catch (NexusException error)
        {
            await Console.Error.WriteLineAsync($"nexus: {error.Code}: {error.Message}");
            foreach (var one in error.Errors) await Console.Error.WriteLineAsync($"  {one.Pointer}: {one.Message}");
            await Console.Error.WriteLineAsync($"→ {ErrorCodes.Get(error.Code).Remedy}");
            return error.Code == ErrorCodes.ConfigurationError ? 78 : 1;
        }
        catch (IOException error) when (error.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"nexus: {error.Message} Stop the program that listens there, or choose another port with --server:port=N.");
            return 1;
        }
    }

    /// <summary>Composes a host without starting it.</summary>
    public static WebApplication Build(string[] args, params IReadOnlyList<BuiltInPlugin> builtIn)
    {
        var configuration = HostConfiguration.Load(args);
        ChooseSpinning(configuration.Root);
        // Empty: the framework's settings files, console log, host filter and page for failures would stand beside those of Nexus, and the page before every request.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { EnvironmentName = CultureInfo.InvariantCulture.TextInfo.ToTitleCase(configuration.Environment), ContentRootPath = Directory.GetCurrentDirectory() });
        ((IConfigurationBuilder)builder.Configuration).Sources.Clear();
        builder.Configuration.AddConfiguration(configuration.Root, shouldDisposeConfiguration: true);
        // The framework writes its own settings, the address among them, into the sources there are; those of Nexus forget them when a plugin brings its schema or a file is read again.
        builder.Configuration.AddInMemoryCollection();
        builder.Services.AddNexusConfiguration(configuration);
        builder.Logging.AddNexusLogging(builder.Configuration, builder.Environment);
        builder.Services.Configure<LoggerFilterOptions>(filter => FilterLog(filter, builder.Configuration.GetSection("logging")));
        builder.Services.AddSingleton<IOptionsChangeTokenSource<LoggerFilterOptions>>(new ConfigurationChangeTokenSource<LoggerFilterOptions>(builder.Configuration));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseUrls(Addresses(builder.Configuration));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(60));

        var plugins = new PluginsOptions();
        // What nobody vouches for does not run in production, unless the operator says otherwise.
        plugins.RequireSignature = builder.Environment.IsProduction();
        plugins.CodeCheck = builder.Environment.IsProduction() ? CodeCheck.Refuse : CodeCheck.Warn;
        builder.Configuration.GetSection("plugins").Bind(plugins);
        plugins.DataDirectory = builder.Configuration["plugins:dataDirectory"] ?? builder.Configuration["database:directory"] ?? "data";
        plugins.OnlyCore = builder.Configuration.GetSection("node:roles").Get<string[]>() is ["gateway"];
        foreach (var plugin in StoragePlugin.All.Select(p => new BuiltInPlugin(p.Manifest, p.Create)).Concat(builtIn)) plugins.BuiltIn.Add(plugin);
        plugins.BuiltIn.Add(new BuiltInPlugin(Maintenance.Manifest, () => new Maintenance()));
        if (builder.Configuration.GetValue("console:enabled", true)) plugins.BuiltIn.Add(new BuiltInPlugin(ConsolePlugin.Manifest, () => new ConsolePlugin()));
        if (builder.Configuration["security:audit:schedule"] is { Length: > 0 } schedule) plugins.BuiltIn.Add(new BuiltInPlugin(ScheduledAudit.Manifest, () => new ScheduledAudit(schedule)));
        builder.Services.AddNexusData(builder.Configuration);
        builder.Services.AddNexusResources();
        builder.Services.AddNexusCaching(builder.Configuration);
        builder.Services.AddNexusPlugins(plugins);
        builder.Services.AddNexusServices();
        builder.Services.AddNexusEvents();
        builder.Services.Configure<EventsOptions>(builder.Configuration.GetSection("events"));
        builder.Services.AddNexusTasks();
        builder.Services.Configure<TasksOptions>(builder.Configuration.GetSection("tasks"));
        builder.Services.AddNexusNodes(builder.Configuration);
        builder.Services.AddNexusGateway(builder.Configuration);
        return builder.Build();
    }

    /// <summary>
    /// Pool threads of a host do not spin before they sleep, because that takes the processor from the database's writer. A node that is a gateway alone writes nothing, and a request that it passes
    /// on changes threads several times: with a sleep at each of them the way through it took more than twice as long. Has to come before the first use of the pool, which reads it once.
    /// </summary>
    private static void ChooseSpinning(IConfiguration configuration)
    {
        if (configuration.GetSection("node:roles").Get<string[]>() is ["gateway"])
            AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", null);
    }

    private static void FilterLog(LoggerFilterOptions filter, IConfigurationSection logging)
    {
        static LogLevel Level(string? name) => Enum.Parse<LogLevel>(name ?? "Information", ignoreCase: true);
        filter.MinLevel = Level(logging["level"]);
        foreach (var category in logging.GetSection("categories").GetChildren())
            filter.Rules.Add(new LoggerFilterRule(null, category.Key, Level(category.Value), null));
    }

    private static string[] Addresses(ConfigurationManager configuration)
    {
        var host = configuration["server:host"] ?? "127.0.0.1";
        var main = $"http://{host}:{configuration["server:port"] ?? "8000"}";
        List<string> all = [main];
        if (configuration["server:http2Port"] is { } http2 and not "0") all.Add($"http://{host}:{http2}");
        if (configuration["server:https:port"] is { Length: > 0 } https) all.Add($"https://{host}:{https}");
        return [.. all];
    }

    // The order is the contract: storage, then plugins (hosted services start before Kestrel listens), then the port opens. Stopping is the reverse.
    private static async Task ServeAsync(WebApplication app, NexusApp program)
    {
        var clock = Stopwatch.StartNew();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Nexus");
        var configuration = app.Configuration;
        await StorageOpener.OpenAsync(app.Services);
        logger.LogInformation("database.connected {Type}", configuration["database:type"] ?? "sqlite");
        app.UseNexusGateway();
        await app.StartAsync();
        await SystemTellings.TellAsync(app.Services, logger, "system.startup", new() { ["version"] = Version });
        await SystemTellings.TellAsync(app.Services, logger, "database.connection", new() { ["type"] = configuration["database:type"] ?? "sqlite", ["state"] = "connected" });
        var found = app.Services.GetRequiredService<IPlugins>().List();
        logger.LogInformation("routes.registered {Active} of {Known} plugins active", found.Count(p => p.State == PluginState.Active), found.Length);
        Banner(app, found, clock.Elapsed);
        // A file that an operator saves is read again once it is quiet; a bad one is refused and the last good state stays.
        var settings = app.Services.GetRequiredService<NexusConfiguration>();
        settings.Changed += change => logger.LogInformation("config.reloaded {Keys}{Restart}", string.Join(", ", change.Keys), change.RestartRequired ? "; some take effect at the next start" : "");
        settings.Refused += error => logger.LogWarning("config.refused {Reason}", error.Message);
        settings.Watch(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        await program.StartedAsync(app, logger);
        await SystemTellings.TellAsync(app.Services, logger, "system.started", new() { ["version"] = Version, ["milliseconds"] = (long)clock.Elapsed.TotalMilliseconds });
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (app.Lifetime.ApplicationStopping.Register(stopping.SetResult))
            await stopping.Task;
        await SystemTellings.TellAsync(app.Services, logger, "system.shutting_down", []);
        await program.StoppingAsync(logger);
        await app.StopAsync();
        // Its durable subscribers get it at the next start.
        await SystemTellings.TellAsync(app.Services, logger, "system.shutdown", []);
        await app.Services.GetRequiredService<StorageOpener>().DisposeAsync();
        logger.LogInformation("database.disconnected");
    }

    private static string Version => typeof(NexusHost).Assembly.GetName().Version?.ToString(3) ?? "";

    private static void Banner(WebApplication app, IReadOnlyList<PluginStatus> plugins, TimeSpan elapsed)
    {
        if (!string.Equals(app.Environment.EnvironmentName, Environments.Development, StringComparison.OrdinalIgnoreCase)) return;
        var address = app.Urls.FirstOrDefault() ?? "http://127.0.0.1:8000";
        Console.WriteLine($"\nNexus {typeof(NexusHost).Assembly.GetName().Version?.ToString(3)} serves {address} after {elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s");
        foreach (var plugin in plugins.Where(p => p.Manifest is not null && p.Manifest.Category != PluginCategory.Core))
            Console.WriteLine($"  {plugin.State,-11} {plugin.Id,-20} {plugin.Version,-8} {address}{plugin.Manifest!.RoutePrefix}/{(plugin.Cause is { } cause ? $"  {cause}" : "")}");
        if (plugins.Any(p => p.Id == ConsolePlugin.Manifest.Name && p.State == PluginState.Active)) Console.WriteLine($"  console     {address}/");
        Console.WriteLine($"  documents   {address}/docs   health {address}/health   plugins {address}/api/v1/plugins\n  data        {Path.GetFullPath(app.Configuration["database:directory"] ?? "data")} ({app.Configuration["database:type"] ?? "sqlite"})\n  Ctrl-C stops.\n");
    }
}
