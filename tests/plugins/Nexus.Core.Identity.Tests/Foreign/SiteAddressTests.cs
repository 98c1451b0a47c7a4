using System.Text.Json.Nodes;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class SiteAddressTests
{
    [Fact]
    public async Task Without_a_setting_the_issuer_is_the_address_that_a_client_called_on_whatever_port()
    {
        await using var nexus = await RunningNexus.StartAsync();
        var port = new Uri(nexus.Address).Port;
        using var browser = new HttpClient();

        foreach (var called in (string[])[$"http://localhost:{port}", $"http://127.0.0.1:{port}"])
        {
            var told = JsonNode.Parse(await browser.GetStringAsync($"{called}/.well-known/openid-configuration"))!;
            Assert.Equal((called, $"{called}/oauth/token", $"{called}/.well-known/jwks.json"), ((string?)told["issuer"], (string?)told["token_endpoint"], (string?)told["jwks_uri"]));
        }
    }

    [Fact]
    public async Task The_issuer_that_is_set_is_everybodys()
    {
        await using var nexus = await RunningNexus.StartAsync(_ => [("issuer", "https://id.example.org/")]);

        Assert.Equal("https://id.example.org", (string?)JsonNode.Parse(await nexus.Client.GetStringAsync("/.well-known/openid-configuration"))!["issuer"]);
    }

    [Fact]
    public async Task A_stranger_learns_of_the_sign_in_no_more_than_a_page_needs()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Settings["security:localAdministrator"] = "false");

        Assert.Equal("""{"registration":true}""", (await node.GetAsync("/api/v1/auth/status")).Text);
        var known = (await node.GetAsync("/api/v1/auth/status", node.Admin)).Json;
        Assert.Equal(["bearer", "api-key", "cookie", "local"], known["strategies"]!.AsArray().Select(s => (string?)s));
    }
}
