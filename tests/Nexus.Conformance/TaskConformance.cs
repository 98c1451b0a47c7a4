using System.Collections.Immutable;
using System.Text;
using Nexus.Data.Tasks;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly TimeSpan TaskLease = TimeSpan.FromSeconds(30);

    /// <summary>The engine's own tasks, or those that the platform keeps in its records.</summary>
    private StorageSet WithTasks => _withTasks ??= TaskTranslation.Complete(Set, Clock);

    private StorageSet? _withTasks;

    private ITaskStore Tasks => WithTasks.Tasks!;

    private TaskEntry NewTask(string name = "crm.report", int priority = 0, TimeSpan delay = default, string? key = null, int? attempts = null, string tenant = Tenant) =>
        new() { Task = name, Tenant = tenant, Priority = priority, CreatedAt = Clock.GetUtcNow(), DueAt = Clock.GetUtcNow() + delay, Key = key, MaxAttempts = attempts };

    private async Task<TaskEntry> AddAsync(TaskEntry task)
    {
        await WithTasks.Records.CommitAsync(new WriteBatch { Tasks = [task] }, CancellationToken.None);
        return task;
    }

    private async Task<ImmutableArray<TaskEntry>> TakeAsync(string worker = "w", int limit = 10, params TaskCapacity[] capacities) =>
        await Tasks.ClaimAsync(new TaskClaim(worker, capacities.Length == 0 ? [new TaskCapacity("crm.report", 100, 3)] : [.. capacities], limit, TaskLease, TimeSpan.Zero), CancellationToken.None);

    private async Task<TaskEntry> OneAsync(Guid id) => (await Tasks.ListAsync(new TaskQuery { Ids = [id] }, CancellationToken.None)).Single();

    private Task EndAsync(TaskEntry task, TaskState state, string? error = null, TimeSpan retry = default, string result = "") =>
        Tasks.SettleAsync([new TaskSettlement(task.Id, task.Fence, state) { Error = error, RetryAt = Clock.GetUtcNow() + retry, Result = Encoding.UTF8.GetBytes(result) }], CancellationToken.None).AsTask();

    [Fact]
    public async Task A_task_is_there_with_its_batch_or_not_at_all()
    {
        await CommitAsync(Put("a", "{}"));

        await Assert.ThrowsAsync<StorageConflictException>(() => WithTasks.Records.CommitAsync(new WriteBatch { Tasks = [NewTask()], Writes = [Put("a", "{}")] }, CancellationToken.None).AsTask());
        Assert.Empty(await Tasks.ListAsync(new TaskQuery(), CancellationToken.None));
        var kept = NewTask();
        await WithTasks.Records.CommitAsync(new WriteBatch { Tasks = [kept, kept], Writes = [Put("c", "{}")] }, CancellationToken.None);

        Assert.Equal(kept.Id, Assert.Single(await Tasks.ListAsync(new TaskQuery(), CancellationToken.None)).Id);
    }

    [Fact]
    public async Task A_task_is_read_back_whole()
    {
        var task = NewTask(priority: 7, delay: TimeSpan.FromHours(1), key: "k", attempts: 9, tenant: "t2") with { Input = "{\"x\":\"ü\"}"u8.ToArray(), CorrelationId = "c", CreatedBy = "ada", Schedule = "s" };
        await AddAsync(task);

        var read = await OneAsync(task.Id);

        Assert.Equal("{\"x\":\"ü\"}", Encoding.UTF8.GetString(read.Input.Span));
        Assert.Equal(("crm.report", "t2", 7, "k", 9, "c", "ada", "s", TaskState.Pending, 0, 0L), (read.Task, read.Tenant, read.Priority, read.Key, read.MaxAttempts, read.CorrelationId, read.CreatedBy, read.Schedule, read.State, read.Attempt, read.Fence));
        Assert.True((read.DueAt - task.DueAt).Duration() < TimeSpan.FromMilliseconds(1), $"{read.DueAt:O} {task.DueAt:O}");
    }

    [Fact]
    public async Task Tasks_are_taken_once_by_priority_then_time_and_only_when_due()
    {
        var late = await AddAsync(NewTask(delay: TimeSpan.FromSeconds(-1)));
        var low = await AddAsync(NewTask(priority: -5));
        var later = await AddAsync(NewTask(delay: TimeSpan.FromMinutes(5), priority: 99));
        var high = await AddAsync(NewTask(priority: 5));
        await AddAsync(NewTask("crm.other", priority: 50));

        Assert.Equal([high.Id, late.Id], (await TakeAsync(limit: 2)).Select(t => t.Id));
        Assert.Equal([low.Id], (await TakeAsync()).Select(t => t.Id));
        Assert.Empty(await TakeAsync());
        Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Contains(later.Id, (await TakeAsync()).Select(t => t.Id));
        Assert.Equal(TaskState.Started, (await OneAsync(high.Id)).State);
    }

    private async Task<ImmutableArray<TaskEntry>> ReserveAsync() =>
        await Tasks.ClaimAsync(new TaskClaim("relay", [new TaskCapacity("crm.report", 100, 3)], 10, TaskLease, TimeSpan.Zero) { Reserve = true }, CancellationToken.None);

    private async Task<ImmutableArray<TaskEntry>> BeginAsync(TaskEntry reserved) => await Tasks.TakeAsync([new TaskReservation(reserved.Id, reserved.Fence)], "w", TaskLease, CancellationToken.None);

    [Fact]
    public async Task A_reserved_task_waits_untried_for_whoever_takes_it_by_its_number_once()
    {
        var task = await AddAsync(NewTask(attempts: 1));

        var reserved = Assert.Single(await ReserveAsync());
        Assert.Equal((task.Id, TaskState.Pending, 0), (reserved.Id, reserved.State, reserved.Attempt));
        Assert.Equal((TaskState.Pending, 0, reserved.Fence, (string?)null), ((await OneAsync(task.Id)).State, (await OneAsync(task.Id)).Attempt, (await OneAsync(task.Id)).Fence, (await OneAsync(task.Id)).Worker));
        Assert.Empty(await TakeAsync());
        Assert.Empty(await ReserveAsync());
        Assert.Empty(await BeginAsync(reserved with { Fence = reserved.Fence - 1 }));

        var begun = Assert.Single(await BeginAsync(reserved));
        Assert.Equal((TaskState.Started, 1, "w", reserved.Fence), (begun.State, begun.Attempt, begun.Worker, begun.Fence));
        Assert.Equal(Clock.GetUtcNow() + TaskLease, begun.LeaseUntil!.Value, TimeSpan.FromSeconds(20));
        Assert.Empty(await BeginAsync(reserved));
        await EndAsync(begun, TaskState.Success);
        Assert.Equal(TaskState.Success, (await OneAsync(task.Id)).State);
        Assert.Empty(await BeginAsync(reserved));
    }

    [Fact]
    public async Task A_reservation_that_ended_or_was_given_back_or_called_off_costs_no_try()
    {
        var task = await AddAsync(NewTask(attempts: 1));
        var lost = Assert.Single(await ReserveAsync());
        Clock.Advance(TaskLease);

        var again = Assert.Single(await ReserveAsync());
        Assert.Empty(await BeginAsync(lost));
        await Tasks.SettleAsync([new TaskSettlement(task.Id, lost.Fence, TaskState.Pending)], CancellationToken.None);
        Assert.Empty(await TakeAsync());
        await Tasks.SettleAsync([new TaskSettlement(task.Id, again.Fence, TaskState.Pending) { RetryAt = Clock.GetUtcNow().AddHours(1) }], CancellationToken.None);
        Assert.Empty(await BeginAsync(again));
        Assert.Equal(0, (await OneAsync(task.Id)).Attempt);
        Assert.Equal(task.DueAt, (await OneAsync(task.Id)).DueAt, TimeSpan.FromMilliseconds(1));

        var third = Assert.Single(await ReserveAsync());
        Assert.Equal(TaskState.Cancelled, Assert.Single(await Tasks.ChangeAsync(TaskChange.Cancel, new TaskQuery { Ids = [task.Id] }, CancellationToken.None)).State);
        Assert.Empty(await BeginAsync(third));
        Assert.Equal((TaskState.Cancelled, (DateTimeOffset?)null), ((await OneAsync(task.Id)).State, (await OneAsync(task.Id)).LeaseUntil));
    }

    [Fact]
    public async Task A_try_of_a_reserved_task_that_fails_is_due_again_and_its_old_number_begins_nothing()
    {
        await AddAsync(NewTask());
        var reserved = Assert.Single(await ReserveAsync());
        await EndAsync(Assert.Single(await BeginAsync(reserved)), TaskState.Pending, "boom");

        Assert.Empty(await BeginAsync(reserved));
        var again = Assert.Single(await ReserveAsync());
        Assert.Equal((1, reserved.Fence + 1), (again.Attempt, again.Fence));
        Assert.Equal(2, Assert.Single(await BeginAsync(again)).Attempt);
    }

    [Fact]
    public async Task A_claim_takes_no_more_of_a_name_than_is_free()
    {
        for (var i = 0; i < 5; i++)
        {
            await AddAsync(NewTask(priority: 1));
            await AddAsync(NewTask("crm.other"));
        }

        var taken = await TakeAsync("w", 10, new TaskCapacity("crm.report", 2, 3), new TaskCapacity("crm.other", 3, 3), new TaskCapacity("crm.none", 0, 3));

        Assert.Equal(["crm.other", "crm.other", "crm.other", "crm.report", "crm.report"], taken.Select(t => t.Task).Order());
    }

    [Fact]
    public async Task Claims_at_once_share_the_tasks()
    {
        for (var i = 0; i < 60; i++)
            await AddAsync(NewTask());

        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(w => Task.Run(() => TakeAsync($"w{w}", 20))));

        Assert.Equal(60, taken.SelectMany(t => t).Select(t => t.Id).Distinct().Count());
        Assert.Equal(60, taken.Sum(t => t.Length));
    }

    [Fact]
    public async Task The_end_of_a_try_is_kept_with_its_result()
    {
        var task = await AddAsync(NewTask());
        var taken = Assert.Single(await TakeAsync());
        Assert.Equal((1, "w", 1L), (taken.Attempt, taken.Worker, taken.Fence));

        await EndAsync(taken, TaskState.Success, result: "{\"sum\":3}");

        var done = await OneAsync(task.Id);
        Assert.Equal((TaskState.Success, "{\"sum\":3}", 100.0), (done.State, Encoding.UTF8.GetString(done.Result.Span), done.Percent));
        Assert.NotNull(done.FinishedAt);
        Assert.Empty(await TakeAsync());
    }

    [Fact]
    public async Task A_failed_try_is_due_again_at_its_time_and_a_task_handed_back_keeps_its_try()
    {
        await AddAsync(NewTask());
        await EndAsync(Assert.Single(await TakeAsync()), TaskState.Pending, "broken", TimeSpan.FromSeconds(10));
        Assert.Empty(await TakeAsync());
        Clock.Advance(TimeSpan.FromSeconds(11));

        var second = Assert.Single(await TakeAsync());
        Assert.Equal((2, "broken"), (second.Attempt, second.Error));
        await EndAsync(second, TaskState.Pending);

        Assert.Equal((2, 3L), (await TakeAsync()).Select(t => (t.Attempt, t.Fence)).Single());
    }

    [Fact]
    public async Task Who_lost_its_lease_can_change_nothing_any_more()
    {
        await AddAsync(NewTask());
        var first = Assert.Single(await TakeAsync("first"));
        Clock.Advance(TaskLease + TimeSpan.FromSeconds(1));
        var second = Assert.Single(await TakeAsync("second"));

        await EndAsync(first, TaskState.Success, result: "1");
        await Tasks.BeatAsync([new TaskBeat(first.Id, first.Fence, 50)], TaskLease, CancellationToken.None);
        var lost = await Assert.ThrowsAsync<StorageConflictException>(() => WithTasks.Records.CommitAsync(new WriteBatch { Writes = [Put("effect", "{}")], TaskSettlements = [new TaskSettlement(first.Id, first.Fence, TaskState.Success)] }, CancellationToken.None).AsTask());

        Assert.Equal(ITaskStore.Leases, lost.Key.Table);
        Assert.Null(await FindAsync("effect"));
        var now = await OneAsync(first.Id);
        Assert.Equal((TaskState.Started, "second", 2, null), (now.State, now.Worker, now.Attempt, now.Percent));
        await WithTasks.Records.CommitAsync(new WriteBatch { Writes = [Put("effect", "{}")], TaskSettlements = [new TaskSettlement(second.Id, second.Fence, TaskState.Success)] }, CancellationToken.None);
        Assert.Equal(TaskState.Success, (await OneAsync(first.Id)).State);
        Assert.NotNull(await FindAsync("effect"));
    }

    [Fact]
    public async Task A_beat_keeps_the_lease_and_tells_progress()
    {
        await AddAsync(NewTask());
        var taken = Assert.Single(await TakeAsync());
        for (var i = 1; i <= 4; i++)
        {
            Clock.Advance(TaskLease / 2);
            await Tasks.BeatAsync([new TaskBeat(taken.Id, taken.Fence, i * 10, $"step {i}")], TaskLease, CancellationToken.None);
            Assert.Empty(await TakeAsync());
        }

        var now = await OneAsync(taken.Id);
        Assert.Equal((40.0, "step 4", 1), (now.Percent, now.Step, now.Attempt));
    }

    [Fact]
    public async Task A_task_that_takes_its_workers_along_ends_as_a_failure()
    {
        var task = await AddAsync(NewTask(attempts: 2));
        for (var i = 1; i <= 2; i++)
        {
            Assert.Equal(i, Assert.Single(await TakeAsync()).Attempt);
            Clock.Advance(TaskLease + TimeSpan.FromSeconds(1));
        }

        Assert.Empty(await TakeAsync());
        var dead = await OneAsync(task.Id);
        Assert.Equal((TaskState.Failure, 2), (dead.State, dead.Attempt));
        Assert.Contains("worker", dead.Error);
    }

    [Fact]
    public async Task A_waiting_task_is_cancelled_and_a_running_one_asked_then_abandoned()
    {
        var waiting = await AddAsync(NewTask(delay: TimeSpan.FromHours(1)));
        var running = await AddAsync(NewTask());
        var taken = Assert.Single(await TakeAsync());
        var both = new TaskQuery { Ids = [waiting.Id, running.Id] };

        Assert.Equal(2, (await Tasks.ChangeAsync(TaskChange.Cancel, both, CancellationToken.None)).Length);
        Assert.Empty(await Tasks.ChangeAsync(TaskChange.Cancel, both, CancellationToken.None));
        Assert.Equal(TaskState.Cancelled, (await OneAsync(waiting.Id)).State);
        Assert.Equal((TaskState.Started, true), ((await OneAsync(running.Id)).State, (await OneAsync(running.Id)).CancelRequested));

        Assert.Single(await Tasks.ChangeAsync(TaskChange.Abandon, both, CancellationToken.None));
        await EndAsync(taken, TaskState.Success, result: "1");
        Assert.Equal((TaskState.Cancelled, 0), ((await OneAsync(running.Id)).State, (await OneAsync(running.Id)).Result.Length));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_task_asked_to_stop_does_not_start_again(bool lost)
    {
        var task = await AddAsync(NewTask());
        var taken = Assert.Single(await TakeAsync());
        await Tasks.ChangeAsync(TaskChange.Cancel, new TaskQuery { Ids = [task.Id] }, CancellationToken.None);
        if (lost)
            Clock.Advance(TaskLease + TimeSpan.FromSeconds(1));
        else
            await EndAsync(taken, TaskState.Pending, "stopped");

        Assert.Empty(await TakeAsync());
        Assert.Equal(TaskState.Cancelled, (await OneAsync(task.Id)).State);
        Assert.NotNull((await OneAsync(task.Id)).FinishedAt);
    }

    [Fact]
    public async Task No_two_unfinished_tasks_have_one_key()
    {
        var first = await AddAsync(NewTask(key: "acme"));
        await AddAsync(NewTask(key: "acme", tenant: "t2"));
        await AddAsync(NewTask("crm.other", key: "acme"));
        await CommitAsync(Put("a", "{}"));

        var refused = await Assert.ThrowsAsync<StorageConflictException>(() => WithTasks.Records.CommitAsync(new WriteBatch { Tasks = [NewTask(key: "acme")], Writes = [Put("b", "{}")] }, CancellationToken.None).AsTask());

        Assert.Equal(ITaskStore.Keys, refused.Key.Table);
        Assert.Null(await FindAsync("b"));
        Assert.Equal(first.Id, Assert.Single(await Tasks.ListAsync(new TaskQuery { Key = "acme", Task = "crm.report", Tenant = Tenant }, CancellationToken.None)).Id);
        await EndAsync((await TakeAsync()).Single(t => t.Id == first.Id), TaskState.Failure, "broken");
        var second = await AddAsync(NewTask(key: "acme"));
        Assert.Empty(await Tasks.ChangeAsync(TaskChange.Retry, new TaskQuery { Ids = [first.Id] }, CancellationToken.None));
        await EndAsync((await TakeAsync()).Single(t => t.Id == second.Id), TaskState.Success);
        Assert.Single(await Tasks.ChangeAsync(TaskChange.Retry, new TaskQuery { Ids = [first.Id] }, CancellationToken.None));
    }

    [Fact]
    public async Task A_failed_task_is_due_again_with_all_its_tries_when_it_is_retried()
    {
        var task = await AddAsync(NewTask(attempts: 1));
        await EndAsync(Assert.Single(await TakeAsync()), TaskState.Failure, "broken");
        Assert.Equal((TaskState.Failure, "broken"), ((await OneAsync(task.Id)).State, (await OneAsync(task.Id)).Error));

        var retried = Assert.Single(await Tasks.ChangeAsync(TaskChange.Retry, new TaskQuery { State = TaskState.Failure }, CancellationToken.None));

        Assert.Equal((TaskState.Pending, 0, null, null), (retried.State, retried.Attempt, retried.Error, retried.FinishedAt));
        Assert.Equal(1, Assert.Single(await TakeAsync()).Attempt);
        Assert.Empty(await Tasks.ChangeAsync(TaskChange.Retry, new TaskQuery { Ids = [task.Id] }, CancellationToken.None));
    }

    [Fact]
    public async Task Tasks_are_listed_newest_first_by_pages_and_counted()
    {
        var all = new List<TaskEntry>();
        for (var i = 0; i < 7; i++)
        {
            all.Add(await AddAsync(NewTask(i % 2 == 0 ? "crm.report" : "sales.other", tenant: i == 6 ? "t2" : Tenant)));
            await Task.Delay(2);
        }

        all.Reverse();
        var page = await Tasks.ListAsync(new TaskQuery { Limit = 3 }, CancellationToken.None);
        Assert.Equal(all.Take(3).Select(t => t.Id), page.Select(t => t.Id));
        Assert.Equal(all.Skip(3).Select(t => t.Id), (await Tasks.ListAsync(new TaskQuery { Before = page[^1].Id }, CancellationToken.None)).Select(t => t.Id));
        Assert.Equal(3, (await Tasks.ListAsync(new TaskQuery { Plugin = "sales" }, CancellationToken.None)).Length);
        Assert.Equal(3, (await Tasks.ListAsync(new TaskQuery { Task = "crm.report", Tenant = Tenant }, CancellationToken.None)).Length);
        await TakeAsync(limit: 1);
        Assert.Equal(
            [("crm.report", TaskState.Pending, 3L), ("crm.report", TaskState.Started, 1L), ("sales.other", TaskState.Pending, 3L)],
            (await Tasks.CountAsync(null, null, CancellationToken.None)).Select(c => (c.Task, c.State, c.Count)));
        Assert.Equal([TaskState.Started], (await Tasks.CountAsync(null, TaskState.Started, CancellationToken.None)).Select(c => c.State));
        Assert.Equal(1, (await Tasks.CountAsync("t2", null, CancellationToken.None)).Sum(c => c.Count));
    }

    [Fact]
    public async Task Finished_tasks_go_when_their_time_is_over_and_others_stay()
    {
        var old = await AddAsync(NewTask());
        await EndAsync(Assert.Single(await TakeAsync()), TaskState.Success);
        var waiting = await AddAsync(NewTask(delay: TimeSpan.FromDays(9)));
        Clock.Advance(TimeSpan.FromDays(2));
        var young = await AddAsync(NewTask());
        await EndAsync(Assert.Single(await TakeAsync()), TaskState.Success);

        Assert.Equal([old.Id], (await Tasks.PurgeAsync(new TaskPurge(Clock.GetUtcNow() - TimeSpan.FromDays(1)), CancellationToken.None)).Select(t => t.Id));
        Assert.Equal([young.Id, waiting.Id], (await Tasks.ListAsync(new TaskQuery(), CancellationToken.None)).Select(t => t.Id));
    }

    [Fact]
    public async Task A_waiting_claim_returns_with_the_task_that_comes()
    {
        var claim = Tasks.ClaimAsync(new TaskClaim("w", [new TaskCapacity("crm.report", 1, 1)], 1, TaskLease, TimeSpan.FromMinutes(5)), CancellationToken.None).AsTask();
        Assert.False(claim.IsCompleted);
        var task = await AddAsync(NewTask());

        Assert.Equal(task.Id, Assert.Single(await claim.WaitAsync(TimeSpan.FromSeconds(60))).Id);
    }
}
