using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Security;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.Metrics;

public sealed partial class Metrics_text
{
    [Fact]
    public async Task Promtool_accepts_what_requests_plugins_meters_and_hostile_tags_leave_in_it()
    {
        var promtool = ToolProcess.Find("promtool");
        await using var host = await GatewayHost.StartAsync([("metrics:aliases", "true")], configure: s => s.AddSingleton<IConnectionPools>(new Pools()));
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}/\"quoted\\", c => c.Response.WriteAsync("x"))));
        host.Plugins.Statuses = [new PluginStatus { Id = "sample.probe", Version = "1.0.0", State = PluginState.Active }];
        await host.Client.GetAsync("/api/custom/probe/a/\"quoted\\");
        await host.Client.GetAsync("/nowhere");
        using var meter = Meter(host, "sample.probe");
        meter.CreateCounter<long>("odd name-1").Add(3, new KeyValuePair<string, object?>("a b", "line\nbreak \"quote\" back\\slash"), new("le", 1), new("__x", null));
        meter.CreateHistogram<double>("work", "s", "Line\nbreak.").Record(0.2);
        meter.CreateObservableGauge("9lives", () => 9);

        var text = await MetricsAsync(host, "_9lives{");
        var (code, says) = await CheckAsync(promtool, text);

        Assert.True(code == 0, says);
        Assert.Contains("""odd_name_1_total{plugin="sample.probe",a_b="line\nbreak \"quote\" back\\slash",tag_le="1",tag_x=""} 3""", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE work_seconds histogram\n", text, StringComparison.Ordinal);
        Assert.Contains("_9lives{plugin=\"sample.probe\"} 9\n", text, StringComparison.Ordinal);
        Assert.Contains("nexus_db_connections_max{pool=\"nexus\"} 40\n", text, StringComparison.Ordinal);
        Assert.Contains("nexus_http_requests_total{", text, StringComparison.Ordinal);
        var (broken, _) = await CheckAsync(promtool, text + text);
        Assert.NotEqual(0, broken);
    }

    [Fact]
    public async Task Requests_have_method_route_status_and_service_and_errors_are_counted_by_service()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}", c => (string)c.Request.RouteValues["name"]! == "bad" ? throw new InvalidOperationException("no") : c.Response.WriteAsync("x"))));
        foreach (var name in new[] { "one", "two", "bad" })
            await host.Client.GetAsync("/api/custom/probe/" + name);

        var text = await host.Client.GetStringAsync("/metrics");

        const string Route = "plugin=\"sample.probe\",service=\"sample.probe\",route=\"/api/custom/probe/{name}\"";
        Assert.Contains($"http_requests_total{{{Route},method=\"GET\",status=\"200\"}} 2\n", text, StringComparison.Ordinal);
        Assert.Contains($"http_requests_total{{{Route},method=\"GET\",status=\"500\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"http_request_duration_seconds_bucket{{{Route},le=\"+Inf\"}} 3\n", text, StringComparison.Ordinal);
        Assert.Contains($"http_request_duration_seconds_count{{{Route}}} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("\nerror_rate{service=\"sample.probe\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("\nerror_rate{service=\"nexus\"} 0\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("/one", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standbys_have_their_lag_and_two_on_one_address_a_series_each()
    {
        var promtool = ToolProcess.Find("promtool");
        var storage = new Replicated(new("10.0.0.2", "streaming", "async", 4096, 0.25), new("10.0.0.2", "catchup", "async", 1_000_000, 12), new("10.0.0.3", "?", "?", null, null));
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IStorageMaintenance>(storage));

        var text = await host.Client.GetStringAsync("/metrics");
        var (code, says) = await CheckAsync(promtool, text);

        Assert.Equal(
            [
                """database_standby_lag_bytes{standby="10.0.0.2"} 4096""", """database_standby_lag_bytes{standby="10.0.0.2#2"} 1000000""",
                """database_standby_lag_seconds{standby="10.0.0.2"} 0.25""", """database_standby_lag_seconds{standby="10.0.0.2#2"} 12""",
            ],
            text.Split('\n').Where(l => l.StartsWith("database_standby_lag", StringComparison.Ordinal)));
        Assert.True(code == 0, says);

        storage.Fails = true;
        var without = await host.Client.GetStringAsync("/metrics");

        Assert.DoesNotContain("database_standby_lag", without, StringComparison.Ordinal);
        Assert.Contains("process_resident_memory_bytes", without, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_machine_is_told_within_five_points_of_what_proc_says()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc here.");
        await using var host = await GatewayHost.StartAsync();

        var before = MemoryInUse();
        var text = await host.Client.GetStringAsync("/metrics");
        var after = MemoryInUse();

        // Others take and give memory meanwhile.
        Assert.InRange(Value(text, "memory_usage_percent"), Math.Min(before, after) - 5, Math.Max(before, after) + 5);
        Assert.InRange(Value(text, "cpu_usage_percent"), 0, 100);
        Assert.InRange(Value(text, "disk_usage_percent"), 0.001, 100);
        Assert.True(Value(text, "process_resident_memory_bytes") > 10_000_000);
    }

    [Theory]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "application/openmetrics-text; version=1.0.0; charset=utf-8")]
    [InlineData("text/plain", "text/plain; version=0.0.4; charset=utf-8")]
    [InlineData("*/*", "text/plain; version=0.0.4; charset=utf-8")]
    [InlineData("application/openmetrics-text;q=0.2, text/plain", "text/plain; version=0.0.4; charset=utf-8")]
    public async Task The_form_is_the_one_that_is_accepted(string accept, string type)
    {
        await using var host = await GatewayHost.StartAsync();
        await host.Client.GetAsync("/nowhere");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.TryAddWithoutValidation("Accept", accept);

        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();

        var open = type.Contains("openmetrics", StringComparison.Ordinal);
        Assert.Equal(type, answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(open, text.EndsWith("\n# EOF\n", StringComparison.Ordinal));
        Assert.Contains(open ? "# TYPE http_requests counter\n" : "# TYPE http_requests_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains(open ? "# TYPE error_rate unknown\n" : "# TYPE error_rate untyped\n", text, StringComparison.Ordinal);
        Assert.Contains("http_requests_total{plugin=\"none\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tags_without_end_share_one_series_past_the_bound()
    {
        await using var host = await GatewayHost.StartAsync();
        using var meter = Meter(host, "sample.probe");
        var counter = meter.CreateCounter<long>("visits");
        for (var i = 0; i < 700; i++)
            counter.Add(1, new KeyValuePair<string, object?>("visitor", i));

        var text = await host.Client.GetStringAsync("/metrics");

        Assert.Equal(501, VisitsPattern().Count(text));
        Assert.Contains("visits_total{plugin=\"sample.probe\",visitor=\"other\"} 200\n", text, StringComparison.Ordinal);
        Assert.Contains("\nnexus_metrics_overflowed_total 200\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_takes_no_name_of_the_platform_and_none_of_another_kind()
    {
        await using var host = await GatewayHost.StartAsync();
        using var one = Meter(host, "sample.one");
        using var two = Meter(host, "sample.two");
        one.CreateCounter<long>("http_requests").Add(666);
        one.CreateCounter<long>("sold_total").Add(2);
        two.CreateCounter<long>("sold_total").Add(3);
        using var three = Meter(host, "sample.three");
        three.CreateHistogram<long>("sold_total").Record(1);

        var text = await host.Client.GetStringAsync("/metrics");

        Assert.Contains("sample_one_http_requests_total{plugin=\"sample.one\"} 666\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE sold_total counter\nsold_total{plugin=\"sample.one\"} 2\nsold_total{plugin=\"sample.two\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("sample_three_sold_total_count{plugin=\"sample.three\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_meter_that_ended_leaves_its_counts_and_no_gauge_and_one_of_another_host_is_not_here()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var other = await GatewayHost.StartAsync();
        var meter = Meter(host, "sample.probe");
        meter.CreateCounter<long>("sold").Add(2);
        meter.CreateObservableGauge("open", () => 7);
        var before = await MetricsAsync(host, "open{plugin");
        meter.Dispose();
        using var next = Meter(host, "sample.probe");
        next.CreateCounter<long>("sold").Add(1);

        var text = await host.Client.GetStringAsync("/metrics");

        Assert.Contains("open{plugin=\"sample.probe\"} 7\n", before, StringComparison.Ordinal);
        Assert.DoesNotContain("open{plugin", text, StringComparison.Ordinal);
        Assert.Contains("sold_total{plugin=\"sample.probe\"} 3\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("sold_total", await other.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_callback_that_throws_is_logged_and_takes_nothing_from_the_others()
    {
        await using var host = await GatewayHost.StartAsync();
        using var meter = Meter(host, "sample.probe");
        meter.CreateObservableGauge("broken", (Func<int>)(() => throw new InvalidOperationException("no")));
        meter.CreateObservableGauge("whole", () => 5);

        var text = await MetricsAsync(host, "whole{");

        Assert.Contains("whole{plugin=\"sample.probe\"} 5\n", text, StringComparison.Ordinal);
        Assert.Contains(host.Log.Lines, l => l.Contains("metrics.callback_failed InvalidOperationException: no", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_callback_that_does_not_return_does_not_hold_up_the_rest()
    {
        await using var host = await GatewayHost.StartAsync();
        using var meter = Meter(host, "sample.probe");
        using var hang = new ManualResetEventSlim();
        meter.CreateObservableGauge("stuck", () =>
        {
            hang.Wait(Until.Patience * 2);
            return 1;
        });

        var clock = Stopwatch.StartNew();
        var text = await host.Client.GetStringAsync("/metrics") + await host.Client.GetStringAsync("/metrics");
        hang.Set();

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Until.Patience);
        Assert.Contains("process_cpu_seconds_total", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_callback_does_not_return_gauges_keep_what_they_told_before_and_that_is_told()
    {
        await using var host = await GatewayHost.StartAsync();
        using var meter = Meter(host, "sample.probe");
        using var hang = new ManualResetEventSlim(true);
        meter.CreateObservableGauge("stuck", () =>
        {
            hang.Wait(Until.Patience * 2);
            return 1;
        });
        meter.CreateObservableGauge("whole", () => 5);
        var before = await MetricsAsync(host, "whole{");
        hang.Reset();

        var meanwhile = await host.Client.GetStringAsync("/metrics");
        hang.Set();
        var after = await MetricsAsync(host, "nexus_metrics_outdated 0");

        Assert.All([before, meanwhile, after], text =>
        {
            Assert.Contains("stuck{plugin=\"sample.probe\"} 1\n", text, StringComparison.Ordinal);
            Assert.Contains("whole{plugin=\"sample.probe\"} 5\n", text, StringComparison.Ordinal);
        });
        Assert.Contains("\nnexus_metrics_outdated 1\n", meanwhile, StringComparison.Ordinal);
        Assert.Contains(host.Log.Lines, l => l.Contains("metrics.callback_slow", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_of_the_file_opens_the_metrics_and_nothing_else()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "0123456789abcdef\n");
        var identity = new FakeIdentity();
        await using var host = await GatewayHost.StartAsync([("metrics:tokenFile", file)]);
        host.Plugins.Publish(identity.Plugin());

        Assert.Equal(200, await GetAsync(host, "/metrics", "0123456789abcdef"));
        Assert.Equal(401, await GetAsync(host, "/metrics", "0123456789abcdee"));
        Assert.Equal(401, await GetAsync(host, "/metrics", null));
        Assert.Equal(401, await GetAsync(host, "/api/v1/plugins", "0123456789abcdef"));
        await File.WriteAllTextAsync(file, "short");
        Assert.Equal(401, await GetAsync(host, "/metrics", "short"));
        File.Delete(file);
    }

    /// <summary>The metrics once a value that is asked of a callback is among them: past two seconds the node answers without, and a machine may stall for longer.</summary>
    private static async Task<string> MetricsAsync(GatewayHost host, string mark)
    {
        using var limit = new CancellationTokenSource(Until.Patience);
        while (true)
        {
            var text = await host.Client.GetStringAsync("/metrics", limit.Token);
            if (text.Contains(mark, StringComparison.Ordinal))
                return text;
        }
    }

    private static async Task<int> GetAsync(GatewayHost host, string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var answer = await host.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    /// <summary>A meter as the kernel gives it to a plugin.</summary>
    private static Meter Meter(GatewayHost host, string plugin) =>
        new(new MeterOptions("m") { Scope = host.Services.GetRequiredService<IMeterFactory>(), Tags = [new KeyValuePair<string, object?>("plugin", plugin)] });

    private static double MemoryInUse()
    {
        var memory = File.ReadLines("/proc/meminfo").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToDictionary(l => l[0], l => double.Parse(l[1], CultureInfo.InvariantCulture));
        return 100 * (1 - (memory["MemAvailable:"] / memory["MemTotal:"]));
    }

    private static double Value(string text, string name) =>
        double.Parse(text.Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);

    private static async Task<(int Code, string Says)> CheckAsync(string promtool, string text)
    {
        using var process = Process.Start(new ProcessStartInfo(promtool, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        var says = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(text);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Join('\n', await says));
    }

    [GeneratedRegex("^visits_total\\{", RegexOptions.Multiline)]
    private static partial Regex VisitsPattern();

    private sealed class Replicated(params ImmutableArray<StandbyState> standbys) : IStorageMaintenance
    {
        public bool Fails { get; set; }

        public ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) => new(new StorageDescription("fake", "1", "here", 0, []));

        public ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) => new([]);

        public ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken) => new(true);

        public ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken) =>
            Fails ? throw new NexusException("DATABASE_UNREACHABLE", "The database does not answer.") : new(standbys);
    }

    private sealed class Pools : IConnectionPools
    {
        public ImmutableArray<PoolUse> List() => [new PoolUse("nexus", 3, 5, 40)];
    }
}
