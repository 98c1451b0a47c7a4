using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>A real host under attack: what nobody would send, and what an attacker would.</summary>
public sealed partial class AttackTests
{
    private const int Seed = 20300131;
    private const int Requests = 10_000;

    private const string Papers = """
        public sealed record Paper(string Title, int Pages = 0) : Resource;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Paper>("papers", papers => papers.Search(p => p.Title).Index(p => p.Pages));
                plugin.MapEndpoints(routes =>
                {
                    routes.MapPost("/form", async (HttpContext c) => (await c.Request.ReadFormAsync()).Count.ToString());
                    routes.MapGet("/number/{n:int}", (int n) => n + 1);
                    routes.MapGet("/page", (HttpContext c, string? name) => Results.Content($"<p>{System.Net.WebUtility.HtmlEncode(name)}</p>", "text/html"));
                });
            }
        }
        """;

    private static readonly string[] Corpus =
    [
        "GET /api/custom/papers/papers?filter[pages][$gte]=3&sort=-pages,title&limit=10&fields=title HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/custom/papers/papers/0190c6f0-0000-7000-8000-000000000001 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"1\"\r\n\r\n",
        "GET /api/custom/papers/papers?q=word&count=true&cursor=abc HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n",
        "POST /api/custom/papers/papers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: k1\r\nContent-Length: 29\r\n\r\n{\"title\":\"A paper\",\"pages\":3}",
        "POST /api/custom/papers/papers/batch?atomic=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n[{\"title\":\"A\"},{\"title\":\"Bcde\"}]",
        "PATCH /api/custom/papers/papers/0190c6f0-0000-7000-8000-000000000001 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/merge-patch+json\r\nIf-Match: \"1\"\r\nContent-Length: 11\r\n\r\n{\"pages\":4}",
        "DELETE /api/custom/papers/papers/batch?ids=a,b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /api/custom/papers/form HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: 119\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello there, file\r\n--XX--\r\n",
        "POST /api/custom/papers/form HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\na=1&b=%20&c",
        "GET /api/custom/papers/number/41 HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: r-1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 37\r\n\r\n{\"name\":\"tests.happened\",\"data\":{\"n\":1}}",
        "GET /api/v1/routes?plugin=papers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\nCookie: nexus_session=abc; a=b\r\n\r\n",
        "GET /api/v1/data/core/settings HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br, gzip\r\nRange: bytes=0-10\r\n\r\n",
        "PUT /api/v1/security/ip-rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{\"deny\":[\"203.0.113.0/24\"]}",
        "OPTIONS /api/custom/papers/papers HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
        "POST /api/custom/papers/papers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-16\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"title\":\r\n6\r\n\"AAA\"}\r\n0\r\n\r\n",
    ];

    private static readonly string[] Nasty =
        ["%00", "%ff", "%c0%ae", "\0", "\r\n", "\n", "\u00e9", "{", "}", "[", "\"", "\\", "\\u0000", "\\ud800", "null", "-0", "1e999", "99999999999999999999", "NaN", "true", "$where", "$regex", "[$ne]", "../", "%2e%2e%2f", "A{0}", ";", ",", "=", "&", "?", "#", " ", "\t", "*", "'", "\uFEFF", "--", "<x>", "%", "%u0041", "+", ":", "//"];

    [Fact]
    public async Task Ten_thousand_mutated_requests_give_no_500_no_hang_and_no_internals()
    {
        await using var host = await StartAsync("--security:requestRules=off", "--security:connections:headerSeconds=2", "--server:limits:bodySeconds=2", "--server:accessLog=false", "--logging:level=warning");
        var faults = new List<string>();
        var answered = 0;

        await Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (n, cancel) =>
        {
            var random = new Random(Seed + n);
            var request = Mutate(Corpus[random.Next(Corpus.Length)], random);
            var answer = await ExchangeAsync(host.Port, request, cancel);
            var fault = answer is null ? "no answer within a minute" : Status().Match(answer) is { Success: true } status && status.Groups[1].Value is "500" or "502" or "503" ? "status " + Status().Match(answer).Groups[1].Value : Internals().Match(answer) is { Success: true } leak ? "leaks " + leak.Value : answer.Contains(host.Folder, StringComparison.Ordinal) ? "leaks the folder" : null;
            if (answer is { Length: > 0 })
                Interlocked.Increment(ref answered);
            if (fault is not null)
                lock (faults)
                    faults.Add($"#{n} {fault}: {JsonSerializer.Serialize(Encoding.Latin1.GetString(request))} → {answer?[..Math.Min(answer.Length, 400)]}");
        });

        Assert.True(faults.Count == 0, $"{faults.Count} faults\n{string.Join('\n', faults.Take(10))}\n{host.Log}");
        Assert.True(answered > Requests * 0.7, $"{answered} were answered");
        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/ready")).StatusCode);
    }

    [Fact]
    public async Task Classic_payloads_return_nothing_extra_and_are_stored_as_text()
    {
        await using var host = await StartAsync("--security:requestRules=off");
        await host.PostAsync("/api/custom/papers/papers", new { title = "one", pages = 1 });
        await host.PostAsync("/api/custom/papers/papers", new { title = "two", pages = 2 });
        var stored = new List<(string Id, string Text)>();

        foreach (var text in AttackTexts.All)
        {
            var escaped = Uri.EscapeDataString(text);
            foreach (var query in new[] { $"filter[title]={escaped}", $"filter[title][$ne]=one&filter[title][$eq]={escaped}", $"filter[pages]={escaped}", $"q={escaped}", $"filter={Uri.EscapeDataString(new JsonObject { ["title"] = text }.ToJsonString())}", $"cursor={escaped}&filter[title]=none", $"limit={escaped}&filter[title]=none", $"sort={escaped}&filter[title]=none", $"filter[{escaped}]=1", $"fields={escaped}&filter[title]=none" })
            {
                using var answer = await host.Client.GetAsync("/api/custom/papers/papers?" + query);
                var body = await answer.Content.ReadAsStringAsync();
                Assert.True((int)answer.StatusCode is 200 or 400, $"{query}: {(int)answer.StatusCode} {body}");
                if (answer.IsSuccessStatusCode)
                    Assert.True(JsonNode.Parse(body)!.AsArray().Count == 0, $"{query}: {body}");
            }
        }

        // A text with U+0000 is refused by name: not all engines could store it.
        var texts = AttackTexts.All.Where(t => !t.Contains('\0', StringComparison.Ordinal)).ToArray();
        foreach (var text in texts)
        {
            var made = await host.PostAsync("/api/custom/papers/papers", new { title = text, pages = 9 });
            stored.Add(((string)made["id"]!, text));
        }
        foreach (var (id, text) in stored)
        {
            using var answer = await host.Client.GetAsync($"/api/custom/papers/papers/{id}");
            var bytes = await answer.Content.ReadAsStringAsync();
            Assert.Equal(text, (string)JsonNode.Parse(bytes)!["title"]!);
            Assert.DoesNotContain('<', bytes);
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        }
        Assert.Equal((2 + texts.Length).ToString(System.Globalization.CultureInfo.InvariantCulture), (await host.Client.GetAsync("/api/custom/papers/papers?count=true&limit=1")).Headers.GetValues("X-Total-Count").Single());
    }

    [Fact]
    public async Task Clients_that_send_or_read_by_the_byte_are_cut_off()
    {
        await using var host = await StartAsync("--security:connections:headerSeconds=1", "--security:connections:bytesPerSecond=1000", "--server:limits:bodySeconds=3600");

        async Task<bool> DripAsync(string head)
        {
            using var socket = await ConnectAsync(host.Port, "127.0.0.1", CancellationToken.None);
            await socket.SendAsync(Encoding.ASCII.GetBytes(head));
            var told = socket.ReceiveAsync(new byte[1], CancellationToken.None).AsTask();
            try
            {
                for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60);)
                {
                    await socket.SendAsync("x"u8.ToArray());
                    if (await Task.WhenAny(told, Task.Delay(100)) == told)
                        return true;
                }
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        }

        var cut = await Task.WhenAll(
            DripAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: "),
            DripAsync("POST /api/custom/papers/papers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"),
            DripAsync("POST /api/custom/papers/form HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n"));

        Assert.Equal([true, true, true], cut);
    }

    [Fact]
    public async Task Eleven_wrong_sign_ins_at_the_real_identity_block_their_address()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity")], []);
        var statuses = new List<int>();

        for (var i = 0; i < 11; i++)
        {
            using var answer = await host.Client.PostAsync("/login", new StringContent($$"""{"username":"admin{{i}}","password":"wrong-password-{{i}}"}""", Encoding.UTF8, "application/json"));
            statuses.Add((int)answer.StatusCode);
        }

        Assert.Equal([.. Enumerable.Repeat(401, 10), 403], statuses);
        Assert.Equal(403, (int)(await host.Client.GetAsync("/health/live")).StatusCode);
        await host.SaysAsync("security alert login_abuse");
    }

    private static async Task<RunningHost> StartAsync(params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-attack-").FullName;
        var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "papers"), "papers", "1.0.0", Papers)], settings);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static byte[] Mutate(string request, Random random)
    {
        var bytes = Encoding.Latin1.GetBytes(request).ToList();
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(8))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Nasty[random.Next(Nasty.Length)]));
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 20)));
                    break;
                case 3 when at < bytes.Count:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(bytes.Count - at, random.Next(1, 40))));
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)random.Next(32, 127), random.Next(1, 3000)));
                    break;
                case 5:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 6:
                    bytes.InsertRange(at, Enumerable.Range(0, random.Next(1, 30)).Select(_ => (byte)random.Next(256)));
                    break;
                default:
                    // A body that its length does not fit, a header twice, another method.
                    var text = Encoding.Latin1.GetString([.. bytes]);
                    bytes = [.. Encoding.Latin1.GetBytes(random.Next(3) switch { 0 => text.Replace("Content-Length: ", "Content-Length: " + random.Next(10), StringComparison.Ordinal), 1 => text.Replace("Host: localhost\r\n", "Host: localhost\r\nContent-Type: " + Nasty[random.Next(Nasty.Length)].Trim() + "\r\n", StringComparison.Ordinal), _ => text.Replace("GET ", "PUT ", StringComparison.Ordinal) })];
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Sends bytes, ends sending once there is an answer or none comes, and reads to the end; null when the other side does not end within a minute.</summary>
    private static async Task<string?> ExchangeAsync(int port, byte[] request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        var received = new MemoryStream();
        try
        {
            using var socket = await ConnectAsync(port, "127.0.0.1", limit.Token);
            await socket.SendAsync(request, limit.Token);
            var buffer = new byte[8192];
            // A whole request is answered now; what the server still waits for never comes.
            var first = socket.ReceiveAsync(buffer, limit.Token).AsTask();
            await Task.WhenAny(first, Task.Delay(250, limit.Token));
            socket.Shutdown(SocketShutdown.Send);
            received.Write(buffer, 0, await first);
            while (await socket.ReceiveAsync(buffer, limit.Token) is > 0 and var read)
                received.Write(buffer, 0, read);
        }
        catch (SocketException)
        {
            // Closed by the other side: what came until then is the answer.
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        return Encoding.UTF8.GetString(received.ToArray());
    }

    internal static async Task<Socket> ConnectAsync(int port, string from, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
        return socket;
    }

    [GeneratedRegex(@"^HTTP/1\.1 (\d{3})")]
    private static partial Regex Status();

    [GeneratedRegex(@"\bat \w+(?:\.\w+)+\(|\b(?:System|Microsoft|Nexus)(?:\.[A-Z]\w+){2,}|\w+Exception\b|\.cs:line|SQLite Error|sqlite_", RegexOptions.CultureInvariant)]
    private static partial Regex Internals();
}
