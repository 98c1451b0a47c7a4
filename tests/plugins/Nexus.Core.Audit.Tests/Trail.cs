using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Audit.Chain;
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

    /// <summary>Changes the entries under a seal behind the back of the node; each keeps the chain that is stored with it.</summary>
    public async Task EditAsync(long seal, Func<List<StoredEntry>, List<StoredEntry>> change)
    {
        var batch = (await new TrailStore(Database).FindBatchAsync(seal, CancellationToken.None))!;
        var entries = change([.. Enumerable.Range(0, batch.Count).Select(i => new StoredEntry(batch.Source(i), batch.Chain(i).ToArray(), AuditEncoding.Decode(batch.Encoded(i))))]);
        using var bytes = new MemoryStream();
        foreach (var (source, chain, entry) in entries)
        {
            var encoded = AuditEncoding.Encode(entry);
            var number = new byte[8];
            BinaryPrimitives.WriteInt32BigEndian(number, 9 + encoded.Length);
            bytes.Write(number, 0, 4);
            bytes.Write(chain);
            bytes.WriteByte(0);
            BinaryPrimitives.WriteInt64BigEndian(number, source);
            bytes.Write(number);
            bytes.Write(encoded);
        }

        await SqlAsync($"UPDATE batches SET entries=x'{Convert.ToHexString(bytes.ToArray())}' WHERE seal={seal}");
    }

    /// <summary>Changes one of the entries 1 to 95 in seals of twenty.</summary>
    public Task EditEntryAsync(int position, Func<AuditEntry, AuditEntry> change) => EditAsync(((position - 1) / 20) + 1, entries =>
    {
        entries[(position - 1) % 20] = entries[(position - 1) % 20] with { Entry = change(entries[(position - 1) % 20].Entry) };
        return entries;
    });

    public Task SqlAsync(string sql) => Database.WriteAsync((session, _) => session.ExecuteAsync(sql)).AsTask();

    public async Task<object?> ScalarAsync(string sql) => (await Database.QueryAsync(sql))[0].Values[0];

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        if (_ownsFolder)
            Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>An entry with the chain that is stored with it.</summary>
internal sealed record StoredEntry(long Source, byte[] Chain, AuditEntry Entry);
