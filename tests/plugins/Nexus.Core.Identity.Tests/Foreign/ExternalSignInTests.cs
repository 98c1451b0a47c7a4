using Nexus.Tests.Shared;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class ExternalSignInTests
{
    private static async Task<(RunningNexus Nexus, Provider Provider)> StartAsync()
    {
        var folder = await ForeignTools.FolderAsync();
        var port = Ports.Free();
        var nexus = await RunningNexus.StartAsync(_ => [("external:providers:google:issuer", $"http://127.0.0.1:{port}"), ("external:providers:google:clientId", "nexus"), ("external:providers:google:clientSecret", "s3cret+&=")]);
        return (nexus, await Provider.StartAsync(folder, $"{nexus.Address}/api/v1/auth/oauth/google/callback", port));
    }

    [Fact]
    public async Task A_good_identity_token_signs_in_and_a_tampered_one_does_not()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;
        var ada = await nexus.AddUserAsync("ada", "ada@example.com");

        var (status, body, _) = await Provider.SignInAsync(nexus);
        Assert.True(status == 200, $"{status} {body}");
        Assert.Equal(ada.Id, (string?)body["user"]!["id"]);
        Assert.Equal(200, await MeAsync(nexus, body));

        var refused = new List<string>();
        foreach (var lie in (string[])["audience", "audiences", "party", "issuer", "expired", "future", "nonce", "no nonce", "no subject", "key", "unknown key", "signature", "payload", "none", "none with signature", "HS256", "no token"])
        {
            await provider.TellAsync(new { lie });
            var (bad, why, _) = await Provider.SignInAsync(nexus);
            refused.Add($"{lie} {bad} {why["code"]}");
        }

        Assert.All(refused, line => Assert.EndsWith(" 401 EXTERNAL_SIGN_IN_REFUSED", line, StringComparison.Ordinal));
        await provider.TellAsync(new { lie = "nothing" });
        Assert.Equal(200, (await Provider.SignInAsync(nexus)).Status);
        await provider.TellAsync(new { rotate = true });
        Assert.Equal(200, (await Provider.SignInAsync(nexus)).Status);
    }

    [Fact]
    public async Task A_state_that_is_not_of_this_browser_is_400_and_works_once()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;
        Uri? seen = null;
        Uri Keep(Uri address) => seen = address;

        Assert.Equal(400, (await Provider.SignInAsync(nexus, change: a => new Uri(a.ToString().Replace("state=", "state=x", StringComparison.Ordinal)))).Status);
        Assert.Equal(400, (await Provider.SignInAsync(nexus, change: a => new Uri(a.GetLeftPart(UriPartial.Path) + "?code=x"))).Status);
        Assert.Equal(400, (await Provider.SignInAsync(nexus, keepCookies: false)).Status);
        Assert.Equal(200, (await Provider.SignInAsync(nexus, change: Keep)).Status);
        Assert.Equal(400, (int)(await nexus.Client.GetAsync(seen)).StatusCode);
        Assert.Equal(401, (await Provider.SignInAsync(nexus, change: a => new Uri(System.Text.RegularExpressions.Regex.Replace(a.ToString(), "code=[^&]+", "error=access_denied")))).Status);
        Assert.Equal(401, (await Provider.SignInAsync(nexus, change: a => new Uri(System.Text.RegularExpressions.Regex.Replace(a.ToString(), "code=[^&]+", "code=forged")))).Status);
        Assert.Equal(404, (int)(await nexus.Client.GetAsync("/api/v1/auth/oauth/nowhere/start")).StatusCode);
    }

    [Fact]
    public async Task An_account_is_linked_only_by_an_address_that_both_sides_have_proved()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;
        await nexus.AddUserAsync("squatter", "ada@example.com", verified: false);
        var bob = await nexus.AddUserAsync("bob", "bob@example.com");

        var (squatted, why, _) = await Provider.SignInAsync(nexus);
        Assert.Equal("401 EXTERNAL_SIGN_IN_REFUSED", $"{squatted} {why["code"]}");

        await provider.TellAsync(new { user = new { sub = "2", email = "bob@example.com", email_verified = false, name = "Not Bob" } });
        var (_, unproved, _) = await Provider.SignInAsync(nexus);
        Assert.NotEqual(bob.Id, (string?)unproved["user"]!["id"]);
        Assert.Null(unproved["user"]!["email"]);

        await provider.TellAsync(new { user = new { sub = "3", email = "bob@example.com", email_verified = true, name = "Bob" } });
        Assert.Equal(bob.Id, (string?)(await Provider.SignInAsync(nexus)).Body["user"]!["id"]);
        await provider.TellAsync(new { user = new { sub = "3", email = "changed@example.com" } });
        Assert.Equal(bob.Id, (string?)(await Provider.SignInAsync(nexus)).Body["user"]!["id"]);

        await provider.TellAsync(new { user = new { sub = "4", email = "new@example.com", name = "Somebody New" } });
        var (_, made, _) = await Provider.SignInAsync(nexus);
        Assert.Equal("new new@example.com Somebody New", $"{made["user"]!["username"]} {made["user"]!["email"]} {made["user"]!["displayName"]}");
        await nexus.Get<UserDirectory>().ChangeAsync(bob.Place, u => u with { Disabled = true });
        await provider.TellAsync(new { user = new { sub = "3" } });
        Assert.Equal("ACCOUNT_DISABLED", (string?)(await Provider.SignInAsync(nexus)).Body["code"]);
    }

    [Fact]
    public async Task A_page_gets_a_cookie_and_only_paths_of_this_site_are_returned_to()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;

        var (status, _, last) = await Provider.SignInAsync(nexus, "/api/v1/auth/oauth/google/start?return_to=/console");

        Assert.Equal("302 /console", $"{status} {last.Headers.Location}");
        Assert.Contains(last.Headers.GetValues("Set-Cookie"), c => c.StartsWith("nexus_session=", StringComparison.Ordinal));
        foreach (var away in (string[])["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/\t/evil.example"])
            Assert.Contains((int)(await nexus.Client.GetAsync($"/api/v1/auth/oauth/google/start?return_to={Uri.EscapeDataString(away)}")).StatusCode, new[] { 400, 403 });
    }

    [Fact]
    public async Task Each_tenant_has_its_own_account_of_one_and_the_same_person_elsewhere()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;
        await nexus.Get<Nexus.Core.Identity.Accounts.Tenants>().AddAsync("acme", null, default);
        var ada = await nexus.AddUserAsync("ada", "ada@example.com");

        var here = (await Provider.SignInAsync(nexus)).Body["user"]!;
        var there = (await Provider.SignInAsync(nexus, "/api/v1/auth/oauth/google/start?tenant=acme")).Body["user"]!;
        var again = (await Provider.SignInAsync(nexus, "/api/v1/auth/oauth/google/start?tenant=acme")).Body["user"]!;

        Assert.Equal(ada.Id, (string?)here["id"]);
        Assert.NotEqual(ada.Id, (string?)there["id"]);
        Assert.Equal((string?)there["id"], (string?)again["id"]);
        Assert.Equal("acme", nexus.Get<UserDirectory>().Find(new Place("acme", (string)there["id"]!))!.Tenant);
        Assert.Equal(404, (await Provider.SignInAsync(nexus, "/api/v1/auth/oauth/google/start?tenant=nowhere")).Status);
    }

    [Fact]
    public async Task An_account_with_a_second_factor_is_asked_for_it_here_too()
    {
        var (nexus, provider) = await StartAsync();
        await using var stopNexus = nexus;
        await using var stopProvider = provider;
        var ada = await nexus.AddUserAsync("ada", "ada@example.com");
        var factor = nexus.Get<TwoFactor>();
        var secret = await factor.BeginAsync(ada.Id, default);
        var codes = await factor.ConfirmAsync(ada.Id, OneTimeCode.Of(secret, OneTimeCode.StepOf(TimeProvider.System.GetUtcNow())), default);

        var (status, body, _) = await Provider.SignInAsync(nexus);

        Assert.Equal("401 TWO_FACTOR_REQUIRED", $"{status} {body["code"]}");
        using var answer = await nexus.Client.PostAsync("/api/v1/auth/2fa/challenge", System.Net.Http.Json.JsonContent.Create(new { challenge = (string?)body["challenge"], code = codes!.Value[0] }));
        Assert.Equal(ada.Id, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["user"]!["id"]);
    }

    private static async Task<int> MeAsync(RunningNexus nexus, JsonObject tokens)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/auth/me");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {tokens["access_token"]}");
        return (int)(await nexus.Client.SendAsync(request)).StatusCode;
    }
}
