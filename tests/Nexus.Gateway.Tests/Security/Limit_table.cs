using System.Net;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Limits;

namespace Nexus.Gateway.Tests.Security;

public sealed class Limit_table
{
    private readonly FakeTime time = new();

    [Fact]
    public void A_bucket_gives_its_size_at_once_and_then_as_fast_as_it_fills()
    {
        var table = new LimitTable(16, time);
        var rate = new Rate(10, TimeSpan.FromSeconds(10));

        var first = Enumerable.Range(0, 10).Select(_ => table.Take(1, rate)).ToArray();
        Assert.All(first, v => Assert.True(v.Allowed));
        Assert.Equal([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], first.Select(v => v.Remaining));
        var refused = table.Take(1, rate);
        Assert.False(refused.Allowed);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Wait);

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(table.Take(1, rate).Allowed);
        Assert.False(table.Take(1, rate).Allowed);

        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(9, table.Take(1, rate).Remaining);
    }

    [Fact]
    public void Patience_turns_a_refusal_into_a_wait()
    {
        var table = new LimitTable(16, time);
        var rate = new Rate(1, TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.Zero, table.Take(1, rate, TimeSpan.FromSeconds(2)).Wait);
        Assert.Equal(TimeSpan.FromSeconds(1), table.Take(1, rate, TimeSpan.FromSeconds(2)).Wait);
        Assert.Equal(TimeSpan.FromSeconds(2), table.Take(1, rate, TimeSpan.FromSeconds(2)).Wait);
        Assert.False(table.Take(1, rate, TimeSpan.FromSeconds(2)).Allowed);
    }

    [Fact]
    public void A_window_begins_with_its_first_request_and_ends_as_a_whole()
    {
        var table = new LimitTable(16, time);
        var rate = new Rate(2, TimeSpan.FromMinutes(1));

        Assert.Equal(1, table.Count(7, rate).Remaining);
        time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(0, table.Count(7, rate).Remaining);
        Assert.Equal(TimeSpan.FromSeconds(10), table.Count(7, rate).Wait);
        Assert.Equal(2, table.Counted(7));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(table.Count(7, rate).Allowed);
        Assert.Equal(1, table.Counted(7));
    }

    [Fact]
    public void A_million_addresses_take_no_more_memory_than_one_and_spare_nobody_who_stays()
    {
        var table = new LimitTable(1 << 14, time);
        var rate = new Rate(20, TimeSpan.FromSeconds(60));
        var loud = AddressSet.CountingKey(IPAddress.Parse("192.0.2.1"));
        for (var i = 0; i < 20; i++)
            Assert.True(table.Take(loud, rate).Allowed);
        var before = GC.GetAllocatedBytesForCurrentThread();

        // Each calls once and then no more, as a flood from forged or many addresses does, 100,000 a second.
        for (var i = 0; i < 1_000_000; i++)
        {
            Assert.True(table.Take(0x1_0000_0000UL + (ulong)i, rate).Allowed);
            if (i % 100 == 0)
                time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(1 << 14, table.Bytes / 8 / 24);
        // 10 s have passed: three tokens came back, and the flood has not washed the entry away.
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => table.Take(loud, rate).Allowed));
    }

    [Fact]
    public void Requests_of_one_key_from_many_threads_are_counted_exactly()
    {
        var table = new LimitTable(16, time);
        var rate = new Rate(10_000, TimeSpan.FromHours(1));
        var allowed = 0;

        Parallel.For(0, 20_000, _ =>
        {
            if (table.Take(5, rate).Allowed)
                Interlocked.Increment(ref allowed);
        });

        Assert.Equal(10_000, allowed);
    }

    [Theory]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void Ipv6_is_counted_by_its_subscriber_and_ipv4_by_address(string one, string other, bool same) =>
        Assert.Equal(same, AddressSet.CountingKey(IPAddress.Parse(one)) == AddressSet.CountingKey(IPAddress.Parse(other)));
}
