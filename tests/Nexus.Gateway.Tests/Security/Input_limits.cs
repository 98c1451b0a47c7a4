using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Input_limits
{
    [Fact]
    public async Task A_form_with_too_many_parts_is_413_and_one_that_is_none_or_broken_is_the_callers_error()
    {
        await using var host = await StartAsync(("server:limits:formParts", "3"));
        using var fitting = new MultipartFormDataContent { { new StringContent("1"), "a" }, { new StringContent("2"), "b" }, { new StringContent("3"), "c" } };
        using var many = new MultipartFormDataContent { { new StringContent("1"), "a" }, { new StringContent("2"), "b" }, { new StringContent("3"), "c" }, { new StringContent("4"), "d" } };

        Assert.Equal("3", await (await host.Client.PostAsync("/api/custom/probe/form", fitting)).Content.ReadAsStringAsync());
        await Problems.AssertAsync(await host.Client.PostAsync("/api/custom/probe/form", many), 413, "PAYLOAD_TOO_LARGE");
        await Problems.AssertAsync(await PostAsync(host, "{}", "application/json"), 415, "UNSUPPORTED_MEDIA_TYPE");
        await Problems.AssertAsync(await PostAsync(host, "", null), 415, "UNSUPPORTED_MEDIA_TYPE");
        await Problems.AssertAsync(await PostAsync(host, "--X\r\nhalf", "multipart/form-data; boundary=X"), 400, "BAD_REQUEST");
        await Problems.AssertAsync(await PostAsync(host, "a=1", "multipart/form-data"), 400, "BAD_REQUEST");
    }

    [Fact]
    public async Task An_address_or_headers_beyond_their_limits_are_refused_by_the_server()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:urlBytes", "1024"), ("server:limits:headerCount", "20")], kestrel: true);
        using var headers = new HttpRequestMessage(HttpMethod.Get, "/health/live");
        for (var i = 0; i < 30; i++)
            headers.Headers.Add("X-" + i, "1");

        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/live?a=" + new string('a', 900))).StatusCode);
        Assert.Equal(414, (int)(await host.Client.GetAsync("/health/live?a=" + new string('a', 1100))).StatusCode);
        Assert.Equal(431, (int)(await host.Client.SendAsync(headers)).StatusCode);
    }

    [Theory]
    [InlineData("https://app.example", true)]
    [InlineData("https://app.example:444", false)]
    [InlineData("http://app.example", false)]
    [InlineData("https://app.example.evil.example", false)]
    [InlineData("https://sub.app.example", false)]
    public async Task A_preflight_is_answered_for_the_very_origin_that_is_allowed(string origin, bool allowed)
    {
        await using var host = await GatewayHost.StartAsync([("server:allowedOrigins:0", "https://app.example")]);

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Options, "/health", null, ("Origin", origin), ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "X-CSRF-Token"));

        Assert.Equal(allowed ? 204 : 403, (int)answer.StatusCode);
        Assert.Equal(
            allowed ? ["Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: X-CSRF-Token", "Access-Control-Allow-Methods: PUT", $"Access-Control-Allow-Origin: {origin}", "Access-Control-Max-Age: 600"] : [],
            answer.Headers.Where(h => h.Key.StartsWith("Access-Control-", StringComparison.Ordinal) && h.Key != "Access-Control-Expose-Headers").Select(h => $"{h.Key}: {h.Value.Single()}").Order(StringComparer.Ordinal));
    }

    private static async Task<GatewayHost> StartAsync(params (string, string)[] settings)
    {
        var host = await GatewayHost.StartAsync(settings, kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/form", async c => await c.Response.WriteAsync((await c.Request.ReadFormAsync()).Count.ToString(System.Globalization.CultureInfo.InvariantCulture)))));
        return host;
    }

    private static Task<HttpResponseMessage> PostAsync(GatewayHost host, string body, string? type)
    {
        var content = new ByteArrayContent(Encoding.ASCII.GetBytes(body));
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return host.Client.PostAsync("/api/custom/probe/form", content);
    }
}
