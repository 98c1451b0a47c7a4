using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Tests.Events;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>Workers that share, hang, stop and are swapped under their tasks.</summary>
public sealed class TaskNodeTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-tasks-").FullName;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, MemberData(nameof(Engines))]
    public async Task Several_workers_on_one_store_run_each_task_once(string engine)
    {
        // None ends before both have begun one: each has room for a few of the three hundred only.
        var (begun, both) = (new ConcurrentDictionary<TaskNode, bool>(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var one = await TaskNode.StartAsync(engine, folder, Configure);
        await using var two = await TaskNode.StartAsync(engine, folder, Configure, one.Storage);
        void Configure(TaskNode n) => n.Plugins.Start("a", p => p.AddTask("work", async (context, ct) =>
        {
            n.Log.Enqueue(context.Id.ToString());
            begun[n] = true;
            if (begun.Count == 2)
                both.TrySetResult();
            await both.Task.WaitAsync(ct);
        }));

        var ids = await one.Tasks.EnqueueAsync([.. Enumerable.Range(0, 300).Select(_ => new NewTask("a.work"))]);
        foreach (var id in ids)
            await one.BecomesAsync(id, t => t.State == TaskState.Success);

        Assert.Equal(ids.Select(i => i.ToString()).Order(), one.Log.Concat(two.Log).Order());
        Assert.NotEmpty(one.Log);
        Assert.NotEmpty(two.Log);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_node_that_is_no_worker_asks_for_tasks_and_runs_none(string engine)
    {
        await using var web = await TaskNode.StartAsync(engine, folder, n => Configure(n), options: o => o.Worker = false);
        var id = await web.Tasks.EnqueueAsync("a.work");
        await Task.Delay(300);
        Assert.Equal(TaskState.Pending, (await web.Tasks.GetAsync(id)).State);

        await using var worker = await TaskNode.StartAsync(engine, folder, n => Configure(n), web.Storage);
        await web.BecomesAsync(id, t => t.State == TaskState.Success);

        Assert.Empty(web.Log);
        Assert.Equal(["ran"], worker.Log);
        // A worker shows itself beside its work, not before it.
        var monitor = web.Services.GetRequiredService<ITaskMonitor>();
        for (var turn = 0; turn < 1200 && (await monitor.ListWorkersAsync(default)).IsEmpty; turn++)
            await Task.Delay(50);
        Assert.Single(await monitor.ListWorkersAsync(default));
        static void Configure(TaskNode n) => n.Plugins.Start("a", p => p.AddTask("work", (_, _) =>
        {
            n.Log.Enqueue("ran");
            return Task.CompletedTask;
        }));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_stopped_worker_hands_its_tasks_back_at_once_without_losing_a_try(string engine)
    {
        await using var first = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", async (_, ct) =>
        {
            n.Log.Enqueue("old");
            await Task.Delay(Timeout.Infinite, ct);
        })), options: o => o.Lease = TimeSpan.FromHours(1));
        var id = await first.Tasks.EnqueueAsync("a.work");
        await first.BecomesAsync(id, t => t.State == TaskState.Started);
        await EventHost.Until(() => first.Log.Count == 1);

        await first.StopAsync();

        Assert.Equal((TaskState.Pending, 0), ((await first.Tasks.GetAsync(id)).State, (await first.Tasks.GetAsync(id)).Attempt));
        await using var second = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", (context, _) =>
        {
            n.Log.Enqueue($"new try {context.Attempt}");
            return Task.CompletedTask;
        })), first.Storage);
        await second.BecomesAsync(id, t => t.State == TaskState.Success);
        Assert.Equal(["new try 1"], second.Log);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_generation_that_drains_hands_its_tasks_to_the_next(string engine)
    {
        FakeGeneration? old = null;
        await using var node = await TaskNode.StartAsync(engine, folder, n => old = n.Plugins.Start("a", p => p.AddTask("work", async (_, ct) =>
        {
            n.Log.Enqueue("old");
            await Task.Delay(Timeout.Infinite, ct);
        })));
        var id = await node.Tasks.EnqueueAsync("a.work");
        await EventHost.Until(() => node.Log.Count == 1);

        old!.Draining = true;
        node.Plugins.Start("a", p => p.AddTask("work", (context, _) =>
        {
            node.Log.Enqueue($"new try {context.Attempt}");
            return Task.CompletedTask;
        }));
        await Task.Delay(100);
        Assert.Equal(["old"], node.Log);
        old.Abort();
        await node.BecomesAsync(id, t => t.State == TaskState.Success);

        Assert.Equal(["old", "new try 1"], node.Log);
        await EventHost.Until(() => old.Leases == 0);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_of_a_plugin_that_is_off_waits_for_it(string engine)
    {
        var clock = new ShiftedClock();
        await using var node = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", (_, _) => Task.CompletedTask)), clock: clock);
        var id = await node.Tasks.EnqueueAsync(new NewTask("a.work") { Delay = TimeSpan.FromHours(1) });
        node.Plugins.Stop("a");
        clock.Advance(TimeSpan.FromMinutes(61));
        await Task.Delay(300);
        Assert.Equal(TaskState.Pending, (await node.Tasks.GetAsync(id)).State);

        node.Plugins.Start("a", p => p.AddTask("work", (_, _) => Task.CompletedTask));

        await node.BecomesAsync(id, t => t.State == TaskState.Success);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_worker_that_hung_past_its_lease_cannot_settle_what_another_took(string engine)
    {
        var (hung, clock) = (new HungStore(), new ShiftedClock());
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var store = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", (_, _) => Task.CompletedTask)), clock: clock, options: o => o.Worker = false);
        hung.Inner = store.Storage.Tasks!;
        await using var first = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask<int, string>("work", async (_, _, _, _) =>
        {
            n.Log.Enqueue("first");
            await go.Task;
            return "first";
        })), store.Storage with { Tasks = hung }, clock);
        var id = await store.Tasks.EnqueueAsync("a.work", 1);
        await EventHost.Until(() => first.Log.Count == 1);
        hung.IsHung = true;
        clock.Advance(TimeSpan.FromMinutes(6));

        await using var second = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask<int, string>("work", (_, _, context, _) => Task.FromResult($"second, try {context.Attempt}"))), store.Storage, clock);
        var done = await store.BecomesAsync(id, t => t.State == TaskState.Success);
        hung.IsHung = false;
        go.SetResult();
        await EventHost.Until(() => first.Services.GetRequiredService<Kernel.Tasks.RunningTasks>().Count == 0);
        await first.Services.GetRequiredService<Kernel.Tasks.TaskLoop>().FlushAsync();

        Assert.Equal("second, try 2", done.ResultAs<string>());
        Assert.Equal("second, try 2", (await store.Tasks.GetAsync(id)).ResultAs<string>());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_task_that_another_node_called_off_stops_here(string engine)
    {
        await using var web = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", (_, _) => Task.CompletedTask)), options: o => o.Worker = false);
        await using var worker = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("work", async (_, ct) =>
        {
            n.Log.Enqueue("begun");
            await Task.Delay(Timeout.Infinite, ct);
        })), web.Storage);
        var id = await web.Tasks.EnqueueAsync("a.work");
        await EventHost.Until(() => worker.Log.Count == 1);

        Assert.True(await web.Tasks.CancelAsync(id));

        await web.BecomesAsync(id, t => t.State == TaskState.Cancelled);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Higher_priority_is_run_first_and_a_long_one_keeps_its_lease(string engine)
    {
        var (gate, clock) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new ShiftedClock());
        await using var node = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask<string>("work", async (_, name, _, _) =>
        {
            if (name == "long")
                await gate.Task;
            n.Log.Enqueue(name);
        })), clock: clock, options: o => o.Concurrency = 1);
        var first = await node.Tasks.EnqueueAsync("a.work", "long");
        await node.BecomesAsync(first, t => t.State == TaskState.Started);
        var running = node.Services.GetRequiredService<Kernel.Tasks.RunningTasks>();
        await EventHost.Until(() => running.Count == 1);

        // Three times the lease, half of it at a time: the node shows its life in each half, or another worker could take it.
        for (var half = 0; half < 6; half++)
        {
            clock.Advance(TimeSpan.FromMinutes(2.5));
            var now = clock.GetUtcNow();
            await EventHost.Until(() => running.All.Single().BeatAt >= now);
        }

        Assert.Empty(await node.Storage.Tasks!.ClaimAsync(new TaskClaim("another", [new TaskCapacity("a.work", 1, 9)], 1, TimeSpan.FromMinutes(5), TimeSpan.Zero), default));
        await node.Tasks.EnqueueAsync("a.work", "low", t => t with { Priority = -1 });
        await node.Tasks.EnqueueAsync("a.work", "normal");
        var last = await node.Tasks.EnqueueAsync("a.work", "high", t => t with { Priority = 10 });

        gate.SetResult();
        await node.BecomesAsync(last, t => t.State == TaskState.Success);
        await EventHost.Until(() => node.Log.Count == 4);

        Assert.Equal(["long", "high", "normal", "low"], node.Log);
        Assert.Equal(1, (await node.Tasks.GetAsync(first)).Attempt);
    }

    /// <summary>A store that does not answer one worker, as behind a cut network.</summary>
    private sealed class HungStore : ITaskStore
    {
        public ITaskStore Inner { get; set; } = null!;

        public volatile bool IsHung;

        private ITaskStore Open => IsHung ? throw new NexusException(ErrorCodes.StorageUnavailable, "The network is cut.") : Inner;

        public async ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken) => await Open.ClaimAsync(claim with { MaxWait = TimeSpan.FromMilliseconds(50) }, cancellationToken);

        public async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken) => await Open.TakeAsync(reserved, worker, lease, cancellationToken);

        public async ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken) => await Open.BeatAsync(beats, lease, cancellationToken);

        public async ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken) => await Open.SettleAsync(settlements, cancellationToken);

        public async ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken) => await Open.ListAsync(query, cancellationToken);

        public async ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken) => await Open.ChangeAsync(change, which, cancellationToken);

        public async ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken) => await Open.PurgeAsync(purge, cancellationToken);

        public async ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken) => await Open.CountAsync(tenant, state, cancellationToken);
    }
}
