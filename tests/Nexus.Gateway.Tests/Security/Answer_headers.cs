using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

public sealed partial class Answer_headers
{
    private static readonly string[] Names = ["X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy", "Cross-Origin-Resource-Policy"];

    [Fact]
    public async Task Every_get_route_of_the_platform_has_them_and_so_has_every_error()
    {
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IStorage>(new FakeStorage()));
        var paths = host.Services.GetRequiredService<PlatformEndpoints>().Routes.Where(r => r.Method == "GET" && !r.Pattern.Contains('{', StringComparison.Ordinal)).Select(r => r.Pattern);

        foreach (var path in paths.Concat(["/nothing", "/docs/docs.css", "/docs/docs.js", "/health?q=<script>", "/api/v1/events/none"]))
        {
            using var answer = await host.Client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
            foreach (var name in Names)
                Assert.True(answer.Headers.Contains(name), $"{path} lacks {name}");
        }
    }

    [Fact]
    public async Task A_page_gets_a_nonce_of_its_own_and_data_a_policy_that_allows_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null,
            ("GET", "/page", c => { c.Response.ContentType = "text/html; charset=utf-8"; return c.Response.WriteAsync($"<script nonce=\"{c.GetContentNonce()}\">1</script>"); }),
            ("GET", "/drawing", c => { c.Response.ContentType = "image/svg+xml"; return c.Response.WriteAsync("<svg onload='alert(1)'/>"); }),
            ("GET", "/own", c => { c.Response.Headers.ContentSecurityPolicy = "default-src https:"; c.Response.ContentType = "text/html"; return c.Response.WriteAsync("x"); }),
            ("GET", "/bytes", c => { c.Response.ContentType = "application/octet-stream"; return c.Response.WriteAsync("<script>"); }),
            ("GET", "/data", c => c.Response.WriteAsync("{}"))));

        async Task<(string Policy, string Body)> GetAsync(string path)
        {
            var answer = await host.Client.GetAsync("/api/custom/probe/" + path);
            return (answer.Headers.GetValues("Content-Security-Policy").Single(), await answer.Content.ReadAsStringAsync());
        }

        var (policy, body) = await GetAsync("page");
        var nonce = Nonce().Match(body).Groups[1].Value;
        Assert.Contains($"script-src 'self' 'nonce-{nonce}'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe-inline", policy, StringComparison.Ordinal);
        Assert.NotEqual(nonce, Nonce().Match((await GetAsync("page")).Body).Groups[1].Value);
        Assert.Contains("sandbox", (await GetAsync("drawing")).Policy, StringComparison.Ordinal);
        Assert.Equal("default-src https:", (await GetAsync("own")).Policy);
        Assert.Equal("attachment", (await host.Client.GetAsync("/api/custom/probe/bytes")).Content.Headers.ContentDisposition!.ToString());
        Assert.Equal("same-origin", (await host.Client.GetAsync("/api/custom/probe/page")).Headers.GetValues("Cross-Origin-Opener-Policy").Single());
        Assert.StartsWith("default-src 'none'", (await GetAsync("data")).Policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cookies_leave_with_their_flags()
    {
        await using var host = await GatewayHost.StartAsync([("security:trustedProxies:0", "127.0.0.1")], kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/", c =>
        {
            c.Response.Headers.Append("Set-Cookie", "nexus_session=abc; path=/");
            c.Response.Headers.Append("Set-Cookie", "theme=dark; SameSite=Strict");
            return c.Response.WriteAsync("x");
        })));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/custom/probe/");
        request.Headers.Add("X-Forwarded-Proto", "https");

        var cookies = (await host.Client.SendAsync(request)).Headers.GetValues("Set-Cookie");

        Assert.Equal(["nexus_session=abc; path=/; SameSite=Lax; Secure; HttpOnly", "theme=dark; SameSite=Strict; Secure"], cookies);
    }

    [Fact]
    public async Task They_can_be_turned_off()
    {
        await using var host = await GatewayHost.StartAsync([("security:headers", "false")]);

        Assert.False((await host.Client.GetAsync("/health/live")).Headers.Contains("X-Frame-Options"));
    }

    [GeneratedRegex("nonce=\"([^\"]{24})\"")]
    private static partial Regex Nonce();
}
