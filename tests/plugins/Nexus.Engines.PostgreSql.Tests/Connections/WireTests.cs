using Nexus.Tests.Shared;

namespace Nexus.Engines.PostgreSql.Tests.Connections;

/// <summary>What somebody between the node and PostgreSQL sees.</summary>
public sealed class WireTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-wire-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_a_required_ssl_mode_no_record_or_statement_is_seen_on_the_wire_and_without_it_all_are(bool secure)
    {
        var (server, certificate) = await StartAsync(secure);
        await using var running = server;
        var database = (await server.MakeDatabaseAsync()).Split("Database=")[1];
        await using var proxy = new RecordingProxy(server.Port);

        await using (var set = await Opened.OpenAsync($"Host=localhost;Port={proxy.Port};Username=postgres;Database={database};{(secure ? $"SSL Mode=VerifyFull;Root Certificate={certificate}" : "SSL Mode=Disable")}"))
        {
            await set.CommitAsync(Opened.Put("wire-id", """{"name":"wire-value-4711"}"""));
            Assert.NotNull(await set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "wire-id"), CancellationToken.None));
        }

        Assert.True(proxy.Length > 2000, $"{proxy.Length} bytes passed");
        foreach (var text in new[] { "wire-value-4711", "wire-id", "crm.people", "CREATE TABLE" })
            Assert.Equal(!secure, proxy.Saw(text));
    }

    [Theory]
    [InlineData("SSL Mode=VerifyFull;Root Certificate={0}")]
    [InlineData("SSL Mode=Require")]
    public async Task A_node_that_requires_ssl_does_not_start_on_a_server_without_it(string mode)
    {
        var (server, certificate) = await StartAsync(secure: false);
        await using var running = server;
        var address = await server.MakeDatabaseAsync();

        await Assert.ThrowsAsync<NexusException>(() => Opened.OpenAsync($"{address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)};{string.Format(System.Globalization.CultureInfo.InvariantCulture, mode, certificate)}"));
    }

    /// <summary>A server of the test's own, whose key its user may read.</summary>
    private async Task<(PostgreSqlServer Server, string Certificate)> StartAsync(bool secure)
    {
        var (certificate, key) = ServerCertificate.Write(_folder);
        if (!secure)
            return (await PostgreSqlServer.StartAsync(), certificate);
        await PostgreSqlServer.OwnAsync(_folder);
        return (await PostgreSqlServer.StartAsync("ssl=on", $"ssl_cert_file={certificate}", $"ssl_key_file={key}"), certificate);
    }
}
