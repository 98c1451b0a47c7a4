using System.Text.RegularExpressions;
using Nexus.Core.Identity.OpenId;

namespace Nexus.Core.Identity.Tests.OpenId;

public sealed class AuthorizationTests
{
    [Fact]
    public async Task A_user_signs_in_consents_and_the_code_goes_to_the_client_with_its_state_and_our_name()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize());
        Assert.Equal(200, browser.Status);
        await browser.SubmitAsync(("username", "ada@example.com"), ("password", Site.Password));
        Assert.Equal(200, browser.Status);
        Assert.Contains("see your e-mail address", browser.Text, StringComparison.Ordinal);
        await browser.SubmitAsync(("step", "approve"));

        Assert.Equal(303, browser.Status);
        Assert.Equal("https://app.example/callback", browser.Location!.GetLeftPart(UriPartial.Path));
        Assert.Equal("s-1 http://localhost", $"{browser.Answer("state")} {browser.Answer("iss")}");
        Assert.NotNull(browser.Answer("code"));
    }

    [Fact]
    public async Task Users_of_a_tenant_sign_in_there_and_nobody_of_another_passes_for_them()
    {
        await using var site = await Site.StartAsync();
        await site.Get<Nexus.Core.Identity.Accounts.Tenants>().AddAsync("acme", null, default);
        await site.AddUserAsync("ada", null, password: "their own battery horse", tenant: "acme");
        var browser = site.NewBrowser();
        await site.CodeAsync(browser: browser);

        await browser.GetAsync(Site.Authorize(change: ("tenant", "acme")));
        Assert.Equal("sign-in", browser.Hidden("step"));
        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password));
        Assert.Equal(401, browser.Status);
        await browser.SubmitAsync(("username", "ada"), ("password", "their own battery horse"));
        await browser.SubmitAsync(("step", "approve"));
        var (status, tokens) = await site.RedeemAsync(browser.Answer("code")!);

        Assert.Equal(200, status);
        Assert.Contains("\"tid\":\"acme\"", System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(((string)tokens["access_token"]!).Split('.')[1])), StringComparison.Ordinal);
        await browser.GetAsync(Site.Authorize(change: ("tenant", "nowhere")));
        await browser.SubmitAsync(("username", "ada"), ("password", "their own battery horse"));
        Assert.Equal(401, browser.Status);
    }

    [Fact]
    public async Task Who_is_signed_in_and_has_consented_is_not_asked_again()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await site.CodeAsync(browser: browser);

        await browser.GetAsync(Site.Authorize(change: ("prompt", "none")));

        Assert.Equal(302, browser.Status);
        Assert.NotNull(browser.Answer("code"));
    }

    [Theory]
    [InlineData("prompt", "login", "Sign in")]
    [InlineData("max_age", "0", "Sign in")]
    [InlineData("prompt", "consent", "Allow")]
    public async Task A_client_may_ask_for_a_new_sign_in_or_consent(string name, string value, string title)
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await site.CodeAsync(browser: browser);
        site.Clock.Advance(TimeSpan.FromSeconds(1));

        await browser.GetAsync(Site.Authorize(change: (name, value)));

        Assert.Contains($"<h1>{title}", browser.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://app.example/callback/")]
    [InlineData("https://app.example/callback?x=1")]
    [InlineData("https://app.example/Callback")]
    [InlineData("https://app.example:8443/callback")]
    [InlineData("http://app.example/callback")]
    [InlineData("https://app.example.evil.com/callback")]
    [InlineData("https://app.example@evil.com/callback")]
    [InlineData("https://app.example/callback#f")]
    [InlineData("https://app.example/callback/../evil")]
    [InlineData("//evil.com")]
    [InlineData("javascript:alert(1)")]
    [InlineData("http://127.0.0.1:5000/other")]
    [InlineData("http://localhost:5000/native")]
    [InlineData("http://127.0.0.1:5000@evil.com/native")]
    [InlineData("http://x@127.0.0.1:5000/native")]
    [InlineData("")]
    [InlineData(null)]
    public async Task No_browser_is_sent_to_an_address_that_is_not_registered(string? redirect)
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize(change: ("redirect_uri", redirect)));

        // 403: the request rules of the gateway were there before us.
        Assert.True(browser.Status is 400 or 403, $"{browser.Status}");
        Assert.Null(browser.Location);
    }

    [Fact]
    public async Task Programs_on_a_device_listen_on_any_port_of_the_registered_loopback_address()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize(change: ("redirect_uri", "http://127.0.0.1:51234/native")));

        Assert.Equal(200, browser.Status);
    }

    [Theory]
    [InlineData("response_type", "token", "unsupported_response_type")]
    [InlineData("response_type", null, "invalid_request")]
    [InlineData("code_challenge", null, "invalid_request")]
    [InlineData("code_challenge", "short", "invalid_request")]
    [InlineData("code_challenge_method", "plain", "invalid_request")]
    [InlineData("code_challenge_method", null, "invalid_request")]
    [InlineData("scope", null, "invalid_scope")]
    [InlineData("scope", "openid api", "invalid_scope")]
    [InlineData("scope", "openid platform.users:read", "invalid_scope")]
    [InlineData("prompt", "none", "login_required")]
    [InlineData("prompt", "none login", "invalid_request")]
    [InlineData("max_age", "-1", "invalid_request")]
    [InlineData("response_mode", "fragment", "invalid_request")]
    [InlineData("request", "eyJ", "request_not_supported")]
    [InlineData("request_uri", "https://evil.example", "request_uri_not_supported")]
    public async Task Every_other_error_is_told_to_the_client(string name, string? value, string error)
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize(change: (name, value)));

        Assert.Equal(302, browser.Status);
        Assert.Equal($"{error} s-1 http://localhost", $"{browser.Answer("error")} {browser.Answer("state")} {browser.Answer("iss")}");
    }

    [Fact]
    public async Task A_parameter_that_comes_twice_is_refused()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize() + "&scope=openid");
        Assert.Equal("invalid_request", browser.Answer("error"));
        await browser.GetAsync(Site.Authorize() + "&redirect_uri=https%3A%2F%2Fevil.example");

        Assert.Equal(400, browser.Status);
        await browser.GetAsync(Site.Authorize("unknown"));
        Assert.Equal(400, browser.Status);
    }

    [Fact]
    public async Task A_wrong_password_shows_the_form_again_and_tells_nothing_of_the_account()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await browser.GetAsync(Site.Authorize());

        await browser.SubmitAsync(("username", "ada"), ("password", "wrong"));
        var known = Alert(browser.Text);
        await browser.SubmitAsync(("username", "nobody"), ("password", "wrong"));

        Assert.Equal(401, browser.Status);
        Assert.Equal(known, Alert(browser.Text));
        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password));
        Assert.Equal(200, browser.Status);
    }

    [Fact]
    public async Task A_form_is_worth_nothing_in_another_browser()
    {
        await using var site = await Site.StartAsync();
        var (attacker, victim) = (site.NewBrowser(), site.NewBrowser());
        await attacker.GetAsync(Site.Authorize());
        await victim.GetAsync(Site.Authorize());
        var mine = attacker.Hidden("transaction")!;

        await victim.SubmitAsync(("transaction", mine), ("username", "ada"), ("password", Site.Password));

        Assert.Equal(400, victim.Status);
        var without = site.NewBrowser();
        await without.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/oauth/authorize") { Content = new FormUrlEncodedContent([KeyValuePair.Create("transaction", mine), KeyValuePair.Create("step", "deny")]) });
        Assert.Equal(400, without.Status);
    }

    [Fact]
    public async Task Nobody_consents_without_having_signed_in_for_it()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await browser.GetAsync(Site.Authorize());

        await browser.SubmitAsync(("step", "approve"));

        Assert.Equal(400, browser.Status);
    }

    [Fact]
    public async Task The_cookie_is_new_after_a_sign_in_and_out_of_reach_of_scripts_and_other_sites()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await browser.GetAsync(Site.Authorize());
        var before = browser.Cookies["nexus_oauth"];

        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password));

        Assert.NotEqual(before, browser.Cookies["nexus_oauth"]);
        Assert.All(browser.SetCookies.Where(c => !c.StartsWith("nexus_oauth=;", StringComparison.Ordinal)), c => Assert.EndsWith("; path=/oauth; samesite=lax; httponly", c, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_denial_is_told_to_the_client_and_the_form_is_used_up()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await browser.GetAsync(Site.Authorize());
        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password));
        var page = browser.Text;

        await browser.SubmitAsync(("step", "deny"));

        Assert.Equal("access_denied", browser.Answer("error"));
        var again = Regex.Match(page, "name=\"transaction\" value=\"([^\"]+)\"").Groups[1].Value;
        await browser.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/oauth/authorize") { Content = new FormUrlEncodedContent([KeyValuePair.Create("transaction", again), KeyValuePair.Create("step", "approve")]) });
        Assert.Equal(400, browser.Status);
    }

    [Fact]
    public async Task Pages_encode_what_comes_from_outside_and_allow_no_script()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();

        await browser.GetAsync(Site.Authorize(change: ("login_hint", "\"><i>hello</i>")));

        Assert.DoesNotContain("<i>", browser.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("&quot;&gt;&lt;i&gt;hello", browser.Text, StringComparison.Ordinal);
        Assert.Contains("The &lt;App&gt;", browser.Text, StringComparison.Ordinal);
        Assert.Matches("^default-src 'none'; style-src 'nonce-[A-Za-z0-9+/]{22}=='; form-action 'self' https://app.example http://127.0.0.1:\\*; frame-ancestors 'none'; base-uri 'none'$", browser.Policy);
        Assert.Contains($"<style nonce=\"{Regex.Match(browser.Policy, "nonce-([^']+)").Groups[1].Value}\">", browser.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trusted_client_asks_for_no_consent()
    {
        await using var site = await Site.StartAsync();
        var browser = site.NewBrowser();
        await browser.GetAsync(Site.Authorize("own", "openid api"));

        await browser.SubmitAsync(("username", "ada"), ("password", Site.Password));

        Assert.NotNull(browser.Answer("code"));
    }

    [Theory]
    [InlineData("http://app.example/cb")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://app.example/cb#x")]
    [InlineData("https://user@app.example/cb")]
    [InlineData("/relative")]
    [InlineData("https://app.example/;script-src *")]
    public async Task Clients_register_only_addresses_that_are_safe(string redirect)
    {
        await using var site = await Site.StartAsync();

        var refusal = await Assert.ThrowsAsync<NexusException>(() => site.Get<ClientRegistry>().AddAsync(new ClientRequest(null, "X", [redirect], null, null), default));

        Assert.Equal("/redirectUris", Assert.Single(refusal.Errors).Pointer);
    }

    private static string Alert(string page) => Regex.Match(page, "<p role=\"alert\">(.*?)</p>").Groups[1].Value;
}
