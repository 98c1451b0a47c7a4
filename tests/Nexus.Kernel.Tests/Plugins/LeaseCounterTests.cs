using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class LeaseCounterTests
{
    [Fact]
    public void A_drain_refuses_new_leases_and_ends_with_the_last_granted_one()
    {
        var leases = new LeaseCounter();
        Assert.True(leases.TryEnter());
        Assert.True(leases.TryEnter());

        leases.BeginDrain();

        Assert.False(leases.TryEnter());
        Assert.Equal(2, leases.Held);
        leases.Exit();
        Assert.False(leases.Drained.IsCompleted);
        leases.Exit();
        Assert.True(leases.Drained.IsCompleted);
        Assert.False(leases.TryEnter());
        Assert.Equal(0, leases.Held);
    }

    [Fact]
    public void A_drain_without_leases_ends_at_once()
    {
        var leases = new LeaseCounter();

        leases.BeginDrain();

        Assert.True(leases.Drained.IsCompleted);
    }

    [Fact]
    public async Task Under_many_threads_no_lease_is_held_once_the_drain_has_ended()
    {
        var leases = new LeaseCounter();
        var late = 0;
        var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            while (leases.TryEnter())
            {
                if (leases.Drained.IsCompleted)
                {
                    Interlocked.Increment(ref late);
                }

                leases.Exit();
            }
        })).ToArray();

        leases.BeginDrain();
        await Task.WhenAll(workers).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await leases.Drained.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal((0, 0L), (late, leases.Held));
    }
}
