using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Mail;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Nexus.Core.Identity.Mail;
using Nexus.Tests.Shared;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class MailServerTests
{
    private static readonly Letter Hello = new("ada@example.com", "Grüße", "Zeile eins\r\n.Zeile zwei\r\n");

    [Fact]
    public async Task A_letter_reaches_a_real_server_with_a_name_and_a_password()
    {
        await using var server = await MailServer.StartAsync(new { user = "nexus", password = "s3cret", plain = true });
        var mailer = Mailer(server, o => (o.Tls, o.UserName, o.Password) = (false, "nexus", "s3cret"));

        await mailer.SendAsync(Hello, "letter-1", default);

        var taken = Assert.Single(await server.TakenAsync(1));
        Assert.Equal("nexus@example.org ada@example.com nexus", $"{taken["from"]} {taken["to"]![0]} {taken["user"]}");
        var text = (string)taken["text"]!;
        Assert.Contains("Message-ID: <letter-1@example.org>", text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Auto-Submitted: auto-generated", text, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String("Zeile eins\r\n.Zeile zwei\r\n"u8), text.ReplaceLineEndings(""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_TLS_a_letter_leaves_only_to_a_server_whose_certificate_holds()
    {
        var (key, cert) = SelfSigned();
        await using var server = await MailServer.StartAsync(new { user = "nexus", password = "s3cret", key, cert });
        await using var bare = await MailServer.StartAsync(new { user = "nexus", password = "s3cret", plain = true });

        await Assert.ThrowsAnyAsync<Exception>(() => Mailer(server, o => (o.UserName, o.Password) = ("nexus", "s3cret")).SendAsync(Hello, "1", default));
        var stripped = await Assert.ThrowsAsync<SmtpException>(() => Mailer(bare, o => (o.UserName, o.Password) = ("nexus", "s3cret")).SendAsync(Hello, "2", default));

        // Trusted as an operator's own authority would be; everything else is judged as before.
#pragma warning disable SYSLIB0014
        ServicePointManager.ServerCertificateValidationCallback = (_, shown, _, errors) => errors == System.Net.Security.SslPolicyErrors.None || shown is not null && new X509Certificate2(shown).ExportCertificatePem() == cert;
#pragma warning restore SYSLIB0014
        await Mailer(server, o => (o.UserName, o.Password) = ("nexus", "s3cret")).SendAsync(Hello, "3", default);

        var taken = Assert.Single(await server.TakenAsync(1));
        Assert.True((bool)taken["secure"]!);
        Assert.Equal("nexus", (string?)taken["user"]);
        Assert.Contains("secure", stripped.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(bare.Letters);
    }

    [Fact]
    public async Task Refusals_silence_and_absence_are_errors_within_the_time_that_is_set()
    {
        await using var server = await MailServer.StartAsync(new { user = "nexus", password = "s3cret", plain = true });
        SmtpMailer With(string password, int seconds = 60) => Mailer(server, o => (o.Tls, o.UserName, o.Password, o.Timeout) = (false, "nexus", password, TimeSpan.FromSeconds(seconds)));

        await Assert.ThrowsAsync<SmtpException>(() => With("wrong").SendAsync(Hello, "1", default));
        await server.BehaveAsync("unknown");
        var unknown = await Assert.ThrowsAsync<SmtpFailedRecipientException>(() => With("s3cret").SendAsync(Hello, "2", default));
        Assert.Equal(SmtpStatusCode.MailboxUnavailable, unknown.StatusCode);
        await server.BehaveAsync("busy");
        await Assert.ThrowsAsync<SmtpException>(() => With("s3cret").SendAsync(Hello, "3", default));
        foreach (var mode in (string[])["slow", "silent"])
        {
            await server.BehaveAsync(mode);
            var clock = Stopwatch.StartNew();
            await Assert.ThrowsAsync<TimeoutException>(() => With("s3cret", seconds: 1).SendAsync(Hello, "4", default));
            Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 50);
        }

        await Assert.ThrowsAsync<SmtpException>(() => new SmtpMailer(new MailOptions { Host = "127.0.0.1", Port = Ports.Free(), Tls = false, From = "nexus@example.org" }, TimeProvider.System).SendAsync(Hello, "5", default));
        Assert.Empty(server.Letters);
    }

    [Fact]
    public async Task A_letter_that_was_asked_for_while_the_server_was_down_arrives_once_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-mail-").FullName;
        var port = Ports.Free();
        IEnumerable<(string, string)> Settings(string _) => [("mail:host", "127.0.0.1"), ("mail:port", $"{port}"), ("mail:tls", "false"), ("mail:from", "nexus@example.org")];
        await using (var before = await RunningNexus.StartAsync(Settings, folder))
        {
            await before.AddUserAsync("ada", "ada@example.com");
            Assert.Equal(202, (int)(await before.Client.PostAsJsonAsync("/api/v1/auth/password/forgot", new { email = "ada@example.com" })).StatusCode);
            Assert.Equal(202, (int)(await before.Client.PostAsJsonAsync("/api/v1/auth/password/forgot", new { email = "nobody@example.com" })).StatusCode);
        }

        await using var server = await MailServer.StartAsync(new { plain = true }, port);
        await using (var after = await RunningNexus.StartAsync(Settings, folder))
        {
            var letter = Assert.Single(await server.TakenAsync(1));
            var body = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(((string)letter["text"]!).Split("\r\n\r\n", 2)[1]));
            Assert.Equal(200, (int)(await after.Client.PostAsJsonAsync("/api/v1/auth/password/reset", new { token = IdentityNode.TokenOf(body), new_password = "another Horse 8 staple" })).StatusCode);
        }

        await using (await RunningNexus.StartAsync(Settings, folder)) await Task.Delay(1000);
        await server.TakenAsync(1);
        Directory.Delete(folder, recursive: true);
    }

    private static SmtpMailer Mailer(MailServer server, Action<MailOptions> change)
    {
        var options = new MailOptions { Host = "127.0.0.1", Port = server.Port, From = "nexus@example.org" };
        change(options);
        return new SmtpMailer(options, TimeProvider.System);
    }

    private static (string Key, string Certificate) SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var request = new CertificateRequest("CN=mail", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, TimeProvider.System.GetUtcNow().AddDays(1));
        return (key.ExportPkcs8PrivateKeyPem(), made.ExportCertificatePem());
    }
}
