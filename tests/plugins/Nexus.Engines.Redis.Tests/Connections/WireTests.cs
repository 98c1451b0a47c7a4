using System.Text;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Protocol;
using Nexus.Engines.Redis.Sharing;
using Nexus.Tests.Shared;

namespace Nexus.Engines.Redis.Tests.Connections;

/// <summary>What somebody between the node and Redis sees.</summary>
public sealed class WireTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_ssl_no_key_value_or_password_is_seen_on_the_wire_and_without_it_all_are(bool secure)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-wire-").FullName;
        var (certificate, key) = ServerCertificate.Write(folder);
        await using var server = await RedisServer.StartAsync("--requirepass", "wire-password-4711");
        var port = server.Port;
        if (secure)
        {
            var answer = await server.CommandAsync("-a", "wire-password-4711", "--no-auth-warning", "CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key, "tls-ca-cert-file", certificate, "tls-auth-clients", "no", "tls-port", $"{++port}");
            Assert.SkipUnless(answer == "OK", "This redis-server was built without TLS.");
        }

        await using var proxy = new RecordingProxy(port);
        await using (var client = new RedisClient(RedisSettings.Parse($"localhost:{proxy.Port},password=wire-password-4711{(secure ? $",ssl=true,sslRoot={certificate}" : "")}"), TimeProvider.System))
        {
            var level = new RedisLevel(client);
            await level.StoreAsync("nexus:shop:item:1:v1", new CacheRecord(Encoding.UTF8.GetBytes("wire-value-4711"), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), TimeSpan.Zero, []), null, Wait.Token);
            Assert.Equal("wire-value-4711", Encoding.UTF8.GetString((await level.FindAsync("nexus:shop:item:1:v1", TimeSpan.Zero, Wait.Token)).Record!.Value.Span));
        }

        Assert.True(proxy.Length > 200, $"{proxy.Length} bytes passed");
        foreach (var text in new[] { "wire-password-4711", "nexus:shop:item:1:v1", "wire-value-4711" })
            Assert.Equal(!secure, proxy.Saw(text));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_node_that_asks_for_ssl_never_falls_back_to_plain_text()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-wire-").FullName;
        var (certificate, _) = ServerCertificate.Write(folder);
        await using var server = await RedisServer.StartAsync();
        await using var proxy = new RecordingProxy(server.Port);
        await using var client = new RedisClient(RedisSettings.Parse($"localhost:{proxy.Port},password=wire-password-4711,ssl=true,sslRoot={certificate},connectTimeout=500"), TimeProvider.System);

        await Assert.ThrowsAsync<RedisException>(async () => await client.SendAsync(RespCommand.Of("PING"), Wait.Token));

        Assert.False(proxy.Saw("wire-password-4711"));
        Directory.Delete(folder, recursive: true);
    }
}
