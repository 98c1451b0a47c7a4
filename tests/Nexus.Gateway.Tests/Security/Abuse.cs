using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Abuse
{
    private static readonly (string, string) Proxy = ("security:trustedProxies:0", "127.0.0.1");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_eleventh_failed_sign_in_blocks_its_address_and_raises_an_alert(bool throws)
    {
        var trail = new FakeTrail();
        await using var host = await StartAsync(trail, throws);

        for (var i = 0; i < 10; i++)
            Assert.Equal(401, (int)(await LoginAsync(host, "203.0.113.5", "wrong")).StatusCode);
        var eleventh = await LoginAsync(host, "203.0.113.5", "wrong");

        await Problems.AssertAsync(eleventh, 403, "ADDRESS_BLOCKED");
        Assert.Equal(403, (int)(await LoginAsync(host, "203.0.113.5", "right")).StatusCode);
        Assert.Equal(403, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/health/live", null, ("X-Forwarded-For", "203.0.113.5"))).StatusCode);
        Assert.Equal(200, (int)(await LoginAsync(host, "203.0.113.6", "right")).StatusCode);
        var alert = JsonNode.Parse(await (await AsBossAsync(host, "/api/v1/security/alerts")).Content.ReadAsStringAsync())!.AsArray().Single()!;
        Assert.Equal(("login_abuse", "203.0.113.5"), (alert["kind"]!.GetValue<string>(), alert["address"]!.GetValue<string>()));
        Assert.Contains("security.address.blocked", trail.Actions);
    }

    [Fact]
    public async Task Ten_failures_and_a_success_block_nobody()
    {
        await using var host = await StartAsync(new FakeTrail(), throws: false);

        for (var i = 0; i < 10; i++)
            await LoginAsync(host, "203.0.113.5", "wrong");
        var right = await LoginAsync(host, "203.0.113.5", "right");

        Assert.Equal(200, (int)right.StatusCode);
        Assert.Equal("""{"token":"t1"}""", await right.Content.ReadAsStringAsync());
        Assert.Equal("nexus_session=x; SameSite=Lax; HttpOnly", right.Headers.GetValues("Set-Cookie").Single());
    }

    [Fact]
    public async Task Many_refused_administrative_requests_of_one_caller_are_one_alert()
    {
        await using var host = await StartAsync(new FakeTrail(), throws: false);

        for (var i = 0; i < 15; i++)
            Assert.Equal(403, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/plugins", null, ("Authorization", "Bearer nobody"))).StatusCode);

        var alerts = JsonNode.Parse(await (await AsBossAsync(host, "/api/v1/admin/security/alerts")).Content.ReadAsStringAsync())!.AsArray();
        Assert.Equal(("privilege_escalation", "nobody"), (alerts.Single()!["kind"]!.GetValue<string>(), alerts[0]!["actor"]!.GetValue<string>()));
    }

    private static async Task<GatewayHost> StartAsync(FakeTrail trail, bool throws)
    {
        var host = await GatewayHost.StartAsync([Proxy], kestrel: true, configure: trail.Add);
        var identity = new FakeIdentity().Token("boss", "boss", "administrator").Token("nobody", "nobody");
        host.Plugins.Publish(identity.Plugin("core.identity", ("POST", "~/login", async c =>
        {
            using var reader = new StreamReader(c.Request.Body);
            if (await reader.ReadToEndAsync() == """{"password":"right"}""")
            {
                c.Response.Headers.SetCookie = "nexus_session=x";
                await c.Response.WriteAsJsonAsync(new { token = "t1" });
            }
            else if (throws)
            {
                throw new NexusException(ErrorCodes.AuthenticationRequired, "Name or password is wrong.");
            }
            else
            {
                c.Response.StatusCode = 401;
                c.Response.ContentType = "application/json";
                await c.Response.StartAsync();
                await c.Response.WriteAsync("""{"wrong":true}""");
            }
        })));
        return host;
    }

    private static Task<HttpResponseMessage> LoginAsync(GatewayHost host, string address, string password) =>
        Resource_routes.SendAsync(host, HttpMethod.Post, "/login", $$"""{"password":"{{password}}"}""", ("X-Forwarded-For", address));

    private static Task<HttpResponseMessage> AsBossAsync(GatewayHost host, string path) => Resource_routes.SendAsync(host, HttpMethod.Get, path, null, ("Authorization", "Bearer boss"));
}
