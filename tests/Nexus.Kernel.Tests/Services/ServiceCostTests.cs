using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tests.Services;

public sealed class ServiceCostTests(ITestOutputHelper output)
{
    /// <summary>The aim is 50 ns; the bound leaves room for a machine that runs other tests at the same time.</summary>
    [Fact]
    public async Task A_call_through_a_proxy_costs_little_more_than_a_direct_one()
    {
        using var bench = new ServiceBench();
        IMail direct = new Mail("post");
        bench.Plugins.Publish(ServiceBench.Plugin("post", plugin => plugin.Provide<IMail>(null, ServiceLifetime.Singleton, _ => direct)));
        var proxy = bench.For("shop").Get<IMail>();
        for (var warm = 0; warm < 30; warm++)
            (_, _) = (await NanosecondsAsync(direct), await NanosecondsAsync(proxy));

        var (fastest, fastestDirect) = (double.MaxValue, double.MaxValue);
        for (var round = 0; round < 50; round++)
            (fastest, fastestDirect) = (Math.Min(fastest, await NanosecondsAsync(proxy)), Math.Min(fastestDirect, await NanosecondsAsync(direct)));

        output.WriteLine($"{fastest - fastestDirect:F1} ns more than a direct interface call of {fastestDirect:F1} ns");
        Assert.InRange(fastest - fastestDirect, double.MinValue, 200);
    }

    [Fact]
    public async Task A_call_that_completes_at_once_allocates_nothing()
    {
        using var bench = new ServiceBench();
        bench.Plugins.Publish(ServiceBench.Plugin("post", plugin => plugin.Provide<IMail>(null, ServiceLifetime.Singleton, _ => new Mail("post"))));
        var proxy = bench.For("shop").Get<IMail>();
        await proxy.CountAsync();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var call = 0; call < 100; call++)
            await proxy.CountAsync();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
    }

    private static async Task<double> NanosecondsAsync(IMail mail)
    {
        const int Calls = 20_000;
        var start = Stopwatch.GetTimestamp();
        for (var call = 0; call < Calls; call++)
            await mail.CountAsync();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Calls;
    }
}
