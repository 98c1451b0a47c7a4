using System.Text.Json.Nodes;
using Nexus.Core.Identity.SignIn;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.SignIn;

public sealed class SessionTests
{
    [Fact]
    public async Task A_refresh_token_works_once_and_a_used_one_ends_the_family()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");
        var first = (await node.LoginAsync("ada", IdentityNode.Password)).Json;

        var second = await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)first["refresh_token"]! });
        Assert.Equal(200, second.Status);
        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", (string)second.Json["access_token"]!)).Status);
        var reuse = await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)first["refresh_token"]! });

        Assert.Equal((401, "CREDENTIALS_INVALID"), (reuse.Status, reuse.Code));
        Assert.Equal(401, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)second.Json["refresh_token"]! })).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", (string)second.Json["access_token"]!)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", (string)first["access_token"]!)).Status);
    }

    [Fact]
    public async Task Of_a_hundred_parallel_refreshes_of_one_token_one_wins_and_the_family_ends()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");
        var login = (await node.LoginAsync("ada", IdentityNode.Password)).Json;

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)login["refresh_token"]! })));

        var winner = Assert.Single(answers, a => a.Status == 200);
        Assert.Equal(99, answers.Count(a => a.Status == 401));
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", (string)winner.Json["access_token"]!)).Status);
        Assert.Equal(401, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)winner.Json["refresh_token"]! })).Status);
    }

    [Fact]
    public async Task A_forged_token_that_names_a_session_does_not_end_it()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");
        var login = (await node.LoginAsync("ada", IdentityNode.Password)).Json;

        var forged = RefreshToken.New((string)login["session_id"]!).ToString();
        Assert.Equal(401, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = forged })).Status);

        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", (string)login["access_token"]!)).Status);
        Assert.Equal(200, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)login["refresh_token"]! })).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nxr_")]
    [InlineData("nxr_AAAA")]
    [InlineData("nxr_!!!!")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public async Task Texts_that_are_no_refresh_token_are_401(string text)
    {
        await using var node = await IdentityNode.StartAsync();

        Assert.Equal(401, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = text })).Status);
    }

    [Fact]
    public async Task Signing_out_ends_the_session_for_the_next_request()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        Assert.Equal(204, (await node.PostAsync("/api/v1/auth/logout", null, token)).Status);

        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", token)).Status);
    }

    [Fact]
    public async Task Sessions_are_listed_one_is_ended_and_all_others_are_ended()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");
        var logins = new List<JsonNode>();
        for (var i = 0; i < 4; i++) logins.Add((await node.LoginAsync("ada", IdentityNode.Password)).Json);
        var tokens = logins.Select(l => (string)l["access_token"]!).ToArray();

        var listed = (await node.GetAsync("/api/v1/auth/sessions", tokens[0])).Json["items"]!.AsArray();
        Assert.Equal(4, listed.Count);
        Assert.Equal((string?)logins[0]["session_id"], (string?)Assert.Single(listed, s => (bool)s!["current"]!)!["id"]);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/auth/sessions/{logins[1]["session_id"]}", tokens[0])).Status);
        Assert.Equal<int>(new int[] { 200, 401, 200, 200 }, await StatesAsync(node, tokens));
        Assert.Equal(2, (int)(await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/sessions", tokens[0])).Json["ended"]!);

        Assert.Equal<int>(new int[] { 200, 401, 401, 401 }, await StatesAsync(node, tokens));
    }

    [Fact]
    public async Task A_session_of_somebody_else_is_not_found()
    {
        await using var node = await IdentityNode.StartAsync();
        var ada = await node.SignedInAsync("ada", "user");
        await node.AddUserAsync("bob", "user");
        var bob = (await node.LoginAsync("bob", IdentityNode.Password)).Json;

        Assert.Equal(404, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/auth/sessions/{bob["session_id"]}", ada)).Status);

        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", (string)bob["access_token"]!)).Status);
    }

    [Fact]
    public async Task A_session_ends_when_it_is_not_refreshed_and_later_when_the_user_asked_to_be_remembered()
    {
        var clock = new ShiftedClock();
        await using var node = await IdentityNode.StartAsync(options => options.Clock = clock);
        await node.AddUserAsync("ada", "user");
        var short_ = (await node.LoginAsync("ada", IdentityNode.Password)).Json;
        var remembered = (await node.LoginAsync("ada", IdentityNode.Password, remember: true)).Json;

        Assert.Equal(12 * 3600, (int)short_["refresh_expires_in"]!);
        clock.Advance(TimeSpan.FromMinutes(16));
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", (string)short_["access_token"]!)).Status);
        clock.Advance(TimeSpan.FromHours(13));
        Assert.Equal(401, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)short_["refresh_token"]! })).Status);
        Assert.Equal(200, (await node.PostAsync("/api/v1/auth/refresh", new { refresh_token = (string)remembered["refresh_token"]! })).Status);
    }

    [Fact]
    public async Task A_cookie_signs_a_browser_in_and_what_it_changes_needs_the_CSRF_token()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");

        var login = await node.PostAsync("/login", new { username = "ada", password = IdentityNode.Password, cookie = true });
        var cookie = ("Cookie", login.Cookie!.Split(';')[0]);

        Assert.Contains("httponly", login.Cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", login.Cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(200, (await node.SendAsync(HttpMethod.Get, "/api/v1/auth/me", null, null, cookie)).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/sessions", null, null, cookie)).Status);
        Assert.Equal(200, (await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/sessions", null, null, cookie, ("X-CSRF-Token", (string)login.Json["csrf_token"]!))).Status);
        Assert.Equal(401, (await node.SendAsync(HttpMethod.Get, "/api/v1/auth/me", null, null, ("Cookie", cookie.Item2[..^4] + "AAAA"))).Status);
    }

    [Fact]
    public async Task The_oldest_session_ends_when_a_user_has_too_many()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Settings["plugins:core.identity:sessionsPerUser"] = "3");
        await node.AddUserAsync("ada", "user");

        var tokens = new List<string>();
        for (var i = 0; i < 5; i++) tokens.Add(await node.TokenAsync("ada"));

        Assert.Equal<int>(new int[] { 401, 401, 200, 200, 200 }, await StatesAsync(node, [.. tokens]));
    }

    private static async Task<int[]> StatesAsync(IdentityNode node, string[] tokens)
    {
        var states = new List<int>();
        foreach (var token in tokens) states.Add((await node.GetAsync("/api/v1/auth/me", token)).Status);
        return [.. states];
    }
}
