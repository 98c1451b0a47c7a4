using Nexus.Gateway.Changes;

namespace Nexus.Gateway.Tests.Changes;

/// <summary>What waits for one reader of the feed.</summary>
public sealed class Change_queue
{
    private readonly ChangeQueue queue = new(2);

    [Fact]
    public void It_takes_as_many_as_may_wait_and_gives_them_in_order()
    {
        var taken = new[] { queue.TryWrite(Number(1)), queue.TryWrite(Number(2)), queue.TryWrite(Number(3)) };

        Assert.Equal([true, true, false], taken);
        Assert.Equal(1, Read());
        Assert.True(queue.TryWrite(Number(4)));
        Assert.Equal((2, 4, null), (Read(), Read(), Read()));
    }

    [Fact]
    public async Task Who_waits_hears_of_the_next_one_and_of_the_end()
    {
        var first = queue.WaitAsync();
        Assert.False(first.IsCompleted);
        queue.TryWrite(Number(1));
        Assert.True(await first);
        Assert.Equal(1, Read());

        var second = queue.WaitAsync();
        Assert.True(queue.Close());
        Assert.False(await second);
        Assert.False(await queue.WaitAsync());
        Assert.Equal((false, false), (queue.Close(), queue.TryWrite(Number(2))));
    }

    [Fact]
    public async Task A_cancelled_reader_waits_no_longer_whenever_it_was_cancelled()
    {
        using var source = new CancellationTokenSource();
        var waiting = queue.WaitAsync();
        await source.CancelAsync();
        queue.Cancel(source.Token);

        await Assert.ThrowsAsync<OperationCanceledException>(async () => await waiting);
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await queue.WaitAsync());
    }

    [Fact]
    public async Task Nothing_is_lost_between_writers_and_the_reader()
    {
        var wide = new ChangeQueue(int.MaxValue);
        var writers = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++) wide.TryWrite(Number(1));
        }))).ContinueWith(_ => wide.Close(), TaskScheduler.Default);
        var sum = 0L;
        while (await wide.WaitAsync())
        {
            while (wide.TryRead(out var change)) sum += change.At!.Value;
        }

        await writers;
        Assert.Equal(40_000, sum);
    }

    private static Change Number(long number) => new(null!, number);

    private long? Read() => queue.TryRead(out var change) ? change.At : null;
}
