using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Nexus.EndToEnd.Tests;

namespace Nexus.Engines.PostgreSql.Tests.Faults;

/// <summary>Processes that stand still for seconds and go on, as on a machine that is frozen or has too little of a processor: connections stand, nobody answers, and what was under way goes on as if nothing had been.</summary>
public sealed class StallTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";
    private const int Clients = 6;

    [Fact]
    public async Task Sign_ins_while_the_server_or_a_node_stands_still_are_answered_or_refused_with_a_cause()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var database = await server.MakeDatabaseAsync();
        var key = Path.Combine(Directory.CreateTempSubdirectory("nexus-stall-").FullName, "master.key");
        await File.WriteAllTextAsync(key, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        string[] plugins = [.. new[] { "engines.postgresql", "core.identity", "core.audit" }.Select(p => Path.Combine(Programs.Plugins, p))];
        string[] settings = ["--database:type=postgresql", $"--database:connectionString={database}", $"--encryption:file={key}", $"--plugins:core.identity:administratorPassword={First}", "--security:rateLimits:enabled=false", "--server:http2Port=0", "--node:leaseSeconds=3", "--plugins:core.identity:sessionsPerUser=1000"];
        await using var one = await RunningHost.StartAsync(plugins, settings);
        await using var two = await RunningHost.StartAsync(plugins, settings);
        var first = (string)(await one.PostAsync("/login", new { username = "admin", password = First }))["access_token"]!;
        using (var change = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/password/change") { Content = JsonContent.Create(new { current_password = First, new_password = Password }) })
        {
            change.Headers.Authorization = new("Bearer", first);
            using var changed = await one.Client.SendAsync(change);
            Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
        }

        await AllowedAsync(two);
        var answers = new ConcurrentDictionary<int, int>();
        var broken = new ConcurrentQueue<string>();
        using var ending = new CancellationTokenSource();
        var load = Enumerable.Range(0, Clients).Select(i => Task.Run(() => SignInAsync(i % 2 == 0 ? one : two, answers, broken, ending.Token))).ToList();
        foreach (var seconds in new[] { 3.0, 6, 3 })
        {
            await server.PauseAsync();
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            await server.ResumeAsync();
            await Task.Delay(500);
            await SignalAsync(one, "-STOP");
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            await SignalAsync(one, "-CONT");
            await Task.Delay(500);
        }

        await ending.CancelAsync();
        await Task.WhenAll(load);

        Assert.True(broken.IsEmpty, $"{string.Join('\n', broken)}\n{Errors(one)}\n{Errors(two)}");
        Assert.Superset(new HashSet<int> { 200 }, answers.Keys.ToHashSet());
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", answers.Select(a => $"{a.Key}: {a.Value}")));
        await AllowedAsync(one);
        await AllowedAsync(two);
    }

    private static async Task SignInAsync(RunningHost node, ConcurrentDictionary<int, int> answers, ConcurrentQueue<string> broken, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            using var answer = await node.Client.PostAsJsonAsync("/login", new { username = "admin", password = Password }, CancellationToken.None);
            answers.AddOrUpdate((int)answer.StatusCode, 1, static (_, n) => n + 1);
            if ((int)answer.StatusCode is not (200 or 503 or 504))
                broken.Enqueue($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
        }
    }

    private static string Errors(RunningHost node) => string.Join('\n', node.Log.Split('\n').Where(l => !l.Contains("Nexus.Access", StringComparison.Ordinal)).TakeLast(150));

    /// <summary>Waits, bounded, until a node lets the administrator in.</summary>
    private static async Task AllowedAsync(RunningHost node)
    {
        for (var i = 0; ; i++)
        {
            using var answer = await node.Client.PostAsJsonAsync("/login", new { username = "admin", password = Password });
            if (answer.IsSuccessStatusCode)
                return;
            Assert.True(i < 300, $"{await answer.Content.ReadAsStringAsync()}\n{Errors(node)}");
            await Task.Delay(100);
        }
    }

    private static async Task SignalAsync(RunningHost node, string signal)
    {
        using var kill = Process.Start("kill", [signal, node.Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
