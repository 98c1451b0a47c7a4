using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>What security costs a request, and how soon a revocation counts.</summary>
internal static class AuthBench
{
    private const int Clients = 16;
    private const int Revocations = 20;
    private const string FirstPassword = "The-first-password-1";
    private const string Password = "Quite-another-password-2";

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        var open = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        foreach (var folder in new[] { plugins, open })
            Benches.CopyGreeter(Path.Combine(folder, "greeter"), manifest => manifest["isolation"] = "stable");
        foreach (var core in new[] { "core.identity", "core.audit" }.Select(Benches.Plugin).Where(Directory.Exists))
            Benches.Copy(core, Path.Combine(plugins, Path.GetFileName(core)));

        var bars = new List<Bar>();
        await using (var secured = await Child.HostAsync(plugins, "--server:accessLog=false", "--security:rateLimits:loopback=true", "--security:rateLimits:address:requests=100000000", "--security:rateLimits:caller:requests=100000000", $"--plugins:core.identity:administratorPassword={FirstPassword}"))
        await using (var unsecured = await Child.UnsecuredAsync(open, "--server:accessLog=false", "--security:headers=false"))
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{secured.Port}") };
            var token = await SignInAsync(client, FirstPassword);
            await SendAsync(client, token, HttpMethod.Post, "/api/v1/auth/password/change", new { currentPassword = FirstPassword, newPassword = Password });
            token = await SignInAsync(client, Password);
            var id = (string)(await SendAsync(client, token, HttpMethod.Post, "/api/custom/greeter/notes", new { text = "A note of the benchmark" }))!["id"]!;
            using var plain = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{unsecured.Port}") };
            var openId = (string)(await SendAsync(plain, null, HttpMethod.Post, "/api/custom/greeter/notes", new { text = "A note of the benchmark" }))!["id"]!;

            bars.AddRange(await CompareAsync("GET of a record, authenticated, authorised, limited, audited, over the same without the security stages", secured, unsecured, $"/api/custom/greeter/notes/{id}", $"/api/custom/greeter/notes/{openId}", token));
            bars.AddRange((await CompareAsync("GET of a plugin's route, likewise", secured, unsecured, "/api/custom/greeter/hello/Ada", "/api/custom/greeter/hello/Ada", token)).Select(b => b with { Limit = null }));
            bars.Add(new Bar("a revoked sign-in session answers 401 after", await RevocationAsync(client), "ms", 1000, AtLeast: false));
        }

        Directory.Delete(plugins, recursive: true);
        Directory.Delete(open, recursive: true);
        return bars;
    }

    private static async Task<IEnumerable<Bar>> CompareAsync(string name, Child secured, Child unsecured, string path, string openPath, string token)
    {
        var request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n");
        var bare = Load.Get(openPath);
        var (_, baseline, ratio) = await Benches.InTurnsAsync(time => new Load(secured.Port).RunAsync(Clients, time, _ => request), time => new Load(unsecured.Port).RunAsync(Clients, time, _ => bare));
        var (with, without) = (await CostAsync(secured, request), await CostAsync(unsecured, bare));
        return [new Bar(name, ratio, "×", 0.80, Baseline: baseline), new Bar("  processor time of the host a request", with, "µs", Baseline: without)];
    }

    private static async Task<double> CostAsync(Child server, byte[] request)
    {
        var before = server.Cpu;
        var load = await new Load(server.Port).RunAsync(Clients, TimeSpan.FromSeconds(3), _ => request);
        return (server.Cpu - before).TotalMicroseconds / load.Done;
    }

    /// <summary>The longest of several times from the answer that a session was ended to the first 401 of its token.</summary>
    private static async Task<double> RevocationAsync(HttpClient client)
    {
        var worst = 0.0;
        for (var i = 0; i < Revocations; i++)
        {
            var token = await SignInAsync(client, Password);
            await SendAsync(client, token, HttpMethod.Get, "/api/v1/auth/me", null);
            await SendAsync(client, token, HttpMethod.Post, "/api/v1/auth/logout", new { });
            var clock = Stopwatch.StartNew();
            while (true)
            {
                using var asked = new HttpRequestMessage(HttpMethod.Get, "/api/v1/auth/me") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
                using var answer = await client.SendAsync(asked);
                if ((int)answer.StatusCode == 401)
                    break;
                if (clock.Elapsed > TimeSpan.FromSeconds(30))
                    throw new InvalidOperationException("a revoked token was still served after 30 s");
            }

            worst = Math.Max(worst, clock.Elapsed.TotalMilliseconds);
        }

        return worst;
    }

    internal static async Task<string> SignInAsync(HttpClient client, string password) =>
        (string)(await SendAsync(client, null, HttpMethod.Post, "/api/v1/auth/login", new { username = "admin", password }))!["access_token"]!;

    internal static async Task<JsonNode?> SendAsync(HttpClient client, string? token, HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? text.Length == 0 ? null : JsonNode.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
    }
}
