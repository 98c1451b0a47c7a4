using Nexus.Engines.RabbitMq.Connections;

namespace Nexus.Engines.RabbitMq.Tests;

public sealed class UnacknowledgedTests
{
    private readonly Unacknowledged unacknowledged = new();

    [Fact]
    public void One_acknowledgement_stands_for_all_below_it_and_for_none_that_is_open()
    {
        var consumer = Consumer();
        for (ulong tag = 1; tag <= 6; tag++)
            unacknowledged.Add(tag, consumer, 0);

        Assert.Equal([(2UL, true), (4UL, false)], unacknowledged.Acknowledge([1, 2, 4]));
        Assert.Equal(3, consumer.Held);
        // Four is told already; three is now the greatest of those that are not.
        Assert.Equal([(3UL, false)], unacknowledged.Acknowledge([3]));
        Assert.Equal([(6UL, true)], unacknowledged.Acknowledge([6, 5]));
        Assert.Empty(unacknowledged.Acknowledge([6, 1, 99]));
        Assert.Equal(0, consumer.Held);
    }

    [Fact]
    public void What_was_given_back_by_itself_is_not_acknowledged()
    {
        var consumer = Consumer();
        for (ulong tag = 1; tag <= 3; tag++)
            unacknowledged.Add(tag, consumer, 0);

        unacknowledged.Settle(3);

        Assert.Equal([(2UL, true)], unacknowledged.Acknowledge([1, 2, 3]));
    }

    [Fact]
    public void A_fast_group_holds_more_and_a_slow_one_fewer_within_bounds()
    {
        var consumer = Consumer();
        Assert.Equal(128, consumer.Fit(TimeSpan.FromMilliseconds(5), 1024));
        consumer.Held = 100;

        Assert.Equal(512, consumer.Fit(TimeSpan.FromMilliseconds(5), 1024));
        Assert.Equal(300, consumer.Fit(TimeSpan.FromMilliseconds(5), 300));
        Assert.Equal(128, consumer.Fit(TimeSpan.FromSeconds(1), 1024));
        Assert.Equal(32, consumer.Fit(TimeSpan.FromSeconds(20), 1024));
        consumer.Prefetch = 20;
        Assert.Equal(16, consumer.Fit(TimeSpan.FromSeconds(20), 1024));
        consumer.Prefetch = 2;
        Assert.Equal(2, consumer.Fit(TimeSpan.FromSeconds(20), 2));
    }

    private GroupConsumer Consumer() => new(null!, unacknowledged, 128, () => { }, () => { });
}
