using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Nexus.EndToEnd.Tests;

/// <summary>One address that asks as fast as it can, and what the others notice.</summary>
[Collection(nameof(Alone))]
public sealed class FloodTests
{
    [Fact]
    public async Task A_flood_from_one_address_trips_its_limits_and_leaves_the_others_their_answers()
    {
        await using var host = await RunningHost.StartAsync([], ["--security:rateLimits:loopback=true", "--security:rateLimits:address:requests=300", "--security:rateLimits:address:seconds=30", "--security:connections:perAddress=20", "--server:accessLog=false", "--logging:level=warning"]);
        var request = Encoding.ASCII.GetBytes("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        using var end = new CancellationTokenSource();
        long served = 0, limited = 0, closed = 0;
        // What the machine gives to one who asks while nobody else does.
        var calm = await AskAsync(host, 100);
        var clock = Stopwatch.StartNew();
        // Every address of 127.0.0.0/8 is this machine: the attacker has one of its own.
        var flood = Enumerable.Range(0, 60).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                try
                {
                    using var socket = await AttackTests.ConnectAsync(host.Port, "127.0.0.66", end.Token);
                    var buffer = new byte[4096];
                    while (true)
                    {
                        await socket.SendAsync(request, end.Token);
                        var read = await socket.ReceiveAsync(buffer, end.Token);
                        if (read == 0)
                            throw new SocketException((int)SocketError.ConnectionReset);
                        if (buffer.AsSpan(9, 3).SequenceEqual("200"u8))
                            Interlocked.Increment(ref served);
                        else
                            Interlocked.Increment(ref limited);
                    }
                }
                catch (SocketException)
                {
                    Interlocked.Increment(ref closed);
                    await Task.Delay(2, CancellationToken.None);
                }
                catch (OperationCanceledException)
                {
                    // The flood is over.
                }
            }
        })).ToArray();

        var p95 = await AskAsync(host, 100);
        while ((Interlocked.Read(ref limited) <= 500 || Interlocked.Read(ref closed) <= 40) && clock.Elapsed < TimeSpan.FromSeconds(60)) await Task.Delay(20);
        await end.CancelAsync();
        await Task.WhenAll(flood);

        Assert.True(p95 < Math.Max(250, 10 * calm), $"p95 {p95:0.0} ms, {calm:0.0} ms without the flood; served {served}, limited {limited}, closed {closed}");
        Assert.InRange(served, 1, 300 + (long)(10 * (clock.Elapsed.TotalSeconds + 2)));
        Assert.True(limited > 500, $"limited {limited}");
        Assert.True(closed > 40, $"closed {closed}");

        // The time within which 95 of 100 requests are answered, in milliseconds.
        static async Task<double> AskAsync(RunningHost host, int requests)
        {
            var times = new List<double>();
            for (var i = 0; i < requests; i++)
            {
                var one = Stopwatch.GetTimestamp();
                using var answer = await host.Client.GetAsync("/health/live");
                times.Add(Stopwatch.GetElapsedTime(one).TotalMilliseconds);
                Assert.Equal(200, (int)answer.StatusCode);
                await Task.Delay(20);
            }

            return times.Order().ElementAt(requests * 95 / 100 - 1);
        }
    }
}
