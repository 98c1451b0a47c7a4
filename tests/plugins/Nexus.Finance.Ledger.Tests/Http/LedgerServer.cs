using System.Diagnostics.Metrics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Finance.Ledger.Tests.Books;

namespace Nexus.Finance.Ledger.Tests.Http;

/// <summary>The plugin's own routes in a server in memory, on a SQLite file; errors become JSON with code and errors as the gateway does.</summary>
internal sealed class LedgerServer : IAsyncDisposable
{
    private readonly SqliteLedger _ledger = new();
    private readonly WebApplication _app;

    private LedgerServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseTestServer();
        builder.Logging.ClearProviders();
        builder.Services.Configure<RouteOptions>(o => o.SuppressCheckForUnhandledSecurityMetadata = true);
        builder.Services.AddSingleton<ISqlDatabase>(_ledger);
        var plugin = new Builder(builder.Services);
        new LedgerPlugin().Configure(plugin);
        _app = builder.Build();
        _app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (NexusException e)
            {
                context.Response.StatusCode = e.Status;
                await context.Response.WriteAsJsonAsync(new { code = e.Code, detail = e.Message, errors = e.Errors });
            }
        });
        var group = _app.MapGroup("/api/business/ledger");
        foreach (var contribution in _app.Services.GetServices<Contribution>().OfType<EndpointContribution>()) contribution.Map(group);
    }

    public HttpClient Client { get; private set; } = null!;

    public ISqlDatabase Database => _ledger;

    public IMeterFactory Meters => _app.Services.GetRequiredService<IMeterFactory>();

    public static async Task<LedgerServer> StartAsync()
    {
        var server = new LedgerServer();
        await server._app.StartAsync();
        server.Client = server._app.GetTestClient();
        server.Client.BaseAddress = new Uri("http://localhost/api/business/ledger/");
        return server;
    }

    public async Task<(int Status, JsonNode Body)> SendAsync(HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is string text) request.Content = new StringContent(text, Encoding.UTF8, "text/plain");
        else if (body is HttpContent content) request.Content = content;
        else if (body is not null) request.Content = JsonContent.Create(body);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request);
        var answer = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, answer.Length == 0 ? new JsonObject() : JsonNode.Parse(answer)!);
    }

    public async Task<JsonNode> GetAsync(string path) => (await SendAsync(HttpMethod.Get, path)).Body;

    public async Task<string> BookAsync()
    {
        var (_, book) = await SendAsync(HttpMethod.Post, "books", new { name = "Home", baseCommodity = "EUR" });
        var id = (string)book["id"]!;
        await SendAsync(HttpMethod.Post, $"books/{id}/accounts", new { path = "Assets:Bank", type = "asset", commodity = "EUR" });
        await SendAsync(HttpMethod.Post, $"books/{id}/accounts", new { path = "Expenses:Food", type = "expense" });
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        await _app.DisposeAsync();
        await _ledger.DisposeAsync();
    }

    private sealed class Builder(IServiceCollection services) : IPluginBuilder
    {
        public string Id => "finance.ledger";

        public IServiceCollection Services { get; } = services;

        public IConfiguration Configuration { get; } = new ConfigurationBuilder().Build();
    }
}
