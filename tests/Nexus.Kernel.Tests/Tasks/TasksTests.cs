using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>Tasks as a plugin declares and a caller sees them, on the real kernel, storage and gateway.</summary>
public sealed class TasksTests
{
    private static readonly PluginManifest Manifest = new() { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Sells.", Entry = "" };

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    [Theory, MemberData(nameof(Engines))]
    public async Task A_caller_asks_for_a_task_follows_it_and_reads_its_result(string engine)
    {
        var answered = new TaskCompletionSource();
        await using var host = await StartAsync(engine, plugin => plugin.AddTask<Numbers, Sum>("add", async (_, numbers, context, cancellation) =>
        {
            await answered.Task.WaitAsync(cancellation);
            context.Report(50, "adding");
            context.Log($"{numbers.Values.Length} numbers");
            return new Sum(numbers.Values.Sum());
        }));

        using var answer = await host.Client.PostAsJsonAsync("/api/v1/tasks", new { task = "shop.add", input = new { values = new[] { 1, 2, 39 } } });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var asked = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        // A worker may have taken it before the answer was written.
        Assert.True((string?)asked["state"] is "PENDING" or "STARTED", $"{asked["state"]}");
        answered.SetResult();
        Assert.Equal($"/api/v1/tasks/{asked["id"]}", answer.Headers.Location!.ToString());

        var events = await host.Client.GetStringAsync($"/api/v1/tasks/{asked["id"]}/progress");
        Assert.Contains("event: done\ndata: {", events, StringComparison.Ordinal);
        Assert.Contains("3 numbers", events, StringComparison.Ordinal);
        Assert.Equal("""{"total":42}""", await host.Client.GetStringAsync($"/api/v1/tasks/{asked["id"]}/result"));
        var done = JsonNode.Parse(await host.Client.GetStringAsync($"/api/v1/tasks/{asked["id"]}"))!;
        Assert.Equal(("SUCCESS", 1, "adding", "adding"), ((string?)done["state"], (int)done["attempt"]!, (string?)done["step"], (string?)done["steps"]![0]!["text"]));
        Assert.Equal(["adding", "3 numbers"], JsonNode.Parse(await host.Client.GetStringAsync($"/api/v1/tasks/{asked["id"]}/logs"))!.AsArray().Select(l => (string?)l!["text"]));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_failing_task_is_tried_again_and_then_a_failure_that_can_be_retried(string engine)
    {
        var tries = new ConcurrentQueue<bool>();
        var broken = true;
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("charge", (context, _) =>
        {
            tries.Enqueue(context.IsLastAttempt);
            return broken ? throw new InvalidOperationException($"no card on try {context.Attempt}") : Task.CompletedTask;
        }, task => task with { MaxRetries = 2, RetryDelay = TimeSpan.FromMilliseconds(20) }));
        var tasks = host.Services.GetRequiredService<ITasks>();

        var failed = await EndAsync(tasks, await tasks.EnqueueAsync("shop.charge"));

        Assert.Equal((TaskState.Failure, 3, "InvalidOperationException: no card on try 3"), (failed.State, failed.Attempt, failed.Error));
        Assert.Equal([false, false, true], tries);
        using (var early = await host.Client.GetAsync($"/api/v1/tasks/{failed.Id}/result"))
            Assert.Equal((HttpStatusCode.Conflict, "TASK_NOT_FINISHED"), (early.StatusCode, (string?)JsonNode.Parse(await early.Content.ReadAsStringAsync())!["code"]));
        broken = false;
        using (var retried = await host.Client.PostAsync($"/api/v1/tasks/{failed.Id}/retry", null))
            Assert.Equal(HttpStatusCode.Accepted, retried.StatusCode);
        Assert.Equal((TaskState.Success, 1), ((await EndAsync(tasks, failed.Id)).State, (await tasks.GetAsync(failed.Id)).Attempt));
        using var again = await host.Client.PostAsync($"/api/v1/tasks/{failed.Id}/retry", null);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_over_its_time_limit_is_ended_and_what_it_writes_later_has_no_effect(string engine)
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var late = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("hang", async (services, _, _) =>
        {
            try
            {
                await services.GetRequiredService<IDocuments>().SetAsync("before", 1, cancellationToken: CancellationToken.None);
                await goOn.Task;
                await services.GetRequiredService<IDocuments>().SetAsync("after", 1, cancellationToken: CancellationToken.None);
                late.SetResult("written");
            }
            catch (NexusException e)
            {
                late.SetResult(e.Code);
            }
        }, task => task with { MaxRetries = 0, Timeout = TimeSpan.FromMilliseconds(100) }), ("tasks:cancelGrace", "50ms"));
        var tasks = host.Services.GetRequiredService<ITasks>();

        var ended = await EndAsync(tasks, await tasks.EnqueueAsync("shop.hang"));
        goOn.SetResult();

        Assert.Equal(TaskState.Failure, ended.State);
        Assert.Contains("time limit", ended.Error, StringComparison.Ordinal);
        Assert.Equal("CONFLICT", await late.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(TaskState.Failure, (await tasks.GetAsync(ended.Id)).State);
        Assert.Empty(await DocumentsAsync(host));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_running_task_stops_when_it_is_called_off(string engine)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("long", async (_, stop) =>
        {
            started.TrySetResult();
            await Task.Delay(Timeout.Infinite, stop);
        }));
        var tasks = host.Services.GetRequiredService<ITasks>();
        var running = await tasks.EnqueueAsync("shop.long");
        var waiting = await tasks.EnqueueAsync(new NewTask("shop.long") { Delay = TimeSpan.FromHours(1) });
        await started.Task;

        using var answer = await host.Client.DeleteAsync($"/api/v1/tasks/{running}");
        Assert.True(await tasks.CancelAsync(waiting));

        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal(TaskState.Cancelled, (await EndAsync(tasks, running)).State);
        Assert.Equal(TaskState.Cancelled, (await tasks.GetAsync(waiting)).State);
        Assert.False(await tasks.CancelAsync(running));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_that_ignores_being_called_off_is_abandoned(string engine)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(engine, plugin => plugin.AddTask<int, string>("deaf", async (_, _, _, _) =>
        {
            started.TrySetResult();
            await end.Task;
            return "too late";
        }), ("tasks:cancelGrace", "50ms"));
        var tasks = host.Services.GetRequiredService<ITasks>();
        var id = await tasks.EnqueueAsync("shop.deaf", 1);
        await started.Task;

        await tasks.CancelAsync(id);
        var cancelled = await EndAsync(tasks, id);
        end.SetResult();
        await Task.Delay(50);

        Assert.Equal(TaskState.Cancelled, cancelled.State);
        Assert.Equal((TaskState.Cancelled, 0), ((await tasks.GetAsync(id)).State, (await tasks.GetAsync(id)).Result.Length));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_is_asked_for_if_and_only_if_its_unit_of_work_commits(string engine)
    {
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("later", (_, _) => Task.CompletedTask).On("shop.order", async (services, context, ct) =>
        {
            await services.GetRequiredService<ITasks>().EnqueueAsync(new NewTask("later") { Key = "one" }, ct);
            await services.GetRequiredService<ITasks>().EnqueueAsync(new NewTask("later") { Key = "one" }, ct);
            await services.GetRequiredService<ITasks>().EnqueueAsync(new NewTask("later") { Input = "7"u8.ToArray() }, ct);
            if (context.Attempt == 1)
                throw new InvalidOperationException("after asking");
        }, s => s with { RetryDelay = TimeSpan.FromMilliseconds(20) }));
        var tasks = host.Services.GetRequiredService<ITasks>();

        await host.PublishAsync("shop.order", "{}");
        await UntilAsync(async () => (await tasks.ListAsync(new TaskQuery())).Count(t => t.State == TaskState.Success) >= 2);

        Assert.Equal(2, (await tasks.ListAsync(new TaskQuery())).Length);
        Assert.Equal(["7", "null"], (await tasks.ListAsync(new TaskQuery())).Select(t => Encoding.UTF8.GetString(t.Input.Span)).Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_task_writes_happens_with_its_being_done_or_not_at_all(string engine)
    {
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("count", async (services, context, ct) =>
        {
            var documents = services.GetRequiredService<IDocuments>();
            await documents.SetAsync("count", (await documents.GetAsync<int?>("count", ct) ?? 0) + 1, cancellationToken: ct);
            await services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "shop.counted" }, cancellationToken: ct);
            if (context.Attempt < 3)
                throw new InvalidOperationException("after writing");
        }, task => task with { RetryDelay = TimeSpan.FromMilliseconds(10) }));
        var tasks = host.Services.GetRequiredService<ITasks>();

        await EndAsync(tasks, await tasks.EnqueueAsync("shop.count"));
        var second = await host.RunTaskAsync("count");
        if (!second.State.IsFinished())
            await EndAsync(tasks, second.Id);

        Assert.Equal(["2"], await DocumentsAsync(host));
        Assert.Equal(2, (await host.Services.GetRequiredService<IEventLog>().ReadAsync(new EventQuery { Pattern = "shop.counted" }, default)).Events.Length);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_unfinished_task_with_the_same_key_is_the_answer(string engine)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("sync", async (_, _) => await gate.Task));
        var tasks = host.Services.GetRequiredService<ITasks>();

        var ids = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => tasks.EnqueueAsync(new NewTask("shop.sync") { Key = "acme" }).AsTask())));
        gate.SetResult();
        await EndAsync(tasks, ids[0]);
        var next = await tasks.EnqueueAsync(new NewTask("shop.sync") { Key = "acme" });

        Assert.Single(ids.Distinct());
        Assert.NotEqual(ids[0], next);
        await EndAsync(tasks, next);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_at_once_runs_no_more_often_than_it_says(string engine)
    {
        var (now, most, gate) = (0, 0, new Lock());
        var two = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(engine, plugin => plugin.AddTask("narrow", async (_, ct) =>
        {
            lock (gate)
                most = Math.Max(most, ++now);
            // The first waits for a second beside it, so that there are two at once.
            if (most >= 2)
                two.TrySetResult();
            await two.Task.WaitAsync(ct);
            await Task.Delay(15, ct);
            lock (gate)
                now--;
        }, task => task with { Concurrency = 2 }));
        var tasks = host.Services.GetRequiredService<ITasks>();

        var ids = await tasks.EnqueueAsync([.. Enumerable.Range(0, 12).Select(_ => new NewTask("shop.narrow"))]);
        foreach (var id in ids)
            await EndAsync(tasks, id);

        Assert.Equal(2, most);
    }

    [Fact]
    public async Task Types_workers_and_unknown_names_are_told()
    {
        await using var host = await StartAsync("memory", plugin => plugin.AddTask("add", (_, _) => Task.CompletedTask, task => task with { Description = "Adds.", MaxRetries = 7 }));

        var type = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/tasks/types"))![0]!;
        Assert.Equal(("shop.add", "shop", "Adds.", 7), ((string?)type["name"], (string?)type["plugin"], (string?)type["description"], (int)type["maxRetries"]!));
        await host.RunTaskAsync("add");
        await UntilAsync(async () => JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/workers"))!.AsArray().Count == 1);
        Assert.Equal(1, (int)JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/tasks/stats"))![0]!["SUCCESS"]!);
        using var unknown = await host.Client.PostAsJsonAsync("/api/v1/tasks", new { task = "shop.none" });
        Assert.Equal((HttpStatusCode.BadRequest, "TASK_UNKNOWN"), (unknown.StatusCode, (string?)JsonNode.Parse(await unknown.Content.ReadAsStringAsync())!["code"]));
        using var absent = await host.Client.GetAsync($"/api/v1/tasks/{Guid.NewGuid()}");
        Assert.Equal(HttpStatusCode.NotFound, absent.StatusCode);
    }

    [Fact]
    public async Task Short_work_is_answered_at_once_and_long_work_with_its_id()
    {
        await using var host = await StartAsync("memory", plugin => plugin.AddTask<int, int>("wait", async (_, milliseconds, _, ct) =>
        {
            await Task.Delay(milliseconds, ct);
            return milliseconds;
        }));

        async Task<(HttpStatusCode Status, JsonNode Body)> AskAsync(int milliseconds, int wait)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/tasks") { Content = JsonContent.Create(new { task = "shop.wait", input = milliseconds }) };
            request.Headers.Add("Prefer", $"wait={wait}");
            using var answer = await host.Client.SendAsync(request);
            return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
        }

        var quick = await AskAsync(1, wait: 30);
        var slow = await AskAsync(600_000, wait: 1);

        Assert.Equal((HttpStatusCode.OK, "SUCCESS", 1), (quick.Status, (string?)quick.Body["state"], (int)quick.Body["result"]!));
        // A worker that a busy machine holds up may not have begun it yet.
        Assert.True(slow.Status == HttpStatusCode.Accepted && (string?)slow.Body["state"] is "STARTED" or "PENDING", $"{slow}");
        await host.Services.GetRequiredService<ITasks>().CancelAsync(Guid.Parse((string)slow.Body["id"]!));
    }

    [Fact]
    public async Task A_plugin_sees_and_changes_its_own_tasks_only()
    {
        ITasks? ofOther = null;
        await using var host = await PluginTestHost.StartAsync(options =>
        {
            options.Add(Manifest, () => new Delegated(plugin => plugin.AddTask("mine", (_, _) => Task.CompletedTask)));
            options.Add(Manifest with { Name = "other" }, () => new Delegated(plugin => plugin.AddTask("theirs", (_, _) => Task.CompletedTask), services => ofOther = services.GetRequiredService<ITasks>()));
        });
        var id = await host.Services.GetRequiredService<ITasks>().EnqueueAsync(new NewTask("shop.mine") { Delay = TimeSpan.FromHours(1) });

        Assert.Null(await ofOther!.FindAsync(id));
        Assert.False(await ofOther!.CancelAsync(id));
        Assert.Empty(await ofOther!.ListAsync(new TaskQuery { Plugin = "shop" }));
        Assert.Equal("TASK_UNKNOWN", (await Assert.ThrowsAsync<NexusException>(async () => await ofOther!.EnqueueAsync("shop.mine"))).Code);
        Assert.Equal("TASK_UNKNOWN", (await Assert.ThrowsAsync<NexusException>(async () => await ofOther!.EnqueueAsync("unknown"))).Code);
        var own = await ofOther!.EnqueueAsync("theirs");
        Assert.Equal(TaskState.Success, (await EndAsync(ofOther!, own)).State);
    }

    [Fact]
    public async Task Finished_tasks_and_their_logs_go_after_the_retention()
    {
        var clock = new ShiftedClock();
        await using var host = await StartAsync("sqlite", plugin => plugin.AddTask("log", (context, _) =>
        {
            context.Log("hello");
            return Task.CompletedTask;
        }), clock, ("tasks:retention", "1h"));
        var done = await host.RunTaskAsync("log");
        var upkeep = host.Services.GetRequiredService<Nexus.Kernel.Tasks.TaskUpkeep>();
        Assert.Equal(0, await upkeep.RunAsync(default));

        clock.Advance(TimeSpan.FromMinutes(61));

        Assert.Equal(1, await upkeep.RunAsync(default));
        Assert.Null(await host.Services.GetRequiredService<ITasks>().FindAsync(done.Id));
        Assert.Empty((await host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = "nexus.task_logs" }, default)).Records);
    }

    private static Task<PluginTestHost> StartAsync(string engine, Action<IPluginBuilder> configure, params (string Key, string Value)[] settings) => StartAsync(engine, configure, null, settings);

    private static Task<PluginTestHost> StartAsync(string engine, Action<IPluginBuilder> configure, TimeProvider? clock, params (string Key, string Value)[] settings) => PluginTestHost.StartAsync(options =>
    {
        options.Clock = clock;
        options.Settings["database:type"] = engine;
        foreach (var (key, value) in settings)
            options.Settings[key] = value;
        options.Add(Manifest, () => new Delegated(configure));
    });

    private static async Task<TaskEntry> EndAsync(ITasks tasks, Guid id)
    {
        var task = await tasks.WaitAsync(id, TimeSpan.FromSeconds(30));
        Assert.True(task.State.IsFinished(), $"{task}");
        return task;
    }

    private static async Task<string[]> DocumentsAsync(PluginTestHost host) =>
    [
        .. (await host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "plugins/custom/shop/" }, default)).Records.Where(r => !r.Id.Contains("/metadata", StringComparison.Ordinal)).Select(r => Encoding.UTF8.GetString(r.Json.Span)),
    ];

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition())
            await Task.Delay(10, limit.Token);
    }

    internal sealed record Numbers(int[] Values);

    internal sealed record Sum(int Total);

    private sealed class Delegated(Action<IPluginBuilder> configure, Action<IServiceProvider>? start = null) : IPlugin, IStart
    {
        public void Configure(IPluginBuilder plugin) => configure(plugin);

        public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
        {
            start?.Invoke(services);
            return Task.CompletedTask;
        }
    }
}
