using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Nexus.Engines.PostgreSql.Tests;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Hosts as processes that share one database of a real PostgreSQL, a master key, and the name by which people reach them.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>The lease of nodes that are killed by their test: soon over, and longer than a busy machine stands still.</summary>
    public const string Mortal = "--node:leaseSeconds=10";

    public const string Password = "Correct-Horse-7";
    private const string First = "One-time 4 the first";
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-cluster-").FullName;

    private Func<string[], Task<RunningHost>> start = _ => throw new InvalidOperationException();

    public List<RunningHost> Nodes { get; } = [];

    /// <summary>Connection string of what they share.</summary>
    public string Database { get; private init; } = "";

    public static Task<Cluster> StartAsync(int nodes, params string[] settings) => StartAsync(nodes, [], settings);

    /// <summary>With plugins beside those that every cluster has.</summary>
    public static async Task<Cluster> StartAsync(int nodes, string[] more, string[] settings)
    {
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        var database = await PostgreSqlServer.DatabaseAsync();
        var cluster = new Cluster { Database = database };
        var key = Path.Combine(cluster.folder, "master.key");
        await File.WriteAllTextAsync(key, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        string[] all =
        [
            "--database:type=postgresql", $"--database:connectionString={database}", $"--encryption:file={key}", "--server:publicUrl=http://nexus.test", "--node:leaseSeconds=60",
            $"--plugins:core.identity:administratorPassword={First}", .. settings,
        ];
        string[] plugins = [Path.Combine(Programs.Plugins, "engines.postgresql"), Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Samples, "users"), .. more];
        // The first makes the database's schema, then the others join it.
        cluster.start = other => RunningHost.StartAsync(plugins, [.. all, .. other]);
        cluster.Nodes.Add(await cluster.start([]));
        cluster.Nodes.AddRange(await Task.WhenAll(Enumerable.Range(1, nodes - 1).Select(_ => cluster.start([]))));
        return cluster;
    }

    /// <summary>One more node, with settings of its own.</summary>
    public async Task<RunningHost> AddAsync(params string[] other)
    {
        Nodes.Add(await start(other));
        return Nodes[^1];
    }

    /// <summary>Gives the administrator a password of its own and signs in.</summary>
    public async Task<string> SignInAsync()
    {
        var first = await LoginAsync(Nodes[0].Client, First, Nodes[0]);
        var (status, body) = await SendAsync(Nodes[0].Client, first, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        Assert.True(status < 300, $"{status} {body}\n{Nodes[0].Log}");
        return await LoginAsync(Nodes[0].Client, Password, Nodes[0]);
    }

    public static async Task<string> LoginAsync(HttpClient client, string password, RunningHost? node = null)
    {
        var (status, body) = await SendAsync(client, null, HttpMethod.Post, "/login", new { username = "admin", password });
        Assert.True(status == 200, $"{status} {body}\n{node?.Log}");
        return (string)body["access_token"]!;
    }

    public static async Task<(int Status, JsonNode Body)> SendAsync(HttpClient client, string? token, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? new JsonObject() : text[0] is '{' or '[' ? JsonNode.Parse(text)! : JsonValue.Create(text)!);
    }

    /// <summary>How long it takes until an answer is as expected; fails after <paramref name="seconds"/>.</summary>
    public static async Task<TimeSpan> UntilAsync(HttpClient client, string token, string path, Func<int, JsonNode, bool> condition, int seconds = 60)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var (status, body) = await SendAsync(client, token, HttpMethod.Get, path);
            if (condition(status, body)) return clock.Elapsed;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds), $"{path} did not come to what was expected within {seconds} s; last: {status} {body}");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes) await node.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
