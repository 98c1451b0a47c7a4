using Microsoft.Extensions.Configuration;
using Nexus.Data.Protection;

namespace Nexus.Data.Tests.Protection;

public sealed class EventSealingTests
{
    [Theory]
    [InlineData(null, "orders.created", false)]
    [InlineData("payments.*", "orders.created", false)]
    [InlineData("payments.*", "payments.made", true)]
    public void Whether_an_event_is_confidential_is_asked_at_each_publish_and_allocates_nothing(string? pattern, string name, bool expected)
    {
        const int count = 1000;
        KeyValuePair<string, string?>[] settings = pattern is null ? [] : [new("events:encrypt:0", pattern)];
        var sealing = new EventSealing(null!, new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        var message = new EventMessage { Name = name };
        Assert.Equal(expected, sealing.Covers(message));
        Assert.True(sealing.Covers(message with { Encrypted = true }));
        var least = long.MaxValue;

        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < count; i++) sealing.Covers(message);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.InRange(least, 0, count - 1);
    }
}
