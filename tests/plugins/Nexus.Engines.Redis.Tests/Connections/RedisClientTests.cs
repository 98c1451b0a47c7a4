using System.Text;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Tests.Connections;

public sealed class RedisClientTests
{
    [Theory]
    [InlineData("localhost", "localhost:6379", false, 0)]
    [InlineData("10.0.0.1:7000,10.0.0.2,password=a=b,ssl=true,database=3", "10.0.0.1:7000 10.0.0.2:6379", true, 3)]
    [InlineData("redis://ada:s%40cret@[::1]:7001/2", "[::1]:7001", false, 2)]
    [InlineData("rediss://cache.example.org", "cache.example.org:6379", true, 0)]
    public void A_connection_string_names_servers_and_how_to_reach_them(string text, string addresses, bool tls, int database)
    {
        var settings = RedisSettings.Parse(text);

        Assert.Equal((addresses, tls, database), (string.Join(' ', settings.Addresses), settings.Tls, settings.Database));
    }

    [Theory]
    [InlineData("")]
    [InlineData("password=secret")]
    [InlineData("host:x")]
    [InlineData("host,colour=red")]
    [InlineData("host,database=many")]
    public void A_wrong_connection_string_is_refused_without_its_password(string text) =>
        Assert.DoesNotContain("secret", Assert.Throws<FormatException>(() => RedisSettings.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("123456789", 12739)]
    [InlineData("foo", 12182)]
    [InlineData("{user1000}.following", 3443)]
    [InlineData("foo{}{bar}", 8363)]
    [InlineData("foo{{bar}}zap", 4015)]
    public void Slots_are_those_of_the_specification(string key, int slot) => Assert.Equal(slot, HashSlot.Of(key));

    [Fact]
    public async Task Ten_thousand_commands_at_once_get_their_own_answers()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);

        var answers = await Task.WhenAll(Enumerable.Range(0, 10_000).Select(i => Task.Run(async () => (await client.SendAsync(RespCommand.Of("ECHO", $"{i}"), Wait.Token)).Text)));

        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => $"{i}"), answers);
        Assert.Equal(1, client.Links);
    }

    [Fact]
    public async Task A_caller_who_gives_up_does_not_shift_the_answers_of_the_others()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        await client.SendAsync(RespCommand.Of("PING"), Wait.Token);
        using var leaving = new CancellationTokenSource();

        var slow = client.SendAsync(RespCommand.Of("BLPOP", "nothing", "0.5"), leaving.Token).AsTask();
        var next = client.SendAsync(RespCommand.Of("ECHO", "next"), Wait.Token).AsTask();
        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
        Assert.Equal("next", (await next).Text);
    }

    [Fact]
    public async Task Passwords_databases_and_large_values_pass()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "s3cret");
        await using var right = Client($"{server.Address},password=s3cret,database=5");
        await using var wrong = Client($"{server.Address},password=other");
        var large = new byte[5 << 20];
        Random.Shared.NextBytes(large);

        await right.SendAsync(RespCommand.Of("SET").OnKey("large").Add(large), Wait.Token);
        var read = await right.SendAsync(RespCommand.Of("GET").OnKey("large"), Wait.Token);
        var refused = await Assert.ThrowsAsync<RedisException>(async () => await wrong.SendAsync(RespCommand.Of("PING"), Wait.Token));

        Assert.Equal(large, read.Bytes);
        Assert.Contains("db=5", (await right.SendAsync(RespCommand.Of("CLIENT", "INFO"), Wait.Token)).Text, StringComparison.Ordinal);
        Assert.Contains("WRONGPASS", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("other", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_is_spoken_and_a_certificate_that_nobody_vouches_for_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-tls-").FullName;
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=localhost", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        await File.WriteAllTextAsync(Path.Combine(folder, "c.pem"), certificate.ExportCertificatePem(), Wait.Token);
        await File.WriteAllTextAsync(Path.Combine(folder, "k.pem"), key.ExportPkcs8PrivateKeyPem(), Wait.Token);
        await using var plain = await RedisServer.StartAsync();
        var answer = await plain.CommandAsync("CONFIG", "GET", "tls-port");
        Assert.SkipUnless(answer.Contains("tls-port", StringComparison.Ordinal), "This redis-server was built without TLS.");
        var port = Nexus.Tests.Shared.Ports.Free();
        await plain.CommandAsync("CONFIG", "SET", "tls-cert-file", Path.Combine(folder, "c.pem"), "tls-key-file", Path.Combine(folder, "k.pem"), "tls-ca-cert-file", Path.Combine(folder, "c.pem"), "tls-auth-clients", "no", "tls-port", $"{port}");
        await using var client = Client($"127.0.0.1:{port},ssl=true,sslHost=localhost");

        var refused = await Assert.ThrowsAsync<RedisException>(async () => await client.SendAsync(RespCommand.Of("PING"), Wait.Token));

        Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_server_that_is_killed_is_told_at_once_and_found_again_when_it_is_back()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        await client.SendAsync(RespCommand.Of("PING"), Wait.Token);
        var waiting = client.SendAsync(RespCommand.Of("BLPOP", "never", "0"), Wait.Token).AsTask();

        await server.KillAsync();
        await Assert.ThrowsAsync<RedisException>(() => waiting);
        await Assert.ThrowsAsync<RedisException>(async () => await client.SendAsync(RespCommand.Of("PING"), Wait.Token));
        await server.StartAgainAsync();

        await Wait.UntilAsync(async () => await AnswersAsync(client), "answers again");
    }

    [Fact]
    public async Task A_server_that_hangs_is_given_up()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client($"{server.Address},answerTimeout=300");
        await Wait.UntilAsync(async () => await AnswersAsync(client), "the server answers in time");

        var error = await Assert.ThrowsAsync<RedisException>(async () => await client.SendAsync(RespCommand.Of("BLPOP", "never", "0"), Wait.Token));

        Assert.Contains("unanswered", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_arrive_also_after_the_server_came_back_and_the_gap_is_told()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var received = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var states = new System.Collections.Concurrent.ConcurrentQueue<bool>();
        using var subscription = client.Subscribe("news", message => received.Enqueue(Encoding.UTF8.GetString(message.Span)), states.Enqueue);
        await Wait.UntilAsync(() => Task.FromResult(states.Contains(true)), "subscribed");

        await server.CommandAsync("PUBLISH", "news", "one");
        await Wait.UntilAsync(() => Task.FromResult(received.Contains("one")), "the first message");
        await server.KillAsync();
        await Wait.UntilAsync(() => Task.FromResult(states.Contains(false)), "told of the gap");
        await server.StartAgainAsync();
        await Wait.UntilAsync(() => Task.FromResult(states.Last()), "subscribed again");
        await server.CommandAsync("PUBLISH", "news", "two");

        await Wait.UntilAsync(() => Task.FromResult(received.Contains("two")), "the second message");
    }

    [Fact]
    public async Task In_a_cluster_commands_go_where_their_keys_are_and_follow_them()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var client = Client(cluster.Nodes[0].Address);
        for (var i = 0; i < 300; i++)
            await client.SendAsync(RespCommand.Of("SET").OnKey($"nexus:shop:item:{i}:v1").Add($"{i}"), Wait.Token);
        var sizes = await Task.WhenAll(cluster.Nodes.Select(n => n.CommandAsync("DBSIZE")));

        // One slot moves from its owner to another, key by key: ASK while it moves, MOVED after.
        var key = "nexus:shop:item:7:v1";
        var slot = HashSlot.Of(key);
        var ids = await Task.WhenAll(cluster.Nodes.Select(n => n.CommandAsync("CLUSTER", "MYID")));
        var from = Array.FindIndex(await Task.WhenAll(cluster.Nodes.Select(n => n.CommandAsync("GET", key))), answer => answer == "7");
        var to = (from + 1) % 3;
        await cluster.Nodes[to].CommandAsync("CLUSTER", "SETSLOT", $"{slot}", "IMPORTING", ids[from]);
        await cluster.Nodes[from].CommandAsync("CLUSTER", "SETSLOT", $"{slot}", "MIGRATING", ids[to]);
        foreach (var moving in (await cluster.Nodes[from].CommandAsync("CLUSTER", "GETKEYSINSLOT", $"{slot}", "100")).Split('\n'))
            await cluster.Nodes[from].CommandAsync("MIGRATE", "127.0.0.1", $"{cluster.Nodes[to].Port}", moving, "0", "60000");
        var asked = await client.SendAsync(RespCommand.Of("GET").OnKey(key), Wait.Token);
        foreach (var node in cluster.Nodes)
            await node.CommandAsync("CLUSTER", "SETSLOT", $"{slot}", "NODE", ids[to]);
        var moved = await client.SendAsync(RespCommand.Of("GET").OnKey(key), Wait.Token);

        Assert.All(sizes, size => Assert.InRange(int.Parse(size.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture), 50, 200));
        Assert.Equal(("7", "7"), (asked.Text, moved.Text));
    }

    private static RedisClient Client(string text) => new(RedisSettings.Parse(text.Contains("answerTimeout", StringComparison.Ordinal) ? text : text + ",connectTimeout=60000,answerTimeout=60000"), TimeProvider.System);

    private static async Task<bool> AnswersAsync(RedisClient client)
    {
        try
        {
            return (await client.SendAsync(RespCommand.Of("PING"), Wait.Token)).Text == "PONG";
        }
        catch (RedisException)
        {
            return false;
        }
    }
}
