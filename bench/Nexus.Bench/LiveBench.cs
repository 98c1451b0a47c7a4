using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>Live updates: how soon a change reaches a thousand subscribers, what an idle socket costs, and whether who comes back misses anything. The baseline is a bare server that sends the same text to the same sockets.</summary>
internal static class LiveBench
{
    private const int Subscribers = 1000;
    private const int Changes = 20;
    private const int Idle = 10_000;
    private const int Followers = 50;
    private const int Missed = 500;
    private const string FirstPassword = "The-first-password-1";
    private const string Password = "Quite-another-password-2";
    private const string Subscribe = """{"type":"subscribe","id":"s","resource":"greeter.notes"}""";

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        Benches.CopyGreeter(Path.Combine(plugins, "greeter"), manifest => manifest["isolation"] = "stable");
        Benches.Copy(Benches.Plugin("core.identity"), Path.Combine(plugins, "core.identity"));
        try
        {
            return await MeasureAsync(plugins);
        }
        finally
        {
            Directory.Delete(plugins, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<Bar>> MeasureAsync(string plugins)
    {
        await using var host = await Child.HostAsync(plugins, "--server:accessLog=false", "--live:connectionsPerCaller=100000", "--live:queue=2000", "--security:rateLimits:enabled=false", $"--plugins:core.identity:administratorPassword={FirstPassword}");
        await using var bare = await Child.SelfAsync("serve-sockets");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
        var token = await AuthBench.SignInAsync(client, FirstPassword);
        await AuthBench.SendAsync(client, token, HttpMethod.Post, "/api/v1/auth/password/change", new { currentPassword = FirstPassword, newPassword = Password });
        token = await AuthBench.SignInAsync(client, Password);
        using var bareClient = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{bare.Port}") };

        async Task<LiveSocketClient> OursAsync()
        {
            var socket = await LiveSocketClient.ConnectAsync(host.Port, "/live", token);
            await socket.NextAsync();
            await socket.SendAsync(Subscribe);
            await socket.NextAsync();
            return socket;
        }

        Task<LiveSocketClient> TheirsAsync() => LiveSocketClient.ConnectAsync(bare.Port, "/live");
        Task PublishAsync(int number) => AuthBench.SendAsync(client, token, HttpMethod.Post, "/api/custom/greeter/notes", new { text = $"t{Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture)}", number });
        async Task PublishBareAsync(int number) => (await bareClient.PostAsync($"/publish?text=t{Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture)}", null)).EnsureSuccessStatusCode();

        var reached = await ReachAsync(OursAsync, PublishAsync);
        var reachedBare = await ReachAsync(TheirsAsync, PublishBareAsync);
        var (missed, twice) = await ReturnAsync(host.Port, token, PublishAsync);
        var cost = await CostAsync(host, OursAsync);
        var costBare = await CostAsync(bare, TheirsAsync);
        return
        [
            new($"a change reaches {Subscribers:N0} subscribed sockets, 95 of 100 of all deliveries, after", At(reached, 0.95), "ms", 1000, AtLeast: false, Baseline: At(reachedBare, 0.95)),
            new("  half of them after", At(reached, 0.5), "ms", Baseline: At(reachedBare, 0.5)),
            new($"memory of an idle subscribed socket, of {Idle:N0}", cost, "KB", 20, AtLeast: false, Baseline: costBare),
            new($"changes that {Followers} sockets missed over a reconnect, of {Followers * Missed:N0}", missed, "", 0, AtLeast: false),
            new("  that they got twice", twice, "", 0, AtLeast: false),
        ];
    }

    private static double At(List<double> sorted, double share) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];

    /// <summary>Time of each delivery from before the request that makes the change, sorted, milliseconds.</summary>
    private static async Task<List<double>> ReachAsync(Func<Task<LiveSocketClient>> open, Func<int, Task> publish)
    {
        var sockets = await OpenAsync(Subscribers, open);
        var took = new ConcurrentBag<double>();
        for (var change = 0; change < Changes; change++)
        {
            var told = sockets.Select(async socket =>
            {
                var text = await socket.NextAsync();
                // Ours is a record with the text in it, the other one is the text.
                var named = text.IndexOf("\"text\":\"t", StringComparison.Ordinal);
                var digits = text[(named < 0 ? 1 : named + 9)..];
                var end = digits.AsSpan().IndexOfAnyExceptInRange('0', '9');
                took.Add(Stopwatch.GetElapsedTime(long.Parse(end < 0 ? digits : digits[..end], CultureInfo.InvariantCulture)).TotalMilliseconds);
            }).ToArray();
            await publish(change);
            await Task.WhenAll(told).WaitAsync(TimeSpan.FromSeconds(30));
        }

        foreach (var socket in sockets) socket.Dispose();
        return [.. took.Order()];
    }

    /// <summary>What subscribers miss, and get twice, whose connections are cut while changes are made and who resume after the last one they got.</summary>
    private static async Task<(int Missed, int Twice)> ReturnAsync(int port, string token, Func<int, Task> publish)
    {
        using var ready = new CountdownEvent(Followers);
        var followers = Enumerable.Range(0, Followers).Select(number => FollowAsync(port, token, number, ready)).ToArray();
        await Task.Run(() => ready.Wait(TimeSpan.FromSeconds(30)));
        await Parallel.ForEachAsync(Enumerable.Range(1, Missed), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (number, _) => await publish(number));
        var seen = await Task.WhenAll(followers).WaitAsync(TimeSpan.FromSeconds(60));
        return (seen.Sum(one => Missed - one.Distinct().Count()), seen.Sum(one => one.Count - one.Distinct().Count()));
    }

    private static async Task<List<int>> FollowAsync(int port, string token, int number, CountdownEvent ready)
    {
        var (seen, after) = (new List<int>(), (string?)null);
        var clock = Stopwatch.StartNew();
        while (seen.Distinct().Count() < Missed && clock.Elapsed < TimeSpan.FromSeconds(40))
        {
            using var socket = await LiveSocketClient.ConnectAsync(port, "/live", token);
            await socket.NextAsync();
            await socket.SendAsync(after is null ? Subscribe : Subscribe.Replace("}", $",\"after\":\"{after}\"}}", StringComparison.Ordinal));
            after ??= (string?)JsonNode.Parse(await socket.NextAsync())!["at"];
            if (seen.Count == 0 && !ready.IsSet) ready.Signal();
            // Each cuts its connection at places of its own.
            for (var left = 20 + (number % 17); left > 0 && seen.Count < Missed; left--)
            {
                var told = JsonNode.Parse(await socket.NextAsync().WaitAsync(TimeSpan.FromSeconds(20)))!;
                if ((string?)told["type"] != "event") continue;
                after = (string)told["at"]!;
                seen.Add((int)told["data"]!["record"]!["number"]!);
            }
        }

        return seen;
    }

    /// <summary>Resident memory that one of many sockets adds, kilobytes.</summary>
    private static async Task<double> CostAsync(Child server, Func<Task<LiveSocketClient>> open)
    {
        var few = await OpenAsync(200, open);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var before = server.Memory;
        var sockets = await OpenAsync(Idle, open);
        await Task.Delay(TimeSpan.FromSeconds(5));
        var after = server.Memory;
        foreach (var socket in few.Concat(sockets)) socket.Dispose();
        return (after - before) / 1024.0 / Idle;
    }

    private static async Task<LiveSocketClient[]> OpenAsync(int count, Func<Task<LiveSocketClient>> open)
    {
        var sockets = new LiveSocketClient[count];
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => sockets[i] = await open());
        return sockets;
    }
}
