using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Tests.Shared;

namespace Nexus.Engines.S3.Tests;

/// <summary>The host as a program with its blobs in a bucket.</summary>
public sealed class HostTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
            {
                routes.MapPut("/files", async (HttpContext c, IBlobs blobs) => Results.Json((await blobs.PutAsync(c.Request.Body, c.RequestAborted)).Sha256));
                routes.MapGet("/files/{hash}", async (string hash, IBlobs blobs) => await blobs.OpenAsync(hash) is { } stream ? Results.File(stream, "application/octet-stream", enableRangeProcessing: true) : Results.NotFound());
                routes.MapDelete("/files/{hash}", async (string hash, IBlobs blobs) => await blobs.DeleteAsync(hash) ? Results.NoContent() : Results.NotFound());
            });
        }
        """;

    [Fact]
    public async Task A_node_that_gets_a_bucket_moves_its_blobs_there_and_serves_ranges_of_them()
    {
        await using var server = await S3Server.StartAsync();
        var folder = Directory.CreateTempSubdirectory("nexus-s3-host-").FullName;
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "engines.s3"), PluginCompiler.Plugin(Path.Combine(folder, "probe"), "probe", "1.0.0", Source)], []);
        Directory.Delete(folder, recursive: true);
        var before = await PutAsync(host, 3_000_000);
        Assert.DoesNotContain("\"blobs\"", (await host.GetAsync("/health")).ToJsonString(), StringComparison.Ordinal);

        await host.RestartAsync([.. server.Settings().Select(s => $"--blobs:{s.Key}={s.Value}")]);

        Assert.True(File.Exists(server.FileOf($"default/probe/{before}")));
        Assert.False(await host.Client.GetAsync($"/api/custom/probe/files/{new string('0', 64)}") is { StatusCode: not HttpStatusCode.NotFound });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/custom/probe/files/{before}") { Headers = { Range = new RangeHeaderValue(2_999_998, null) } };
        using var range = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.PartialContent, range.StatusCode);
        Assert.Equal(Bytes(3_000_000)[^2..], await range.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        var after = await PutAsync(host, 1_000);
        Assert.True(File.Exists(server.FileOf($"default/probe/{after}")));
        var health = await host.UntilAsync("/health", h => (string?)h["status"] == "Healthy");
        Assert.Contains($"bucket blobs at {server.Address} answers in", health.ToJsonString(), StringComparison.Ordinal);

        await server.BehaveAsync("denied", 100);
        using var refused = await host.Client.GetAsync($"/api/custom/probe/files/{after}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal("STORAGE_UNAVAILABLE", (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["code"]);
        await host.UntilAsync("/health", h => (string?)h["status"] == "Degraded");
        await server.BehaveAsync("pass", 0);
        using var deleted = await host.Client.DeleteAsync($"/api/custom/probe/files/{after}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.False(File.Exists(server.FileOf($"default/probe/{after}")));
    }

    private static async Task<string> PutAsync(RunningHost host, int length)
    {
        using var answer = await host.Client.PutAsync("/api/custom/probe/files", new ByteArrayContent(Bytes(length)), TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return (await answer.Content.ReadFromJsonAsync<string>(TestContext.Current.CancellationToken))!;
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
