using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>The outer shell of a real host: TLS as a foreign client sees it, rules that change while it runs, the scan with planted weaknesses.</summary>
public sealed class ShellTests
{
    [Fact]
    public async Task Tls_1_3_is_spoken_and_nothing_older_and_plain_http_is_sent_there()
    {
        var port = RunningHost.FreePort();
        await using var host = await RunningHost.StartAsync([], [$"--server:https:port={port}"]);
        var root = Path.Combine(host.Folder, "data", "certificates", "development.crt");

        Assert.Contains("TLSv1.3", (await OpensslAsync(host, port, "-tls1_3", "-CAfile", root, "-verify_return_error")).Output, StringComparison.Ordinal);
        foreach (var old in new[] { "-tls1_2", "-tls1_1", "-tls1" })
            Assert.NotEqual(0, (await OpensslAsync(host, port, old)).ExitCode);

        using var plain = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host.Address };
        var sent = await plain.GetAsync("/docs?a=b");
        Assert.Equal((HttpStatusCode.PermanentRedirect, $"https://127.0.0.1:{port}/docs?a=b"), (sent.StatusCode, sent.Headers.Location!.ToString()));

        using var secure = Client(port, root);
        var answer = await secure.GetAsync("/health/live");
        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal("max-age=31536000", answer.Headers.GetValues("Strict-Transport-Security").Single());
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.ChangeExtension(root, ".pfx")));
    }

    [Fact]
    public async Task A_host_serves_its_own_certificate_with_its_chain()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-tls-").FullName;
        var (chain, key, root) = Certificates(folder);
        var port = RunningHost.FreePort();
        await using var host = await RunningHost.StartAsync([], [$"--server:https:port={port}", $"--server:https:certificate={chain}", $"--server:https:key={key}"]);

        var shaken = await OpensslAsync(host, port, "-CAfile", root, "-verify_return_error", "-showcerts");

        Assert.True(shaken.ExitCode == 0, shaken.Output);
        Assert.Contains("Verify return code: 0 (ok)", shaken.Output, StringComparison.Ordinal);
        Assert.Equal(2, shaken.Output.Split("-----BEGIN CERTIFICATE-----").Length - 1);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_production_host_makes_no_certificate_of_its_own()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-production-").FullName;
        var key = Path.Combine(folder, "own.key");
        await File.WriteAllTextAsync(key, Convert.ToBase64String(new byte[32]));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(key, UnixFileMode.UserRead);
        var (exit, _, errors) = await Programs.RunAsync(
            "dotnet", [Programs.Host, "--server:port=0", "--server:https:port=0", "--encryption:file=" + key, "--database:directory=" + folder], folder, new Dictionary<string, string> { ["NEXUS_ENV"] = "production" });

        Assert.Equal(78, exit);
        Assert.Contains("server.https.certificate is missing", errors, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Address_rules_change_while_the_node_runs_and_last()
    {
        await using var host = await RunningHost.StartAsync([], ["--security:trustedProxies:0=127.0.0.1"]);
        async Task<int> FromAsync(string address)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live") { Headers = { { "X-Forwarded-For", address } } };
            return (int)(await host.Client.SendAsync(request)).StatusCode;
        }

        Assert.Equal(200, await FromAsync("203.0.113.5"));
        var changed = await host.Client.PutAsJsonAsync("/api/v1/security/ip-rules", new { deny = new[] { "203.0.113.0/24" } });
        Assert.Equal(200, (int)changed.StatusCode);
        Assert.Equal(403, await FromAsync("203.0.113.5"));
        Assert.Equal(200, await FromAsync("198.51.100.5"));

        await host.KillAndRestartAsync();
        Assert.Equal(403, await FromAsync("203.0.113.5"));
        await host.Client.PutAsJsonAsync("/api/v1/security/ip-rules", new { deny = Array.Empty<string>() });
        Assert.Equal(200, await FromAsync("203.0.113.5"));
    }

    [Fact]
    public async Task The_scan_finds_planted_weaknesses_and_writes_a_dated_report()
    {
        await using var host = await RunningHost.StartAsync(
            [], ["--server:allowedHosts:0=*", "--security:csrf=false", "--security:requestRules=log", "--security:trustedProxies:0=0.0.0.0/0", "--server:allowedOrigins:0=http://shop.example"]);
        var dependencies = Path.Combine(host.Folder, "plugins", "old");
        Directory.CreateDirectory(dependencies);
        await File.WriteAllTextAsync(Path.Combine(dependencies, "Old.deps.json"), """{"libraries":{"Newtonsoft.Json/12.0.3":{"type":"package"},"Newtonsoft.Json/13.0.3":{"type":"package"},"Old/1.0.0":{"type":"project"}}}""");
        var key = Path.Combine(host.Folder, "data", "planted.key");
        await File.WriteAllTextAsync(key, "secret");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        var (exit, output, errors) = await Programs.CliAsync(host, "security", "audit", "--json");

        Assert.True(exit == 1, output + errors);
        var report = JsonNode.Parse(output)!;
        var found = report["findings"]!.AsArray().Select(f => (string)f!["id"]!).ToArray();
        string[] expected = ["config.host-filter-off", "config.csrf-off", "config.request-rules-off", "config.trusts-everybody", "config.weak-origin", "dependency.CVE-2024-21907", "permission.no-policy", "file.key-readable"];
        Assert.Empty(expected.Except(found));
        Assert.Single(found, id => id == "dependency.CVE-2024-21907");
        var file = (string)report["file"]!;
        Assert.StartsWith(Path.Combine(host.Folder, "data", "reports", "security-20"), file, StringComparison.Ordinal);
        Assert.Equal(found.Length, JsonNode.Parse(await File.ReadAllTextAsync(file))!["findings"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_scheduled_audit_writes_its_report_by_itself_and_raises_an_alert_for_what_is_high()
    {
        await using var host = await RunningHost.StartAsync([], ["--security:csrf=false", "--security:audit:schedule=@every 1s"]);

        var runs = await host.UntilAsync("/api/v1/tasks?task=core.security.audit", tasks => RunningHost.Rows(tasks).Any(t => (string?)t["state"] == "SUCCESS"));
        var alerts = await host.UntilAsync("/api/v1/security/alerts", found => RunningHost.Rows(found).Any(a => (string?)a["kind"] == "security_audit"));

        var reports = Directory.GetFiles(Path.Combine(host.Folder, "data", "reports"), "security-20*.json");
        Assert.NotEmpty(reports);
        Assert.Contains("config.csrf-off", await File.ReadAllTextAsync(reports.Order(StringComparer.Ordinal).First()), StringComparison.Ordinal);
        Assert.All(RunningHost.Rows(runs), t => Assert.Equal("core.security.audit", (string?)t["task"]));
        Assert.Contains(RunningHost.Rows(alerts), a => ((string?)a["detail"])!.Contains("config.csrf-off", StringComparison.Ordinal));
    }

    private static async Task<(int ExitCode, string Output)> OpensslAsync(RunningHost host, int port, params string[] more)
    {
        var start = new ProcessStartInfo("openssl", ["s_client", "-connect", $"127.0.0.1:{port}", "-servername", "localhost", .. more]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = host.Folder };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token) + await process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, output);
    }

    private static HttpClient Client(int port, string root) => new(new SocketsHttpHandler
    {
        SslOptions = new()
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(root) }, RevocationMode = X509RevocationMode.NoCheck },
        },
    })
    {
        BaseAddress = new Uri($"https://localhost:{port}"),
        DefaultRequestVersion = HttpVersion.Version20,
    };

    /// <summary>A root, an intermediate and a leaf for localhost, as PEM files.</summary>
    private static (string Chain, string Key, string Root) Certificates(string folder)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=Test root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = rootRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var middleRequest = new CertificateRequest("CN=Test intermediate", middleKey, HashAlgorithmName.SHA256);
        middleRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var middle = middleRequest.Create(root, now.AddDays(-1), now.AddDays(20), [1, 2, 3]).CopyWithPrivateKey(middleKey);
        var leafRequest = new CertificateRequest("CN=localhost", leafKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        leafRequest.CertificateExtensions.Add(names.Build());
        using var leaf = leafRequest.Create(middle, now.AddDays(-1), now.AddDays(10), [4, 5, 6]);
        var files = (Path.Combine(folder, "chain.pem"), Path.Combine(folder, "leaf.key"), Path.Combine(folder, "root.pem"));
        File.WriteAllText(files.Item1, leaf.ExportCertificatePem() + "\n" + middle.ExportCertificatePem());
        File.WriteAllText(files.Item2, leafKey.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(files.Item3, root.ExportCertificatePem());
        return files;
    }
}
