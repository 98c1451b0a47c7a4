using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Live;

namespace Nexus.Gateway.Tests.Monitoring;

/// <summary><c>/monitor</c> and <c>/status</c>.</summary>
public sealed class Request_monitor
{
    [Fact]
    public async Task The_stream_shows_a_request_while_it_runs_and_when_it_is_over_by_its_pattern_alone()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var mayEnd = new TaskCompletionSource();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/{name}", async c =>
        {
            await mayEnd.Task;
            await c.Response.WriteAsync("x");
        })));
        using var watcher = await Watcher.BeginAsync(host);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/custom/probe/secret-name?token=secret-query") { Content = new StringContent("secret-body") };
        request.Headers.Add("X-Request-ID", "one");

        var answer = host.Client.SendAsync(request);
        var started = await watcher.NextAsync("started");
        Assert.False(answer.IsCompleted);
        mayEnd.SetResult();
        (await answer).Dispose();
        var finished = await watcher.NextAsync("finished");
        using var missing = await host.Client.GetAsync("/secret-place");
        var lost = await watcher.NextAsync("finished");

        Assert.Equal(("one", "POST", "/api/custom/probe/{name}", "sample.probe", null), Named(started));
        Assert.Equal(("one", "POST", "/api/custom/probe/{name}", "sample.probe", 200), Named(finished));
        Assert.InRange((double)finished["milliseconds"]!, 0, 60_000);
        Assert.NotEmpty((string)started["traceId"]!);
        Assert.Equal(("GET", null, 404), ((string?)lost["method"], (string?)lost["route"], (int)lost["status"]!));
        Assert.DoesNotContain("secret", watcher.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_request_has_only_its_end_and_the_stream_ends_with_its_credentials()
    {
        var identity = LiveHosts.Identity();
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Always = [identity.Plugin()];
        host.Plugins.Publish();
        using var stranger = await host.Client.GetAsync("/monitor");
        using var watcher = await Watcher.BeginAsync(host, "root");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/status") { Headers = { { "Authorization", "Bearer bob-1" } } };
        using var refused = await host.Client.SendAsync(request);
        var finished = await watcher.NextAsync("finished");

        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.Equal(("GET", null, 403), ((string?)finished["method"], (string?)finished["route"], (int)finished["status"]!));
        Assert.DoesNotContain("event: started", watcher.Text, StringComparison.Ordinal);
        identity.Revoke("root");
        Assert.Matches("event: error\ndata: {\"code\":\"AUTHENTICATION_REQUIRED\",\"requestId\":\"[^\"]+\"}\n\n$", await watcher.RestAsync());
        Assert.False(host.Services.GetRequiredService<RequestMonitor>().IsWatched);
    }

    [Fact]
    public async Task Who_reads_too_slowly_loses_events_and_is_told_how_many()
    {
        const int Told = 50_000;
        await using var host = await GatewayHost.StartAsync();
        using var watcher = await Watcher.BeginAsync(host);
        var monitor = host.Services.GetRequiredService<RequestMonitor>();
        for (var i = 0; i < Told; i++)
            monitor.Start(new GatewayRequest("slow"), "GET");

        var (seen, lost) = (0, 0);
        while (seen + lost < Told)
        {
            var (name, data) = await watcher.NextAsync();
            if (name == "lost")
                lost += (int)data["count"]!;
            else
                seen++;
        }

        Assert.Equal(Told, seen + lost);
        Assert.InRange(seen, RequestWatch.Capacity, Told - 1);
    }

    [Fact]
    public async Task Nobody_is_told_after_the_watcher_left()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var monitor = host.Services.GetRequiredService<RequestMonitor>();
        var watcher = await Watcher.BeginAsync(host);
        Assert.True(monitor.IsWatched);

        watcher.Dispose();

        await Until.HoldsAsync(() => !monitor.IsWatched);
    }

    [Fact]
    public async Task The_status_has_the_machine_and_the_checks()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Statuses = [new PluginStatus { Id = "sample.probe", Version = "1.0.0", State = PluginState.Active }];

        var status = JsonNode.Parse(await host.Client.GetStringAsync("/status"))!;
        var plain = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/status"))!;

        Assert.Equal([.. plain.AsObject().Select(p => p.Key), "cpu", "memory", "disk", "checks"], status.AsObject().Select(p => p.Key).Where(key => key != "gpu"));
        Assert.InRange((double)status["cpu"]!["usagePercent"]!, 0, 100);
        Assert.InRange((double)status["memory"]!["usagePercent"]!, 0.001, 100);
        Assert.True((long)status["memory"]!["processBytes"]! > 10_000_000);
        Assert.InRange((double)status["disk"]!["usagePercent"]!, 0.001, 100);
        Assert.Equal(["core", "sample.probe"], status["checks"]!.AsArray().Select(c => (string?)c!["name"]).Take(2));
    }

    [Fact]
    public void Graphics_processors_are_read_from_the_kernels_files()
    {
        var root = Directory.CreateTempSubdirectory("nexus-gpu-").FullName;
        void Write(string file, string text)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, file))!);
            File.WriteAllText(Path.Combine(root, file), text);
        }

        Write("sys/class/drm/card0/device/gpu_busy_percent", "37\n");
        Write("sys/class/drm/card0/device/mem_info_vram_total", "17163091968\n");
        Write("sys/class/drm/card0/device/mem_info_vram_used", "1073741824\n");
        Write("sys/class/drm/card0-DP-1/device/gpu_busy_percent", "37\n");
        Write("sys/class/drm/card1/device/vendor", "0x8086\n");
        Write("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX A2000\nIRQ:   \t\t 41\n");

        var found = Gpu.List(root);
        Directory.Delete(root, recursive: true);

        Assert.Equal([new Gpu("card0", 37, 17163091968, 1073741824), new Gpu("NVIDIA RTX A2000", null, null, null)], found);
        Assert.Empty(Gpu.List(root));
    }

    private static (string?, string?, string?, string?, int?) Named(JsonNode data) =>
        ((string?)data["request"], (string?)data["method"], (string?)data["route"], (string?)data["plugin"], (int?)data["status"]);

    /// <summary>One who watches, from the stream's first line on.</summary>
    private sealed class Watcher(HttpResponseMessage answer, StreamReader lines) : IDisposable
    {
        private readonly System.Text.StringBuilder text = new();

        public string Text => text.ToString();

        public static async Task<Watcher> BeginAsync(GatewayHost host, string? token = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/monitor");
            if (token is not null)
                request.Headers.Add("Authorization", "Bearer " + token);
            var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
            var watcher = new Watcher(answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
            Assert.Equal(": watching", await watcher.LineAsync());
            return watcher;
        }

        public async Task<JsonNode> NextAsync(string name)
        {
            var (found, data) = await NextAsync();
            Assert.Equal(name, found);
            return data;
        }

        public async Task<(string Name, JsonNode Data)> NextAsync()
        {
            var line = await LineAsync();
            while (!line.StartsWith("event: ", StringComparison.Ordinal))
                line = await LineAsync();
            return (line["event: ".Length..], JsonNode.Parse((await LineAsync())["data: ".Length..])!);
        }

        public Task<string> RestAsync() => lines.ReadToEndAsync().WaitAsync(Until.Patience);

        public void Dispose()
        {
            lines.Dispose();
            answer.Dispose();
        }

        private async Task<string> LineAsync()
        {
            var line = await lines.ReadLineAsync().WaitAsync(Until.Patience) ?? throw new InvalidOperationException("The stream ended.");
            text.AppendLine(line);
            return line;
        }
    }
}
