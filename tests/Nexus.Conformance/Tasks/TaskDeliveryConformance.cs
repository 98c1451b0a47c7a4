using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Conformance.Events;
using Nexus.Testing;

namespace Nexus.Conformance.Tasks;

/// <summary>What becomes of tasks, whatever stores them and whatever carries them to workers. Derive, and name both; each test gets a whole node.</summary>
public abstract class TaskDeliveryConformance : IAsyncLifetime
{
    private readonly List<EventNode> _nodes = [];

    /// <summary>What counts messages of the transport; null where the database gives tasks out.</summary>
    protected virtual CountedTransport? Transport => null;

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Chooses storage and transport.</summary>
    protected abstract void Configure(PluginTestOptions options);

    private async Task<EventNode> StartAsync(Action<IPluginBuilder, ConcurrentQueue<string>> declare, params (string Key, string Value)[] settings)
    {
        var node = await EventNode.StartAsync(
            options =>
            {
                Configure(options);
                foreach (var (key, value) in settings)
                    options.Settings[key] = value;
            },
            ("jobs", declare));
        _nodes.Add(node);
        if (Transport is not null)
            await node.ConnectedAsync("tasks");
        return node;
    }

    private void AssertCarried(int least)
    {
        if (Transport is { } transport)
            Assert.True(transport.HandedOut >= least, $"the transport handed out {transport.HandedOut} messages, fewer than {least}");
    }

    private static NewTask New(int n, string name = "jobs.note") => new(name) { Input = Encoding.UTF8.GetBytes($"{n}") };

    private static string InputOf(TaskContext context) => Encoding.UTF8.GetString(context.Input.Span);

    private static Task Note(ConcurrentQueue<string> log, TaskContext context)
    {
        log.Enqueue(InputOf(context));
        return Task.CompletedTask;
    }

    private static ITasks Tasks(EventNode node) => node.Services.GetRequiredService<ITasks>();

    private static async Task<TaskEntry> EndsAsync(EventNode node, Guid id)
    {
        TaskEntry? task = null;
        await EventNode.UntilAsync(async () => (task = await Tasks(node).GetAsync(id)).State.IsFinished(), $"task {id} ends");
        return task!;
    }

    [Fact]
    public async Task Each_task_is_run_once_and_its_result_is_kept()
    {
        var node = await StartAsync((p, log) => p.AddTask("note", (c, _) => Note(log, c)).AddTask<int, int>("double", (_, n, _, _) => Task.FromResult(n * 2)));

        var ids = await Tasks(node).EnqueueAsync([.. Enumerable.Range(0, 300).Select(n => New(n))]);
        var sum = await Tasks(node).EnqueueAsync("jobs.double", 21);
        await node.LogsAsync(300);
        foreach (var id in ids)
            Assert.Equal(TaskState.Success, (await EndsAsync(node, id)).State);

        Assert.Equal(Enumerable.Range(0, 300).Select(n => $"{n}").Order(), node.Log.Order());
        var done = await EndsAsync(node, sum);
        Assert.Equal((TaskState.Success, "42", 1), (done.State, Encoding.UTF8.GetString(done.Result.Span), done.Attempt));
        AssertCarried(301);
    }

    [Fact]
    public async Task A_task_that_fails_is_tried_again_and_fails_after_its_last_try()
    {
        var node = await StartAsync((p, log) => p.AddTask(
            "broken",
            (c, _) =>
            {
                log.Enqueue($"try {c.Attempt}");
                throw new InvalidOperationException("broken");
            },
            t => t with { MaxRetries = 2, RetryDelay = TimeSpan.FromMilliseconds(20) }));

        var failed = await EndsAsync(node, await Tasks(node).EnqueueAsync(New(0, "jobs.broken")));

        Assert.Equal((TaskState.Failure, 3), (failed.State, failed.Attempt));
        Assert.Contains("broken", failed.Error, StringComparison.Ordinal);
        Assert.Equal(["try 1", "try 2", "try 3"], node.Log);
        AssertCarried(3);
    }

    [Fact]
    public async Task No_more_of_a_name_run_at_once_than_it_allows_while_others_go_on()
    {
        using var gate = new SemaphoreSlim(0);
        var (now, most) = (0, 0);
        var node = await StartAsync((p, log) => p
            .AddTask(
                "narrow",
                async (c, ct) =>
                {
                    InterlockedMax(ref most, Interlocked.Increment(ref now));
                    await gate.WaitAsync(ct);
                    Interlocked.Decrement(ref now);
                    await Note(log, c);
                },
                t => t with { Concurrency = 2 })
            .AddTask("note", (c, _) => Note(log, c)));

        await Tasks(node).EnqueueAsync([.. Enumerable.Range(0, 8).Select(n => New(n, "jobs.narrow"))]);
        await EventNode.UntilAsync(() => ValueTask.FromResult(Volatile.Read(ref now) == 2), "two of them run");
        await Tasks(node).EnqueueAsync([.. Enumerable.Range(100, 40).Select(n => New(n))]);
        await node.LogsAsync(40);
        gate.Release(8);
        await node.LogsAsync(48);

        Assert.Equal(2, most);
        Assert.Equal(48, node.Log.Distinct().Count());
    }

    [Fact]
    public async Task A_task_that_is_called_off_while_it_waits_never_runs_and_one_that_is_due_later_waits()
    {
        using var gate = new SemaphoreSlim(0);
        var node = await StartAsync((p, log) => p.AddTask("only", async (c, ct) => { await gate.WaitAsync(ct); await Note(log, c); }, t => t with { Concurrency = 1 }).AddTask("note", (c, _) => Note(log, c)));
        var first = await Tasks(node).EnqueueAsync(New(1, "jobs.only"));
        await EventNode.UntilAsync(async () => (await Tasks(node).GetAsync(first)).State == TaskState.Started, "the first runs");
        var second = await Tasks(node).EnqueueAsync(New(2, "jobs.only"));
        var later = await Tasks(node).EnqueueAsync(New(3) with { Delay = TimeSpan.FromMinutes(10) });

        Assert.True(await Tasks(node).CancelAsync(second));
        gate.Release(2);
        Assert.Equal(TaskState.Success, (await EndsAsync(node, first)).State);
        Assert.Equal(TaskState.Success, (await EndsAsync(node, await Tasks(node).EnqueueAsync(New(4, "jobs.only")))).State);

        Assert.Equal((TaskState.Cancelled, TaskState.Pending), ((await Tasks(node).GetAsync(second)).State, (await Tasks(node).GetAsync(later)).State));
        Assert.Equal(["1", "4"], node.Log);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            if (Interlocked.CompareExchange(ref most, value, seen) == seen)
                return;
        }
    }
}
