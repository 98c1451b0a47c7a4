using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Pipeline;

public sealed class Host_filter
{
    [Theory]
    [InlineData("evil.example", 421)]
    [InlineData("localhost.evil.example", 421)]
    [InlineData("localhost", 200)]
    [InlineData("127.0.0.1:8000", 200)]
    [InlineData("[::1]:8000", 200)]
    public async Task Only_loopback_names_are_served_by_default(string name, int status)
    {
        await using var host = await GatewayHost.StartAsync();

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("Host", name));

        if (status == 421)
            await Problems.AssertAsync(answer, 421, "HOST_NOT_ALLOWED");
        else
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task An_allowed_host_is_served_beside_the_loopback_names()
    {
        await using var host = await GatewayHost.StartAsync([("server:allowedHosts:0", "nexus.example")]);

        Assert.Equal(200, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("Host", "nexus.example"))).StatusCode);
        Assert.Equal(200, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("Host", "localhost"))).StatusCode);
    }

    [Theory]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "http://localhost:81")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    public async Task A_page_of_another_site_is_refused_before_anything_runs(string header, string value)
    {
        await using var host = await Resource_routes.StartAsync();

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Post, Invoices.Path, """{"number":"A"}""", (header, value));

        await Problems.AssertAsync(answer, 403, "ORIGIN_NOT_ALLOWED");
        Assert.Empty(host.Operations.Changes);
    }

    [Fact]
    public async Task The_nodes_own_pages_and_allowed_origins_may_call()
    {
        await using var host = await GatewayHost.StartAsync([("server:allowedOrigins:0", "https://app.example")]);

        var own = await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("Origin", "http://localhost"));
        var allowed = await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("Origin", "https://app.example"));
        var preflight = await Resource_routes.SendAsync(host, HttpMethod.Options, "/health", null, ("Origin", "https://app.example"), ("Access-Control-Request-Method", "PATCH"));

        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        Assert.Equal("https://app.example", allowed.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
        Assert.Equal("PATCH", preflight.Headers.GetValues("Access-Control-Allow-Methods").Single());
    }

    [Fact]
    public async Task Production_without_identity_refuses_to_start()
    {
        var refusal = await Assert.ThrowsAsync<NexusException>(() => GatewayHost.StartAsync(environment: "Production"));
        Assert.Equal("IDENTITY_REQUIRED", refusal.Code);

        await using var host = await GatewayHost.StartAsync(environment: "Production", configure: s => s.AddSingleton<IAuthorization>(new Nobody()));
        await Problems.AssertAsync(await host.Client.GetAsync("/api/v1/plugins"), 401, "AUTHENTICATION_REQUIRED");
    }

    [Fact]
    public async Task The_local_administrator_is_named_in_the_log_once()
    {
        await using var host = await GatewayHost.StartAsync();

        await host.Client.GetAsync("/health");
        await host.Client.GetAsync("/health");

        Assert.Single(host.Log.Lines, l => l.StartsWith("Warning", StringComparison.Ordinal) && l.Contains("local administrator", StringComparison.Ordinal));
    }

    private sealed class Nobody : IAuthorization
    {
        public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new AccessDecision(AccessScope.None, "Nobody may."));
    }
}
