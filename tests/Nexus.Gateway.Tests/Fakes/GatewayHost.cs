using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>A gateway over fakes, in memory or on a socket of its own.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private GatewayHost(WebApplication app, FakePlugins plugins, FakeOperations operations, HttpClient client, RecordedLog log)
    {
        this.app = app;
        Plugins = plugins;
        Operations = operations;
        Client = client;
        Log = log;
    }

    public FakePlugins Plugins { get; }

    public FakeOperations Operations { get; }

    public HttpClient Client { get; }

    public RecordedLog Log { get; }

    public IServiceProvider Services => app.Services;

    public Uri Address => Client.BaseAddress!;

    public static async Task<GatewayHost> StartAsync(
        (string Key, string Value)[]? settings = null, bool kestrel = false, Action<IServiceCollection>? configure = null, string environment = "Development")
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection((settings ?? []).Select(s => new KeyValuePair<string, string?>(s.Key, s.Value)));
        builder.Logging.ClearProviders();
        var log = new RecordedLog();
        builder.Logging.AddProvider(log);
        if (kestrel)
            builder.WebHost.UseUrls("http://127.0.0.1:0");
        else
            builder.WebHost.UseTestServer();
        var plugins = new FakePlugins();
        var operations = new FakeOperations();
        builder.Services.AddSingleton<IPlugins>(plugins);
        builder.Services.AddSingleton<IResourceOperations>(operations);
        configure?.Invoke(builder.Services);
        builder.Services.AddNexusGateway(builder.Configuration);
        var app = builder.Build();
        app.UseNexusGateway();
        await app.StartAsync();
        var client = kestrel
            ? new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Urls.First()) }
            : app.GetTestClient();
        return new GatewayHost(app, plugins, operations, client, log);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
    }
}

/// <summary>Keeps log lines.</summary>
internal sealed class RecordedLog : ILoggerProvider
{
    private readonly List<string> lines = [];

    public string[] Lines
    {
        get
        {
            lock (lines)
                return [.. lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Writer(RecordedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (log.lines)
                log.lines.Add($"{logLevel} {category}: {formatter(state, exception)} {exception}");
        }
    }
}
