using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Nexus.Engines.PostgreSql.Tests;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>gRPC through a node that is only a gateway. Alone: nodes that get no processor for longer than their lease are rightly called away.</summary>
[Collection(nameof(Alone))]
public sealed class GatewayCallTests
{
    private static readonly string[] Plugins = [Path.Combine(Programs.Plugins, "engines.postgresql"), Path.Combine(Programs.Plugins, "engines.yarp")];

    [Fact]
    public async Task A_foreign_client_sees_through_a_gateway_what_it_sees_at_a_node()
    {
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        string[] shared = ["--database:type=postgresql", $"--database:connectionString={await PostgreSqlServer.DatabaseAsync()}", "--node:leaseSeconds=60", .. GrpcTests.Patient];
        var (inner, outer) = (RunningHost.FreePort(), RunningHost.FreePort());
        await using var node = await RunningHost.StartAsync([.. Plugins, GrpcTests.Orders], [.. shared, $"--server:http2Port={inner}"]);
        await using var gateway = await RunningHost.StartAsync([.. Plugins, GrpcTests.Orders], [.. shared, "--roles", "gateway", $"--server:http2Port={outer}"]);
        await gateway.UntilAsync("/api/business/orders/orders", _ => true);

        GrpcTests.Check(await GrpcTests.RunAsync(gateway.Address, outer));
    }

    [Fact]
    public async Task Reading_over_TLS_survives_the_death_of_a_node_and_a_stream_of_it_ends_as_unavailable()
    {
        await using var cluster = await Cluster.StartAsync(1, [Path.Combine(Programs.Plugins, "engines.yarp")], [Cluster.Mortal]);
        var token = await cluster.SignInAsync();
        var authority = new NodeAuthority(cluster.Nodes[0].Folder, "ours");
        var nodes = new[] { await AddAsync("first"), await AddAsync("second") };
        var port = RunningHost.FreePort();
        var gateway = await cluster.AddAsync("--roles", "gateway", $"--server:http2Port={port}", $"--gateway:certificateAuthority={authority.File}", $"--gateway:certificate={authority.Issue("gateway")}", "--server:accessLog=false");
        await GatewayTests.FoundAsync(gateway, token, "users", 3);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        // Two streams: who has fewer requests under way gets the next one. The node without HTTP/2 gets none.
        using var one = await SendAsync("Watch");
        using var two = await SendAsync("Watch");
        var ends = new[] { EndAsync(one), EndAsync(two) };
        var (calls, wrong) = (0, new ConcurrentBag<string>());
        using var ending = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!ending.IsCancellationRequested)
            {
                using var answer = await SendAsync("List");
                if (await EndAsync(answer) is var end && end != "0") wrong.Add(end);
                Interlocked.Increment(ref calls);
            }
        }));
        await CalledAsync(100);
        await nodes[0].KillAsync();
        var ended = await Task.WhenAny(ends).WaitAsync(TimeSpan.FromSeconds(60));
        await CalledAsync(calls + 200);
        var lives = ends.Count(e => !e.IsCompleted);
        await nodes[1].KillAsync();
        await Task.WhenAll(ends).WaitAsync(TimeSpan.FromSeconds(60));
        await ending.CancelAsync();
        await load;

        Assert.Equal(("14 The node that answered went away.", 1), (await ended, lives));
        // When the last one is gone too, calls end at once and say so.
        Assert.All(wrong, end => Assert.StartsWith("14", end, StringComparison.Ordinal));
        using var none = await SendAsync("List");
        Assert.StartsWith("14 No node that has the plugin", await EndAsync(none), StringComparison.Ordinal);

        Task<RunningHost> AddAsync(string name) => cluster.AddAsync($"--server:https:port={RunningHost.FreePort()}", $"--server:https:certificate={authority.Issue(name)}", $"--server:https:clientAuthority={authority.File}", "--server:https:redirect=false");

        async Task<HttpResponseMessage> SendAsync(string method)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/nexus.plugins.users.Users/{method}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(new byte[5]) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            request.Headers.TE.ParseAdd("trailers");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        }

        async Task CalledAsync(int wanted)
        {
            var clock = Stopwatch.StartNew();
            while (calls < wanted)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60) && wrong.IsEmpty, $"{calls} of {wanted} calls: {string.Join('\n', wrong.Take(3))}\n{gateway.Log}");
                await Task.Delay(20);
            }
        }
    }

    /// <summary>Reads an answer to its end; its status and message.</summary>
    private static async Task<string> EndAsync(HttpResponseMessage answer)
    {
        await answer.Content.ReadAsByteArrayAsync();
        var headers = answer.TrailingHeaders.Contains("grpc-status") ? answer.TrailingHeaders : (HttpHeaders)answer.Headers;
        return $"{headers.GetValues("grpc-status").Single()} {(headers.TryGetValues("grpc-message", out var message) ? message.Single() : "")}".Trim();
    }
}
