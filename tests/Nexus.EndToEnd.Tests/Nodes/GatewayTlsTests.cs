using System.Diagnostics;
using System.Globalization;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Between a gateway and its nodes: TLS, with each end's certificate checked by the other.</summary>
public sealed class GatewayTlsTests
{
    private const string Users = "/api/business/users/users";
    private static readonly string Yarp = Path.Combine(Programs.Plugins, "engines.yarp");

    [Fact]
    public async Task A_gateway_asks_only_nodes_that_its_authority_vouches_for_and_nothing_can_be_read_on_the_way()
    {
        await using var cluster = await Cluster.StartAsync(1, [Yarp], []);
        var token = await cluster.SignInAsync();
        var folder = cluster.Nodes[0].Folder;
        NodeAuthority ours = new(folder, "ours"), theirs = new(folder, "theirs");
        var port = RunningHost.FreePort();
        await using var wire = new RecordingProxy(port);
        var good = await cluster.AddAsync([.. Tls(port, ours.Issue("good"), ours), $"--node:address=https://127.0.0.1:{wire.Port}"]);
        var foreign = await cluster.AddAsync(Tls(RunningHost.FreePort(), theirs.Issue("foreign"), ours));
        var misnamed = await cluster.AddAsync(Tls(RunningHost.FreePort(), ours.Issue("misnamed", "elsewhere.test"), ours));
        var gateway = await cluster.AddAsync("--roles", "gateway", $"--gateway:certificateAuthority={ours.File}", $"--gateway:certificate={ours.Issue("gateway")}", "--gateway:requireTls=true", "--gateway:tries=5");
        await GatewayTests.FoundAsync(gateway, token, "users", 3);

        for (var i = 0; i < 20; i++)
        {
            var (status, body) = await Cluster.SendAsync(gateway.Client, token, HttpMethod.Get, Users);
            Assert.True(status == 200, $"{status} {body}\n{gateway.Log}");
        }

        // It writes its lines a little after its answers.
        var clock = Stopwatch.StartNew();
        while (Served(good) < 20 && clock.Elapsed < TimeSpan.FromSeconds(60)) await Task.Delay(20);
        var (bytes, seen) = (wire.Length, new[] { Users, token, "HTTP/1.1" }.Any(wire.Saw));
        await good.KillAsync();
        var (alone, _) = await Cluster.SendAsync(gateway.Client, token, HttpMethod.Get, Users);

        Assert.Equal(20, Served(good));
        Assert.Equal((0, 0, 0), (Served(foreign), Served(misnamed), Served(cluster.Nodes[0])));
        Assert.Equal(503, alone);
        Assert.True(bytes > 10_000, $"only {bytes} bytes passed the wire");
        Assert.False(seen, "what was asked can be read on the wire");
    }

    [Fact]
    public async Task A_node_gives_no_connection_to_callers_without_a_certificate_of_its_authority()
    {
        await using var cluster = await Cluster.StartAsync(1);
        var folder = cluster.Nodes[0].Folder;
        NodeAuthority ours = new(folder, "ours"), theirs = new(folder, "theirs");
        var port = RunningHost.FreePort();
        await cluster.AddAsync(Tls(port, ours.Issue("node"), ours));

        Assert.Equal(200, await AskAsync(port, ours, ours.Issue("gateway")));
        Assert.Equal(0, await AskAsync(port, ours, theirs.Issue("gateway")));
        Assert.Equal(0, await AskAsync(port, ours, null));
        // Made by the right authority, for a server only.
        Assert.Equal(0, await AskAsync(port, ours, ours.Issue("server", server: true)));
    }

    private static string[] Tls(int port, string certificate, NodeAuthority callers) =>
        [$"--server:https:port={port}", $"--server:https:certificate={certificate}", $"--server:https:clientAuthority={callers.File}", "--server:https:redirect=false"];

    private static int Served(RunningHost node) => node.Log.Split('\n').Count(l => l.Contains($"GET {Users} 200", StringComparison.Ordinal));

    /// <summary>Status of an answer over TLS; 0 when the node gives none.</summary>
    private static async Task<int> AskAsync(int port, NodeAuthority trusted, string? certificate)
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(trusted.File);
        if (certificate is not null)
        {
            using var pem = X509Certificate2.CreateFromPemFile(certificate, certificate);
            handler.SslOptions.ClientCertificates = [X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null)];
        }

        using var client = new HttpClient(handler);
        try
        {
            using var answer = await client.GetAsync(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{port}/health/ready"));
            return (int)answer.StatusCode;
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException or IOException)
        {
            return 0;
        }
    }
}
