using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Tasks;
using Nexus.Kernel.Tests.Events;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>Schedules on one and several nodes, over clocks that jump.</summary>
public sealed class SchedulerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-schedules-").FullName;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, MemberData(nameof(Engines))]
    public async Task Racing_nodes_fire_each_time_of_a_schedule_once_and_on_time(string engine)
    {
        await using var one = await TaskNode.StartAsync(engine, folder, Configure);
        await using var two = await TaskNode.StartAsync(engine, folder, Configure, one.Storage);
        await using var three = await TaskNode.StartAsync(engine, folder, Configure, one.Storage);
        static void Configure(TaskNode n) => n.Plugins.Start("a", p => p.AddTask("tick", (context, _) => Write(n, $"{context.DueAt.ToUnixTimeSeconds()}")).AddSchedule("* * * * * *", "tick"));

        await EventHost.Until(() => one.Log.Count + two.Log.Count + three.Log.Count >= 5);
        await Task.WhenAll(one.StopAsync(), two.StopAsync(), three.StopAsync());

        var fired = one.Log.Concat(two.Log).Concat(three.Log).Select(t => long.Parse(t, CultureInfo.InvariantCulture)).Order().ToList();
        Assert.Equal(fired.Distinct(), fired);
        var tasks = await one.Tasks.ListAsync(new TaskQuery { Schedule = "a.tick * * * * * *" });
        Assert.All(tasks, t => Assert.True(t.CreatedAt >= t.DueAt && t.DueAt.Millisecond == 0, $"{t}"));
        // Those at which the machine stalled are late, or passed over for a later one.
        Assert.InRange(tasks.Min(t => (t.CreatedAt - t.DueAt).TotalSeconds), 0, 1);
        Assert.InRange(tasks.Where(t => t.StartedAt is not null).Min(t => (t.StartedAt!.Value - t.DueAt).TotalSeconds), 0, 1);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Racing_nodes_leave_out_no_time_of_a_schedule(string engine)
    {
        var clock = ShiftedClock.AtMinute(10);
        await using var one = await TaskNode.StartAsync(engine, folder, Configure, clock: clock);
        await using var two = await TaskNode.StartAsync(engine, folder, Configure, one.Storage, clock);
        await using var three = await TaskNode.StartAsync(engine, folder, Configure, one.Storage, clock);
        static void Configure(TaskNode n) => n.Plugins.Start("a", p => p.AddTask("tick", (context, _) => Write(n, $"{context.DueAt.ToUnixTimeSeconds()}")).AddSchedule("@every 1h", "tick"));
        foreach (var node in new[] { one, two, three })
            await KnownAsync(node);
        var first = clock.GetUtcNow().AddMinutes(-10).ToUnixTimeSeconds() / 3600;

        for (var hour = 1; hour <= 5; hour++)
        {
            clock.Advance(TimeSpan.FromHours(1));
            await EventHost.Until(() => one.Log.Count + two.Log.Count + three.Log.Count >= hour);
            await DoneAsync(one);
        }

        await Task.WhenAll(one.StopAsync(), two.StopAsync(), three.StopAsync());
        Assert.Equal(Enumerable.Range(1, 5).Select(hour => $"{(first + hour) * 3600}"), one.Log.Concat(two.Log).Concat(three.Log).Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Times_at_which_no_node_ran_make_one_run_or_none(string engine)
    {
        var clock = ShiftedClock.AtMinute(10);
        await using var first = await TaskNode.StartAsync(engine, folder, Configure, clock: clock);
        await KnownAsync(first);
        await first.StopAsync();
        clock.Advance(TimeSpan.FromHours(10));

        await using var second = await TaskNode.StartAsync(engine, folder, Configure, first.Storage, clock);
        await EventHost.Until(() => !second.Log.IsEmpty);
        await Task.Delay(500);

        Assert.Equal(["once"], second.Log);
        Assert.All(await ListAsync(second), s => Assert.True(s.NextFireAt > clock.GetUtcNow(), $"{s}"));
        Assert.Null((await ListAsync(second)).Single(s => s.Name == "skipping").LastFireAt);
        static void Configure(TaskNode n) => n.Plugins.Start("a", p => p
            .AddTask("once", (_, _) => Write(n, "once")).AddSchedule("@every 1h", "once", s => s with { Name = "once" })
            .AddTask("skip", (_, _) => Write(n, "skip")).AddSchedule("0 * * * *", "skip", s => s with { Name = "skipping", Misfire = MisfirePolicy.Skip }));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_clock_that_is_set_back_and_on_again_fires_no_time_twice(string engine)
    {
        var clock = ShiftedClock.AtMinute(10);
        await using var node = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.AddTask("hour", (context, _) => Write(n, $"{context.DueAt:O}")).AddSchedule("@every 1h", "hour")), clock: clock);
        await KnownAsync(node);

        clock.Advance(TimeSpan.FromHours(1));
        await EventHost.Until(() => node.Log.Count == 1);
        await DoneAsync(node);
        clock.Advance(TimeSpan.FromHours(-1));
        await Task.Delay(700);
        clock.Advance(TimeSpan.FromHours(1));
        await Task.Delay(700);
        Assert.Single(node.Log);
        clock.Advance(TimeSpan.FromHours(1));
        await EventHost.Until(() => node.Log.Count == 2);

        Assert.Equal(2, node.Log.Distinct().Count());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_daily_task_fires_once_at_its_time_and_a_quarterly_one_four_times_an_hour(string engine)
    {
        var clock = new ShiftedClock();
        // Ten minutes before the hour, far from anything else.
        clock.Advance(new DateTimeOffset(2030, 6, 1, 1, 50, 0, TimeSpan.Zero) - clock.GetUtcNow());
        await using var node = await TaskNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p
            .AddTask("daily", (_, _) => Write(n, "daily")).AddSchedule(Schedule.Daily(2, 30), "daily")
            .AddTask("quarter", (context, _) => Write(n, $"{context.DueAt:HH:mm}")).AddSchedule(Schedule.EveryMinutes(15), "quarter")), clock: clock);
        await KnownAsync(node);

        for (var quarter = 1; quarter <= 4; quarter++)
        {
            clock.Advance(TimeSpan.FromMinutes(15));
            var expected = quarter + (quarter >= 3 ? 1 : 0);
            await EventHost.Until(() => node.Log.Count >= expected);
            await DoneAsync(node);
        }

        await Task.Delay(400);
        Assert.Equal(["02:00", "02:15", "02:30", "02:45", "daily"], node.Log.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_changed_expression_counts_from_now_and_the_operators_schedules_fire_too()
    {
        await using var node = await TaskNode.StartAsync(
            "memory",
            folder,
            n => n.Plugins.Start("a", p => p.AddTask("work", (context, _) => Write(n, System.Text.Encoding.UTF8.GetString(context.Input.Span))).AddSchedule("0 3 * * *", "work", s => s with { Name = "mine" })),
            options: o =>
            {
                o.Schedules["reports"] = new ScheduleOptions { Task = "a.work", Schedule = "@every 1s", Input = "\"of the operator\"" };
                o.Schedules["broken"] = new ScheduleOptions { Task = "a.work", Schedule = "often" };
                o.Schedules["absent"] = new ScheduleOptions { Task = "b.none", Schedule = "@every 1s" };
            });
        await EventHost.Until(() => !node.Log.IsEmpty);
        Assert.Contains("\"of the operator\"", node.Log);
        Assert.Equal(["mine", "reports"], (await ListAsync(node)).Select(s => s.Name));
        Assert.Equal(3, (await ListAsync(node)).Single(s => s.Name == "mine").NextFireAt!.Value.Hour);

        node.Plugins.Start("a", p => p.AddTask("work", (_, _) => Task.CompletedTask).AddSchedule("0 4 * * *", "work", s => s with { Name = "mine" }));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await ListAsync(node)).Single(s => s.Name == "mine").NextFireAt!.Value.Hour != 4)
            await Task.Delay(10, limit.Token);
    }

    private static ValueTask<ImmutableArray<ScheduleState>> ListAsync(TaskNode node) => node.Services.GetRequiredService<ITaskMonitor>().ListSchedulesAsync(default);

    private static async Task KnownAsync(TaskNode node)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await ListAsync(node)).Any(s => s.NextFireAt is null))
            await Task.Delay(5, limit.Token);
    }

    // A task that wrote and is not yet stored as done loses its lease when the clock jumps, and comes again.
    private static async Task DoneAsync(TaskNode node)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await node.Tasks.ListAsync(new TaskQuery())).Any(t => !t.State.IsFinished()))
            await Task.Delay(5, limit.Token);
    }

    private static Task Write(TaskNode node, string line)
    {
        node.Log.Enqueue(line);
        return Task.CompletedTask;
    }
}
