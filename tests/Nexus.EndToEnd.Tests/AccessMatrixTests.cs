using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>
/// Who may call what, on a host with every plugin of the repository and the policy of its identity. The gatekeeper of this test only says who calls: a key is
/// the caller's name, its role and its team. Where records matter, the gatekeeper is the policy too, and the role is the scope. <c>surface/access.txt</c> has every route with its permission: one that is added without an entry fails.
/// </summary>
public sealed partial class AccessMatrixTests
{
    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            private static readonly bool Decides = DECIDES;

            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult(credentials.ApiKey is { } key ? Accept(key.Split(':')) : Authentication.NotMine), -1000);
                if (Decides) plugin.UseAuthorization((context, _, _) => ValueTask.FromResult(new AccessDecision(context.Caller.Roles is [var scope] ? System.Enum.Parse<AccessScope>(scope) : AccessScope.None, "The gatekeeper decides.")));
            }

            private static Authentication Accept(string[] key) => Authentication.Accept(new SignedIn(new Caller(key[0], key[0], [key[2]], [key[1]]), "default", "gatekeeper"));
        }
        """;

    private const string Papers = """
        public sealed record Paper(string Title) : Resource { public string State { get; init; } = "draft"; [Secret] public string? Pin { get; init; } }
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.AddResource<Paper>("papers", papers => papers.Search(p => p.Title).Attachments().Action("sign", p => p with { State = "signed" }));
        }
        """;

    /// <summary>Ends the process or never ends itself: asked by those who are refused only.</summary>
    private static readonly string[] Untouched = ["/api/v1/system/restart", "/api/v1/admin/system/restart"];

    private static readonly string[] Callers = ["", "wendy:nobody:red", "ada:owner:blue", "bea:mate:blue", "cid:admin:red"];

    [Fact]
    public async Task Every_route_refuses_strangers_and_the_wrong_and_serves_the_right()
    {
        await using var host = await StartAsync();
        var routes = await ListAsync(host);
        foreach (var (role, scope) in new[] { ("owner", "own"), ("mate", "team") })
        {
            using var made = await SendAsync(host, "POST", "/api/v1/roles", "cid:admin:red", $$"""{"name":"{{role}}","permissions":["*:*:{{scope}}"]}""");
            Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        }
        var owned = routes.Where(r => r.Url.EndsWith("/batch", StringComparison.Ordinal)).Select(r => r.Permission!.Split(':')[0]).Distinct().SelectMany(resource => routes.Select(r => r.Permission).OfType<string>().Where(p => p.StartsWith(resource + ":", StringComparison.Ordinal))).ToHashSet(StringComparer.Ordinal);
        var lines = new List<string>();
        var wrong = new List<string>();

        foreach (var (method, url, permission) in routes)
        {
            var got = new string[Callers.Length];
            for (var i = 0; i < Callers.Length; i++)
                got[i] = i > 1 && Untouched.Contains(url) ? "served" : await TryAsync(host, method, url, Callers[i]);
            // Rights on own or the team's records are none on what has no records with owners.
            var narrow = permission is not null && owned.Contains(permission) ? "served" : "403";
            string[] expected = permission is null ? ["served", "served", "served", "served", "served"] : ["401", "403", narrow, narrow, "served"];
            // A public route may ask for credentials of its own kind, as OpenID Connect's do.
            if (!got.Select(g => permission is null && g == "401" ? "served" : g).SequenceEqual(expected))
                wrong.Add($"{method} {url} ({permission ?? "anybody"}): {string.Join(' ', got)}");
            lines.Add($"{method,-6} {url} {permission ?? "anybody"}");
        }

        Assert.True(wrong.Count == 0, "anonymous, wrong role, own, team, all:\n" + string.Join('\n', wrong) + "\n" + host.Log);
        Check("access.txt", string.Join('\n', lines.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("Own", "200 404 404")]
    [InlineData("Team", "200 200 404")]
    [InlineData("All", "200 200 200")]
    [InlineData("None", "403 403 403")]
    public async Task A_scope_reaches_its_records_and_no_others(string scope, string expected)
    {
        await using var host = await StartAsync(all: false);
        string[] papers = [await WriteAsync(host, "ada:All:blue"), await WriteAsync(host, "ben:All:blue"), await WriteAsync(host, "eve:All:red")];

        foreach (var method in new[] { "GET", "PATCH", "PUT", "POST", "DELETE" })
            Assert.Equal($"{method} {(method == "DELETE" ? expected.Replace("200", "204", StringComparison.Ordinal) : expected)}", $"{method} {await StatusesAsync(host, method, papers, $"ada:{scope}:blue")}");
    }

    [Theory]
    [InlineData("Own", "200 404 404")]
    [InlineData("Team", "200 200 404")]
    [InlineData("All", "200 200 200")]
    [InlineData("None", "403 403 403")]
    public async Task Attachments_are_reached_by_who_reaches_their_record(string scope, string expected)
    {
        await using var host = await StartAsync(all: false);
        var caller = $"ada:{scope}:blue";
        var got = new List<string>();
        foreach (var writer in new[] { "ada:All:blue", "ben:All:blue", "eve:All:red" })
        {
            var files = $"/api/custom/papers/papers/{await WriteAsync(host, writer)}/attachments";
            using var made = await SendAsync(host, "POST", files + "?name=a.json", writer, "{}");
            var one = $"{files}/{(string)(await made.Content.ReadFromJsonAsync<JsonArray>())![0]!["id"]!}";
            using var listed = await SendAsync(host, "GET", files, caller);
            using var read = await SendAsync(host, "GET", one, caller);
            // Who may see it is told that it is no picture; nobody else hears even that.
            using var small = await SendAsync(host, "GET", one + "?width=80", caller);
            using var added = await SendAsync(host, "POST", files + "?name=b.json", caller, "{}");
            using var removed = await SendAsync(host, "DELETE", one, caller);
            got.Add(string.Join(' ', new[] { listed, read, small, added, removed }.Select(a => a.IsSuccessStatusCode || a.StatusCode == System.Net.HttpStatusCode.UnprocessableEntity ? 200 : (int)a.StatusCode).Distinct()));
        }

        Assert.Equal(expected, string.Join(' ', got));
    }

    [Theory]
    [InlineData("ada:Own:blue", "ada")]
    [InlineData("ada:Team:blue", "ada ben")]
    [InlineData("zoe:Own:blue", "")]
    [InlineData("zoe:Team:red", "eve")]
    [InlineData("zoe:All:green", "ada ben eve")]
    public async Task A_list_has_the_records_of_the_scope_and_counts_no_others(string caller, string expected)
    {
        await using var host = await StartAsync(all: false);
        foreach (var writer in new[] { "ada:All:blue", "ben:All:blue", "eve:All:red" })
            await WriteAsync(host, writer);

        using var answer = await SendAsync(host, "GET", "/api/custom/papers/papers?count=true", caller);

        var owners = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Select(p => (string)p!["owner"]!).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(expected, string.Join(' ', owners));
        Assert.Equal(owners.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), answer.Headers.GetValues("X-Total-Count").Single());
    }

    [Theory]
    [InlineData("ada:Own:blue", "ada")]
    [InlineData("ada:Team:blue", "ada ben")]
    [InlineData("zoe:Own:blue", "")]
    [InlineData("zoe:All:green", "ada ben eve")]
    [InlineData("zoe:None:green", "")]
    public async Task A_search_finds_the_records_of_the_scope_and_counts_no_others(string caller, string expected)
    {
        await using var host = await StartAsync(all: false);
        foreach (var writer in new[] { "ada:All:blue", "ben:All:blue", "eve:All:red" })
            await WriteAsync(host, writer);

        using var answer = await SendAsync(host, "GET", "/api/v1/search?q=a", caller);
        using var named = await SendAsync(host, "GET", "/api/v1/search?q=a&in=papers.papers&limit=1", caller);

        var found = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        Assert.DoesNotContain("pin", found.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        var owners = found["items"]!.AsArray().Select(p => (string)p!["record"]!["owner"]!).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(expected, string.Join(' ', owners));
        Assert.Equal(owners.Length, (int)found["total"]!);
        Assert.Equal(owners.Length == 0 ? "{}" : $$"""{"papers.papers":{{owners.Length}}}""", found["counts"]!.ToJsonString());
        Assert.Equal(caller.Contains("None", StringComparison.Ordinal) ? 400 : 200, (int)named.StatusCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?q=")]
    [InlineData("?q=%22*(-")]
    [InlineData("?q=-paper")]
    [InlineData("?q=a&in=nobodys.papers")]
    [InlineData("?q=a&limit=0")]
    [InlineData("?q=a&limit=1000")]
    [InlineData("?q=a&offset=99999999999")]
    [InlineData("?q=a&offset=-1")]
    [InlineData("?q=a&page=2")]
    [InlineData("?q=LONG")]
    [InlineData("?q=MANY")]
    public async Task A_search_for_nothing_is_refused_with_its_reason(string query)
    {
        await using var host = await StartAsync(all: false);
        await WriteAsync(host, "ada:All:blue");
        query = query.Replace("LONG", new string('a', 1001), StringComparison.Ordinal).Replace("MANY", string.Join('+', Enumerable.Repeat("a", 33)), StringComparison.Ordinal);

        using var answer = await SendAsync(host, "GET", "/api/v1/search" + query, "ada:All:blue");

        Assert.Equal(400, (int)answer.StatusCode);
        Assert.Contains((string)(await answer.Content.ReadFromJsonAsync<JsonObject>())!["code"]!, new[] { ErrorCodes.FilterInvalid, ErrorCodes.BadRequest });
    }

    private static async Task<RunningHost> StartAsync(bool all = true)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-access-").FullName;
        var gatekeeper = PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper.Replace("DECIDES", all ? "false" : "true", StringComparison.Ordinal));
        string[] plugins = all
            ? [gatekeeper, .. Directory.GetDirectories(Programs.Plugins).Concat(Directory.GetDirectories(Programs.Samples)).Where(d => File.Exists(Path.Combine(d, "manifest.json"))).Order(StringComparer.Ordinal)]
            : [gatekeeper, PluginCompiler.Plugin(Path.Combine(folder, "papers"), "papers", "1.0.0", Papers)];
        var host = await RunningHost.StartAsync(plugins, ["--plugins:lazy=false"]);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static async Task<(string Method, string Url, string? Permission)[]> ListAsync(RunningHost host)
    {
        using var answer = await SendAsync(host, "GET", "/api/v1/routes", "cid:admin:red");
        var routes = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray();
        return [.. routes.SelectMany(r => (r!["methods"]!.AsArray() is { Count: > 0 } methods ? methods.Select(m => (string)m!) : ["GET"]).Where(m => m != "HEAD").Select(m => (m, (string)r["url"]!, (string?)r["permission"])))];
    }

    private static async Task<string> TryAsync(RunningHost host, string method, string url, string caller)
    {
        var path = Parameter().Replace(url, m => m.Value.Contains('*', StringComparison.Ordinal) ? "nothing" : m.Value.EndsWith(":long}", StringComparison.Ordinal) || m.Value.EndsWith(":int}", StringComparison.Ordinal) ? "1" : "00000000-0000-7000-8000-00000000ffff");
        using var answer = await SendAsync(host, method, path, caller, method is "GET" or "DELETE" ? null : "{}");
        if ((int)answer.StatusCode is not (401 or 403))
            return "served";
        var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        var code = problem["code"]?.ToString();
        // The gateway's own refusals; a handler may refuse for reasons of its own, such as a caller who has no account.
        return code is "PERMISSION_DENIED" or "INSUFFICIENT_EVENT_PERMISSIONS" && problem["detail"]!.ToString().Contains("lacks the permission", StringComparison.Ordinal) || code is "AUTHENTICATION_REQUIRED" or "ADDRESS_BLOCKED" or "REQUEST_BLOCKED" or "CSRF_TOKEN_INVALID" ? ((int)answer.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture) : "served";
    }

    private static async Task<HttpResponseMessage> SendAsync(RunningHost host, string method, string path, string caller, string? body = null)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, method == "PATCH" ? "application/merge-patch+json" : "application/json") };
        if (caller.Length > 0)
            request.Headers.Add("X-API-Key", caller);
        return await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static async Task<string> WriteAsync(RunningHost host, string caller)
    {
        using var answer = await SendAsync(host, "POST", "/api/custom/papers/papers", caller, """{"title":"A","pin":"s3cret"}""");
        return (string)(await answer.Content.ReadFromJsonAsync<JsonObject>())!["id"]!;
    }

    private static async Task<string> StatusesAsync(RunningHost host, string method, string[] papers, string caller)
    {
        var statuses = new List<int>();
        foreach (var paper in papers)
        {
            using var answer = await SendAsync(host, method, $"/api/custom/papers/papers/{paper}{(method == "POST" ? "/actions/sign" : "")}", caller, method switch { "GET" or "DELETE" => null, "POST" => "{}", _ => """{"title":"B"}""" });
            statuses.Add((int)answer.StatusCode);
        }
        return string.Join(' ', statuses);
    }

    private static void Check(string name, string actual, [CallerFilePath] string here = "")
    {
        var file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "surface", name));
        actual = actual.ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable("NEXUS_ACCEPT") == "1")
        {
            File.WriteAllText(file, actual);
            return;
        }
        var (before, after) = ((File.Exists(file) ? File.ReadAllText(file) : "").Split('\n'), actual.Split('\n'));
        Assert.True(before.SequenceEqual(after), $"surface/{name} differs; run this test with NEXUS_ACCEPT=1 if this is meant:\n{string.Join('\n', before.Except(after).Select(l => "- " + l).Concat(after.Except(before).Select(l => "+ " + l)))}");
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
