using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Core.Audit.Tests;

/// <summary>The plugin on a real host, with a hand on its database.</summary>
internal sealed class Trail : IAsyncDisposable
{
    public static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly bool _ownsFolder;

    private Trail(PluginTestHost host, string folder, bool ownsFolder) => (Host, Folder, _ownsFolder) = (host, folder, ownsFolder);

    public PluginTestHost Host { get; }

    public string Folder { get; }

    public ISqlDatabase Database => Host.Services.GetRequiredService<ISqlDatabases>().Get("core.audit", CallContext.DefaultTenant);

    public static async Task<Trail> StartAsync(Action<PluginTestOptions>? configure = null, string? folder = null, bool durable = false)
    {
        var own = folder is null;
        folder ??= Directory.CreateTempSubdirectory("nexus-audit-").FullName;
        var host = await PluginTestHost.StartAsync<AuditPlugin>(options =>
        {
            options.Settings["plugins:core.audit:directory"] = Path.Combine(folder, "audit");
            if (durable)
            {
                options.Settings["database:type"] = "sqlite";
                options.Settings["database:directory"] = Path.Combine(folder, "data");
            }

            configure?.Invoke(options);
        });
        return new Trail(host, folder, own);
    }

    public static AuditEntry Entry(int number, string action = "orders.orders.created", AuditResult result = AuditResult.Success, string tenant = CallContext.DefaultTenant, string actor = "ann", string? address = "10.0.0.1", DateTimeOffset? at = null) => new()
    {
        At = at ?? Noon.AddSeconds(number),
        Tenant = tenant,
        Actor = actor,
        Action = action,
        Subject = string.Create(CultureInfo.InvariantCulture, $"orders/{number}"),
        Result = result,
        Address = address,
        UserAgent = "probe/1",
        CorrelationId = string.Create(CultureInfo.InvariantCulture, $"c{number}"),
        Detail = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"revision":{{number}}}""")),
    };

    public async Task RecordAsync(params AuditEntry[] entries) =>
        await Host.Services.GetRequiredService<IStorage>().CommitAsync(new WriteBatch { Audit = [.. entries] }, CancellationToken.None);

    /// <summary>Records entries 1 to a number, sealed in batches of a size.</summary>
    public async Task FillAsync(int number, int batch)
    {
        for (var first = 1; first <= number; first += batch)
        {
            await RecordAsync([.. Enumerable.Range(first, Math.Min(batch, number - first + 1)).Select(i => Entry(i))]);
            await GetAsync("/api/v1/audit/status");
        }
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        var answer = await Host.Client.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    public async Task<JsonNode> PostAsync(string path, string body = "{}")
    {
        var answer = await Host.Client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>Position and kind of the first finding, or "sound".</summary>
    public async Task<string> VerifyAsync()
    {
        var report = await PostAsync("/api/v1/audit/verify");
        return report["finding"] is { } finding ? $"{finding["position"]} {finding["kind"]}" : (bool)report["sound"]! ? "sound" : "neither";
    }

    public Task SqlAsync(string sql) => Database.WriteAsync((session, _) => session.ExecuteAsync(sql)).AsTask();

    public async Task<object?> ScalarAsync(string sql) => (await Database.QueryAsync(sql))[0].Values[0];

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        if (_ownsFolder)
            Directory.Delete(Folder, recursive: true);
    }
}
