using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.OpenId;
using Nexus.Core.Identity.Passwords;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.OpenId;

/// <summary>A node with identity, the user Ada and two clients.</summary>
internal sealed partial class Site : IAsyncDisposable
{
    public const string Password = "correct horse battery";
    public const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    public const string Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    public const string Redirect = "https://app.example/callback";

    private Site(PluginTestHost host, ShiftedClock clock) => (Host, Clock) = (host, clock);

    public PluginTestHost Host { get; }

    public ShiftedClock Clock { get; }

    public User Ada { get; private set; } = null!;

    public static async Task<Site> StartAsync(params (string Key, string Value)[] settings)
    {
        var clock = new ShiftedClock();
        var host = await PluginTestHost.StartAsync<IdentityPlugin>(options =>
        {
            options.Clock = clock;
            options.Settings["plugins:core.identity:issuer"] = "http://localhost";
            foreach (var (key, value) in settings) options.Settings[$"plugins:core.identity:{key}"] = value;
        });
        var site = new Site(host, clock);
        site.Ada = await site.AddUserAsync("ada", "ada@example.com");
        await site.Get<ClientRegistry>().AddAsync(new ClientRequest("app", "The <App>", [Redirect, "http://127.0.0.1/native"], ["https://app.example/bye"], ["finance.ledger.books:read"]), default);
        await site.Get<ClientRegistry>().AddAsync(new ClientRequest("own", "Our own", [Redirect], [], [], Trusted: true), default);
        return site;
    }

    public T Get<T>()
        where T : notnull => Host.Services.GetRequiredService<IPlugins>().Current.Find("core.identity")!.Lease.Services.GetRequiredService<T>();

    public async Task<User> AddUserAsync(string name, string? email, bool verified = true, string? password = Password, string tenant = "default") => await Get<UserDirectory>().AddAsync(new User
    {
        Id = Guid.CreateVersion7().ToString(),
        Tenant = tenant,
        UserName = name,
        DisplayName = $"{name} L.",
        Email = email,
        EmailVerified = verified,
        PasswordHash = password is null ? null : await Get<PasswordHashing>().HashAsync(password, default),
        Roles = ["admin"],
        CreatedAt = Clock.GetUtcNow(),
        UpdatedAt = Clock.GetUtcNow(),
    });

    public Browser NewBrowser() => new(Host.Client);

    /// <summary>The address a client sends a browser to.</summary>
    public static string Authorize(string client = "app", string scope = "openid profile email offline_access", params (string Name, string? Value)[] change)
    {
        var query = new Dictionary<string, string?>
        {
            ["response_type"] = "code", ["client_id"] = client, ["redirect_uri"] = Redirect, ["scope"] = scope, ["state"] = "s-1", ["nonce"] = "n-1", ["code_challenge"] = Challenge, ["code_challenge_method"] = "S256",
        };
        foreach (var (name, value) in change) query[name] = value;
        return "/oauth/authorize?" + string.Join('&', query.Where(p => p.Value is not null).Select(p => $"{p.Key}={Uri.EscapeDataString(p.Value!)}"));
    }

    /// <summary>A code, as the client gets it after the user signed in and consented.</summary>
    public async Task<string> CodeAsync(string client = "app", string scope = "openid profile email offline_access", Browser? browser = null)
    {
        browser ??= NewBrowser();
        await browser.GetAsync(Authorize(client, scope));
        if (browser.Hidden("step") == "sign-in") await browser.SubmitAsync(("username", "ada"), ("password", Password));
        if (browser.Status == 200) await browser.SubmitAsync(("step", "approve"));
        return browser.Answer("code") ?? throw new InvalidOperationException($"{browser.Status} {browser.Text}");
    }

    public async Task<(int Status, JsonObject Body)> PostAsync(string path, params (string Name, string? Value)[] form)
    {
        using var content = new FormUrlEncodedContent(form.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Name, f.Value!)));
        using var response = await Host.Client.PostAsync(path, content);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject());
    }

    public Task<(int Status, JsonObject Body)> RedeemAsync(string code, string client = "app", string redirect = Redirect, string verifier = Verifier) =>
        PostAsync("/oauth/token", ("grant_type", "authorization_code"), ("code", code), ("client_id", client), ("redirect_uri", redirect), ("code_verifier", verifier));

    public async Task<int> UserInfoAsync(string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/oauth/userinfo");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        using var response = await Host.Client.SendAsync(request);
        return (int)response.StatusCode;
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    /// <summary>As much of a browser as the pages need: cookies, the last page, its form. Follows no redirect.</summary>
    internal sealed partial class Browser(HttpClient client)
    {
        public Dictionary<string, string> Cookies { get; } = [];

        public int Status { get; private set; }

        public string Text { get; private set; } = "";

        public Uri? Location { get; private set; }

        public string Policy { get; private set; } = "";

        public List<string> SetCookies { get; } = [];

        public Task GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

        public Task SubmitAsync(params (string Name, string Value)[] fields)
        {
            var form = Hidden().Where(h => fields.All(f => f.Name != h.Name)).Concat(fields).Select(f => KeyValuePair.Create(f.Name, f.Value));
            return SendAsync(new HttpRequestMessage(HttpMethod.Post, Action().Match(Text).Groups[1].Value) { Content = new FormUrlEncodedContent(form) });
        }

        public string? Hidden(string name) => Hidden().Where(h => h.Name == name).Select(h => h.Value).FirstOrDefault();

        public string? Answer(string name) => Location is not null && Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(Location.Query).TryGetValue(name, out var value) ? (string?)value : null;

        public async Task SendAsync(HttpRequestMessage request)
        {
            if (Cookies.Count > 0) request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}")));
            using (request)
            {
                using var response = await client.SendAsync(request);
                (Status, Text, Location) = ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.Location);
                Policy = response.Headers.TryGetValues("Content-Security-Policy", out var policies) ? policies.Single() : "";
                foreach (var cookie in response.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
                {
                    SetCookies.Add(cookie);
                    var pair = cookie.Split(';')[0].Split('=', 2);
                    if (pair[1].Length == 0) Cookies.Remove(pair[0]);
                    else Cookies[pair[0]] = pair[1];
                }
            }
        }

        private IEnumerable<(string Name, string Value)> Hidden() => HiddenField().Matches(Text).Select(m => (m.Groups[1].Value, System.Net.WebUtility.HtmlDecode(m.Groups[2].Value)));

        [GeneratedRegex("""<input type="hidden" name="([^"]+)" value="([^"]*)">""")]
        private static partial Regex HiddenField();

        [GeneratedRegex("""<form method="post" action="([^"]+)">""")]
        private static partial Regex Action();
    }
}
