using System.Diagnostics;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Telemetry;

/// <summary>What a node exports by OTLP, as a collector gets it.</summary>
public sealed class TraceTests
{
    private const string Caller = "00f067aa0ba902b7";

    private const string Chain = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.MapEndpoints(routes => routes.MapPost("/go", async (IEvents events, ILogger<ThePlugin> log) =>
                {
                    log.LogWarning("chain goes");
                    await events.PublishAsync(new EventMessage { Name = "chain.begun" });
                    return "ok";
                }));
                plugin.On("chain.begun", async (services, context, stop) => { await services.GetRequiredService<ITasks>().EnqueueAsync("work", stop); });
                plugin.AddTask("work", async (services, context, stop) =>
                {
                    var sql = services.GetRequiredService<ISqlDatabase>();
                    await sql.WriteAsync(async (session, _) =>
                    {
                        await session.ExecuteAsync("CREATE TABLE IF NOT EXISTS sums (amount INTEGER)");
                        return await session.ExecuteAsync("INSERT INTO sums VALUES (4711)");
                    }, stop);
                    await sql.QueryAsync("SELECT amount FROM sums WHERE amount > @least AND 'secret' <> ''", new Dictionary<string, object> { ["least"] = 17 }, stop);
                });
            }
        }
        """;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task A_request_its_event_its_task_and_their_statements_are_one_tree_at_the_collector(string engine)
    {
        using var collector = new OtlpReceiver();
        await using var host = await StartAsync(engine, collector);
        var trace = ActivityTraceId.CreateRandom().ToString();

        await GoAsync(host, trace, sampled: true);
        var spans = await ArrivedAsync(collector, all => all.Any(s => s.Trace == trace && s.Name == "task.run") && all.Any(s => s.Trace == trace && s.Name == "gateway"), host);

        var own = spans.Where(s => s.Trace == trace).ToDictionary(s => s.Id);
        Assert.All(own.Values, s => Assert.True(s.Parent == Caller || own.ContainsKey(s.Parent), $"{s.Name} has no parent in the trace"));
        Assert.Equal("gateway", Assert.Single(own.Values, s => s.Parent == Caller).Name);
        var statement = own.Values.Single(s => s.Tags.TryGetValue("db.query.text", out var text) && text.StartsWith("SELECT", StringComparison.Ordinal));
        Assert.Equal(["sql.statement", "task.run", "task.enqueue", "event.handle", "event.publish", "plugin", "gateway"], Path(statement, own));
        Assert.Equal("SELECT amount FROM sums WHERE amount > @least AND ? <> ?", statement.Tags["db.query.text"]);
        Assert.Equal(engine, statement.Tags["db.system.name"]);
        Assert.Equal(["storage.commit", "event.publish", "plugin", "gateway"], Path(own.Values.First(s => s.Name == "storage.commit" && own[s.Parent].Name == "event.publish"), own));
        Assert.DoesNotContain(own.Values, s => s.Tags.Values.Any(v => v.Contains("4711", StringComparison.Ordinal) || v.Contains("secret", StringComparison.Ordinal)));
        Assert.Equal("/api/custom/chain/go", own.Values.Single(s => s.Name == "gateway").Tags["http.route"]);
        Assert.Equal(["chain-node"], collector.Services.Keys);
    }

    [Fact]
    public async Task Metrics_and_log_lines_arrive_too_and_a_line_has_the_trace_of_its_request()
    {
        using var collector = new OtlpReceiver();
        await using var host = await StartAsync("sqlite", collector);
        var trace = ActivityTraceId.CreateRandom().ToString();

        await GoAsync(host, trace, sampled: true);
        await UntilAsync(() => collector.Logs.Any(l => l == ("chain goes", trace)), "the line", host);
        await UntilAsync(() => collector.Metrics.ContainsKey("events_emitted") && collector.Metrics.ContainsKey("database_query_duration"), "the metrics", host);

        Assert.DoesNotContain(collector.Metrics.Keys, m => m.StartsWith("kestrel", StringComparison.Ordinal) || m.StartsWith("http.server", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_caller_did_not_sample_is_not_exported_and_nothing_of_its_work_begins_a_trace()
    {
        using var collector = new OtlpReceiver();
        await using var host = await StartAsync("sqlite", collector);
        var (left, kept) = (ActivityTraceId.CreateRandom().ToString(), ActivityTraceId.CreateRandom().ToString());

        await GoAsync(host, left, sampled: false);
        await host.UntilAsync("/api/v1/tasks?state=SUCCESS", tasks => RunningHost.Rows(tasks).Count == 1);
        await GoAsync(host, kept, sampled: true);
        var spans = await ArrivedAsync(collector, all => all.Any(s => s.Trace == kept && s.Name == "task.run"), host);

        Assert.DoesNotContain(spans, s => s.Trace == left);
        Assert.DoesNotContain(spans, s => s.Name is "event.handle" or "task.run" && s.Trace != kept);
    }

    private static async Task<RunningHost> StartAsync(string engine, OtlpReceiver collector)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-chain-").FullName;
        try
        {
            var plugin = PluginCompiler.Plugin(System.IO.Path.Combine(folder, "chain"), "chain", "1.0.0", Chain);
            string[] plugins = [plugin, System.IO.Path.Combine(Programs.Plugins, "engines.telemetry")];
            string[] settings = [$"--telemetry:otlp:endpoint={collector.Address}", "--telemetry:metricsSeconds=0.5", "--logging:service=chain-node"];
            return engine == "sqlite"
                ? await RunningHost.StartAsync(plugins, settings)
                : await RunningHost.StartAsync([.. plugins, System.IO.Path.Combine(Programs.Plugins, "engines.postgresql")], [.. settings, "--database:type=postgresql", $"--database:connectionString={await PostgreSqlServer.DatabaseAsync()}"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task GoAsync(RunningHost host, string trace, bool sampled)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/custom/chain/go") { Headers = { { "traceparent", $"00-{trace}-{Caller}-{(sampled ? "01" : "00")}" } } };
        using var answer = await host.Client.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, $"{await answer.Content.ReadAsStringAsync()}\n{host.Log}");
    }

    /// <summary>The spans once what is waited for is among them, and the batch after it.</summary>
    private static async Task<List<ReceivedSpan>> ArrivedAsync(OtlpReceiver collector, Func<IReadOnlyCollection<ReceivedSpan>, bool> condition, RunningHost host)
    {
        await UntilAsync(() => condition([.. collector.Spans]), "the spans", host);
        // Batches leave every five seconds and when the node stops.
        await host.StopAsync();
        return [.. collector.Spans];
    }

    private static async Task UntilAsync(Func<bool> condition, string what, RunningHost host)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(90), $"{what} did not arrive\n{host.Log}");
            await Task.Delay(50);
        }
    }

    private static List<string> Path(ReceivedSpan span, Dictionary<string, ReceivedSpan> all)
    {
        List<string> path = [span.Name];
        while (all.TryGetValue(span.Parent, out var parent))
        {
            span = parent;
            if (span.Name is not ("sql.write" or "routing"))
                path.Add(span.Name);
        }

        return path;
    }
}
