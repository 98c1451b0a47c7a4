using Nexus.Kernel.Tasks;

namespace Nexus.Kernel.Tests.Tasks;

public sealed class RunningTaskTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Progress_is_news_until_it_is_stored_so_that_the_end_tells_what_is_still_on_its_way()
    {
        var task = new RunningTask(new TaskEntry { Id = Guid.CreateVersion7(), Task = "crm.report", Tenant = "default" }, Now, maxLogLines: 10);
        Assert.Null(task.TakeNews(always: false).Beat);

        task.Write("progress", "step 3 of 4", 75, Now);
        var (beat, told, lines) = task.TakeNews(always: false);
        Assert.Equal((75d, "step 3 of 4", 1), (beat!.Value.Percent, beat.Value.Step, lines.Length));
        Assert.Equal("step 3 of 4", task.TakeNews(always: false).Beat?.Step);
        Assert.Empty(task.TakeNews(always: false).Lines);

        task.Write("progress", "step 4 of 4", 100, Now);
        task.Stored(told, Now.AddSeconds(1));
        Assert.Equal(Now.AddSeconds(1), task.BeatAt);
        (beat, told, _) = task.TakeNews(always: false);
        Assert.Equal("step 4 of 4", beat?.Step);
        task.Stored(told, Now);
        Assert.Null(task.TakeNews(always: false).Beat);
        Assert.NotNull(task.TakeNews(always: true).Beat);
    }
}
