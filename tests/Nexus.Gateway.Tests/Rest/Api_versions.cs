using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Rest;

public sealed class Api_versions
{
    private const string Prefix = "/api/custom/probe";

    [Theory]
    [InlineData("/greet", null, null, "one")]
    [InlineData("/greet", "X-API-Version", "1", "one")]
    [InlineData("/v2/greet", null, null, "two")]
    [InlineData("/greet", "X-API-Version", "2", "two")]
    [InlineData("/greet", "X-API-Version", "v2", "two")]
    [InlineData("/v2/greet", "X-API-Version", "2", "two")]
    [InlineData("/greet", "Accept", "application/vnd.nexus.v2+json", "two")]
    [InlineData("/greet", "Accept", "text/html, application/vnd.nexus.v2+json;q=0.9", "two")]
    public async Task Address_header_and_media_type_choose_the_same_version(string path, string? header, string? value, string expected)
    {
        await using var host = await StartAsync();

        using var answer = await SendAsync(host, Prefix + path, header, value);

        Assert.Equal(expected, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_deprecated_version_says_so_and_when_it_will_be_gone()
    {
        await using var host = await StartAsync();

        using var old = await SendAsync(host, Prefix + "/greet");
        using var current = await SendAsync(host, Prefix + "/v2/greet");

        Assert.Equal("@1767225600", old.Headers.GetValues("Deprecation").Single());
        Assert.Equal("Fri, 01 Jan 2027 00:00:00 GMT", old.Headers.GetValues("Sunset").Single());
        Assert.Equal("<https://example.org/move>; rel=\"deprecation\"", old.Headers.GetValues("Link").Single());
        Assert.False(current.Headers.Contains("Deprecation"));
    }

    [Theory]
    [InlineData(Prefix + "/greet", "3", 406, "NOT_ACCEPTABLE")]
    [InlineData(Prefix + "/v2/greet", "1", 400, "BAD_REQUEST")]
    [InlineData(Prefix + "/greet", "two", 400, "BAD_REQUEST")]
    [InlineData(Prefix + "/greet", "0", 400, "BAD_REQUEST")]
    [InlineData("/api/v1/plugins", "2", 406, "NOT_ACCEPTABLE")]
    public async Task A_version_that_is_not_served_is_refused(string path, string version, int status, string code)
    {
        await using var host = await StartAsync();

        using var answer = await SendAsync(host, path, "X-API-Version", version);

        await Problems.AssertAsync(answer, status, code);
    }

    [Fact]
    public async Task The_versions_are_listed_and_the_document_marks_the_deprecated_one()
    {
        await using var host = await StartAsync();

        var versions = JsonNode.Parse(await host.Client.GetStringAsync("/api/versions"))!;
        var paths = JsonNode.Parse(await host.Client.GetStringAsync("/openapi.json"))!["paths"]!;

        Assert.Equal(
            """[{"api":"platform","version":1,"path":"/api/v1"},{"api":"sample.probe","version":1,"path":"/api/custom/probe","deprecatedOn":"2026-01-01","sunsetOn":"2027-01-01","guide":"https://example.org/move"},{"api":"sample.probe","version":2,"path":"/api/custom/probe/v2"}]""",
            versions.ToJsonString());
        Assert.True((bool?)paths[Prefix + "/greet"]!["get"]!["deprecated"]);
        Assert.Equal("2027-01-01", (string?)paths[Prefix + "/greet"]!["get"]!["x-sunset"]);
        Assert.Null(paths[Prefix + "/v2/greet"]!["get"]!["deprecated"]);
    }

    private static async Task<GatewayHost> StartAsync()
    {
        var host = await GatewayHost.StartAsync();
        var probe = FakePlugins.Plugin("sample.probe", null, ("GET", "/greet", c => c.Response.WriteAsync("one")), ("GET", "/v2/greet", c => c.Response.WriteAsync("two")));
        host.Plugins.Publish(probe with
        {
            ApiVersions = [new ApiVersionContribution(1) { DeprecatedOn = new DateOnly(2026, 1, 1), SunsetOn = new DateOnly(2027, 1, 1), Guide = new Uri("https://example.org/move") }, new ApiVersionContribution(2)],
        });
        return host;
    }

    private static async Task<HttpResponseMessage> SendAsync(GatewayHost host, string path, string? header = null, string? value = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (header is not null)
            request.Headers.TryAddWithoutValidation(header, value);
        return await host.Client.SendAsync(request);
    }
}
