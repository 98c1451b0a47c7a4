using System.Buffers.Text;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Tests.OpenId;

public sealed class TokenEndpointTests
{
    [Fact]
    public async Task A_code_gives_tokens_for_the_user_the_client_and_the_scopes()
    {
        await using var site = await Site.StartAsync();

        var (status, tokens) = await site.RedeemAsync(await site.CodeAsync());

        Assert.Equal(200, status);
        Assert.Equal("Bearer openid profile email offline_access", $"{tokens["token_type"]} {tokens["scope"]}");
        Assert.InRange((int)tokens["expires_in"]!, 890, 900);
        var access = site.Get<SignedTokens>().Verify((string?)tokens["access_token"]).Claims!;
        Assert.Equal($"{site.Ada.Id} app openid,profile,email,offline_access", $"{access.Subject} {access.ClientId} {string.Join(',', access.Scopes)}");
        var identity = JsonNode.Parse(Base64Url.DecodeFromChars(((string)tokens["id_token"]!).Split('.')[1]))!;
        Assert.Equal($"http://localhost {site.Ada.Id} app n-1 ada@example.com True", $"{identity["iss"]} {identity["sub"]} {identity["aud"]} {identity["nonce"]} {identity["email"]} {(bool)identity["email_verified"]!}");
        Assert.Equal(200, await site.UserInfoAsync((string)tokens["access_token"]!));
    }

    [Theory]
    [InlineData("de-AT", "dark", "de-AT", ":root{color-scheme:dark}")]
    [InlineData("not a tag<", "dark}body{color:red", null, ":root{color-scheme:light dark}")]
    [InlineData(null, null, null, ":root{color-scheme:light dark}")]
    public async Task A_client_learns_the_language_that_its_user_prefers_and_the_question_for_consent_has_the_users_theme(string? language, string? theme, string? locale, string style)
    {
        await using var site = await Site.StartAsync();
        await site.Get<UserDirectory>().ChangeAsync(site.Ada.Place, u => u with { Preferences = new JsonObject { ["language"] = language, ["theme"] = theme } });
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize());
        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password), ("step", "sign-in"));
        var page = browser.Text;
        var (_, tokens) = await site.RedeemAsync(await site.CodeAsync());

        Assert.Contains("Allow ", page, StringComparison.Ordinal);
        Assert.Contains(style, page, StringComparison.Ordinal);
        Assert.Equal(locale, (string?)JsonNode.Parse(Base64Url.DecodeFromChars(((string)tokens["id_token"]!).Split('.')[1]))!["locale"]);
    }

    [Fact]
    public async Task What_a_client_did_not_ask_for_it_does_not_get()
    {
        await using var site = await Site.StartAsync();

        var (_, tokens) = await site.RedeemAsync(await site.CodeAsync(scope: "openid"));

        Assert.False(tokens.ContainsKey("refresh_token"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/oauth/userinfo");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {tokens["access_token"]}");
        var response = await site.Host.Client.SendAsync(request);
        Assert.Equal($$"""{"sub":"{{site.Ada.Id}}"}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_token_of_a_client_is_held_to_its_scopes_and_that_of_an_own_program_to_none()
    {
        await using var site = await Site.StartAsync();
        var (_, app) = await site.RedeemAsync(await site.CodeAsync(scope: "openid finance.ledger.books:read"));
        var (_, own) = await site.RedeemAsync(await site.CodeAsync("own", "openid api"), "own");

        var sessions = site.Get<SignInSessions>();
        string Scopes(JsonObject tokens) => string.Join(' ', sessions.Find(site.Get<SignedTokens>().Verify((string?)tokens["access_token"]).Claims!.SessionId)!.Scopes);

        Assert.Equal("openid finance.ledger.books:read", Scopes(app));
        Assert.Equal("openid api *", Scopes(own));
        Assert.Equal("openid api", (string?)own["scope"]);
    }

    [Fact]
    public async Task A_code_works_once_and_its_second_use_takes_back_what_the_first_got()
    {
        await using var site = await Site.StartAsync();
        var code = await site.CodeAsync();
        var (_, tokens) = await site.RedeemAsync(code);
        var access = (string)tokens["access_token"]!;
        Assert.Equal(200, await site.UserInfoAsync(access));

        var (status, error) = await site.RedeemAsync(code);

        Assert.Equal("400 invalid_grant", $"{status} {error["error"]}");
        Assert.Equal(401, await site.UserInfoAsync(access));
        Assert.Equal(400, (await site.PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", (string?)tokens["refresh_token"]), ("client_id", "app"))).Status);
    }

    [Fact]
    public async Task Of_many_who_bring_one_code_at_once_nobody_keeps_a_token()
    {
        await using var site = await Site.StartAsync();
        var code = await site.CodeAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => site.RedeemAsync(code))));

        Assert.InRange(answers.Count(a => a.Status == 200), 0, 1);
        foreach (var (_, body) in answers.Where(a => a.Status == 200)) Assert.Equal(401, await site.UserInfoAsync((string)body["access_token"]!));
    }

    [Fact]
    public async Task A_code_is_good_for_60_seconds()
    {
        await using var site = await Site.StartAsync();
        site.Clock.Hold();
        var code = await site.CodeAsync();
        site.Clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(200, (await site.RedeemAsync(code)).Status);
        var late = await site.CodeAsync();

        site.Clock.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal("400 invalid_grant", Text(await site.RedeemAsync(late)));
    }

    [Theory]
    [InlineData("own", Site.Redirect, Site.Verifier, "400 invalid_grant")]
    [InlineData("app", "https://app.example/other", Site.Verifier, "400 invalid_grant")]
    [InlineData("app", Site.Redirect, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", "400 invalid_grant")]
    [InlineData("app", Site.Redirect, "", "400 invalid_grant")]
    [InlineData("app", Site.Redirect, Site.Challenge, "400 invalid_grant")]
    [InlineData("unknown", Site.Redirect, Site.Verifier, "401 invalid_client")]
    public async Task A_code_is_bound_to_client_address_and_verifier(string client, string redirect, string verifier, string answer)
    {
        await using var site = await Site.StartAsync();
        var code = await site.CodeAsync();

        Assert.Equal(answer, Text(await site.RedeemAsync(code, client, redirect, verifier)));
    }

    [Fact]
    public async Task Refresh_tokens_rotate_and_a_used_one_ends_the_session()
    {
        await using var site = await Site.StartAsync();
        var (_, first) = await site.RedeemAsync(await site.CodeAsync());
        var (status, second) = await Refresh(site, first);
        Assert.Equal(200, status);
        Assert.NotEqual((string?)first["refresh_token"], (string?)second["refresh_token"]);

        Assert.Equal("400 invalid_grant", Text(await Refresh(site, first)));

        Assert.Equal("400 invalid_grant", Text(await Refresh(site, second)));
        Assert.Equal(401, await site.UserInfoAsync((string)second["access_token"]!));
    }

    [Fact]
    public async Task A_refresh_token_is_of_one_client_and_cannot_widen_its_scope()
    {
        await using var site = await Site.StartAsync();
        var (_, tokens) = await site.RedeemAsync(await site.CodeAsync());
        var refresh = (string?)tokens["refresh_token"];

        Assert.Equal("400 invalid_grant", Text(await site.PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "own"))));
        Assert.Equal("400 invalid_scope", Text(await site.PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "app"), ("scope", "openid api"))));
        Assert.Equal(200, (await Refresh(site, tokens)).Status);
    }

    [Theory]
    [InlineData("refresh_token")]
    [InlineData("access_token")]
    public async Task A_revoked_token_ends_its_session_and_an_unknown_one_is_no_error(string kind)
    {
        await using var site = await Site.StartAsync();
        var (_, tokens) = await site.RedeemAsync(await site.CodeAsync());

        Assert.Equal(200, (await site.PostAsync("/oauth/revoke", ("token", (string?)tokens[kind]), ("client_id", "own"))).Status);
        Assert.Equal(200, await site.UserInfoAsync((string)tokens["access_token"]!));
        Assert.Equal(200, (await site.PostAsync("/oauth/revoke", ("token", (string?)tokens[kind]), ("client_id", "app"))).Status);
        Assert.Equal(200, (await site.PostAsync("/oauth/revoke", ("token", "unknown"), ("client_id", "app"))).Status);

        Assert.Equal(401, await site.UserInfoAsync((string)tokens["access_token"]!));
        Assert.Equal("400 invalid_grant", Text(await Refresh(site, tokens)));
    }

    [Theory]
    [InlineData("grant_type", "password", "400 unsupported_grant_type")]
    [InlineData("grant_type", null, "400 invalid_request")]
    [InlineData("client_secret", "x", "401 invalid_client")]
    [InlineData("client_id", null, "401 invalid_client")]
    [InlineData("code", "unknown", "400 invalid_grant")]
    [InlineData("code", null, "400 invalid_grant")]
    public async Task Errors_have_the_form_of_rfc_6749(string name, string? value, string answer)
    {
        await using var site = await Site.StartAsync();
        var form = new Dictionary<string, string?> { ["grant_type"] = "authorization_code", ["code"] = "x", ["client_id"] = "app", ["redirect_uri"] = Site.Redirect, ["code_verifier"] = Site.Verifier, [name] = value };

        Assert.Equal(answer, Text(await site.PostAsync("/oauth/token", [.. form.Select(f => (f.Key, f.Value))])));
    }

    [Fact]
    public async Task The_discovery_document_names_what_is_served()
    {
        await using var site = await Site.StartAsync();

        var document = await site.Host.Client.GetFromJsonAsync<JsonObject>("/.well-known/openid-configuration");

        Assert.Equal("http://localhost", (string?)document!["issuer"]);
        foreach (var address in document.Where(m => m.Key.EndsWith("_endpoint", StringComparison.Ordinal) || m.Key == "jwks_uri").Select(m => new Uri((string)m.Value!)))
        {
            using var response = await site.Host.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, address));
            Assert.NotEqual(404, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task Signing_out_with_an_identity_token_ends_session_and_browser_and_goes_where_the_client_registered()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        var (_, tokens) = await site.RedeemAsync(await site.CodeAsync(browser: browser));

        await browser.GetAsync($"/oauth/end-session?id_token_hint={tokens["id_token"]}&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=z");

        Assert.Equal("303 https://app.example/bye?state=z", $"{browser.Status} {browser.Location}");
        Assert.Equal(401, await site.UserInfoAsync((string)tokens["access_token"]!));
        await browser.GetAsync(Site.Authorize(change: ("prompt", "none")));
        Assert.Equal("login_required", browser.Answer("error"));
        await browser.GetAsync($"/oauth/end-session?id_token_hint={tokens["id_token"]}&post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F");
        Assert.Equal("400 ", $"{browser.Status} {browser.Location}");
    }

    [Fact]
    public async Task Signing_out_without_an_identity_token_asks_the_user_first()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await site.CodeAsync(browser: browser);

        await browser.GetAsync("/oauth/end-session?client_id=app&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye");
        Assert.Equal(200, browser.Status);
        Assert.True(browser.Cookies.ContainsKey("nexus_oauth"));
        await browser.SubmitAsync();

        Assert.Equal("303 https://app.example/bye", $"{browser.Status} {browser.Location}");
        Assert.False(browser.Cookies.ContainsKey("nexus_oauth"));
    }

    private static Task<(int Status, JsonObject Body)> Refresh(Site site, JsonObject tokens) =>
        site.PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", (string?)tokens["refresh_token"]), ("client_id", "app"));

    private static string Text((int Status, JsonObject Body) answer) => $"{answer.Status} {answer.Body["error"]}";
}
