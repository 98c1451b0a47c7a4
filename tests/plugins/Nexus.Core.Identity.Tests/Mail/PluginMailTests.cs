using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Tests.Foreign;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.Mail;

/// <summary>Letters of other plugins, by a real server.</summary>
public sealed class PluginMailTests
{
    [Fact]
    public async Task A_plugins_letter_is_sent_and_one_that_cannot_be_delivered_is_a_dead_letter_that_an_operator_sends_again()
    {
        await using var server = await MailServer.StartAsync(new { plain = true });
        await using var node = await StartAsync(server.Port);
        var mail = Shop.Mail(node);

        await mail.SendAsync(new Letter("ada@example.com", "Your order", "It is on its way."), TestContext.Current.CancellationToken);
        Assert.Contains("Subject: Your order", (string?)(await server.TakenAsync(1))[0]["text"], StringComparison.Ordinal);
        await server.BehaveAsync("unknown");
        Assert.Equal(202, (await node.PostAsync("/api/custom/shop/bills?customer=bob@example.com&amount=42", token: node.Admin)).Status);

        var dead = await DeadAsync(node, 1);
        Assert.Equal("shop bob@example.com Your bill 1", $"{dead[0]!["plugin"]} {dead[0]!["to"]} {dead[0]!["subject"]} {dead[0]!["tries"]}");
        Assert.DoesNotContain("42 EUR", dead.ToJsonString(), StringComparison.Ordinal);
        await server.BehaveAsync("take");
        var id = (string)dead[0]!["id"]!;
        Assert.Equal(202, (await node.PostAsync($"/api/v1/mail/dead-letters/{id}/retry", token: node.Admin)).Status);
        Assert.Contains("To: bob@example.com", (string?)(await server.TakenAsync(2))[1]["text"], StringComparison.Ordinal);
        await DeadAsync(node, 0);
        Assert.Equal(404, (await node.PostAsync($"/api/v1/mail/dead-letters/{id}/retry", token: node.Admin)).Status);
    }

    [Fact]
    public async Task A_dead_letter_is_removed_by_an_administrator_and_seen_by_no_one_else()
    {
        await using var server = await MailServer.StartAsync(new { plain = true });
        await server.BehaveAsync("unknown");
        await using var node = await StartAsync(server.Port);
        await Shop.Mail(node).SendAsync(new Letter("bob@example.com", "Your bill", "42 EUR"), TestContext.Current.CancellationToken);
        var id = (string)(await DeadAsync(node, 1))[0]!["id"]!;
        await node.AddUserAsync("ada");

        Assert.Equal(403, (await node.GetAsync("/api/v1/mail/dead-letters", await node.TokenAsync("ada"))).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/mail/dead-letters")).Status);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/mail/dead-letters/{id}", node.Admin)).Status);
        await DeadAsync(node, 0);
    }

    [Theory]
    [InlineData("ada@example.com\r\nBcc: all@example.com", "Hello", "/to")]
    [InlineData("Ada <ada@example.com>", "Hello", "/to")]
    [InlineData("nobody", "Hello", "/to")]
    [InlineData("ada@example.com", "Hello\r\nBcc: all@example.com", "/subject")]
    [InlineData("ada@example.com", "", "/subject")]
    public async Task A_letter_that_would_make_headers_of_its_own_is_refused(string to, string subject, string field)
    {
        await using var node = await StartAsync(1);

        var error = await Assert.ThrowsAsync<NexusException>(() => Shop.Mail(node).SendAsync(new Letter(to, subject, "text"), TestContext.Current.CancellationToken).AsTask());

        Assert.Equal((ErrorCodes.ValidationError, field), (error.Code, Assert.Single(error.Errors).Pointer));
    }

    [Fact]
    public async Task Without_a_plugin_that_sends_mail_a_letter_is_refused()
    {
        await using var host = await PluginTestHost.StartAsync(options => options.Add(Shop.Manifest, () => new Shop()));
        var mail = host.Services.GetRequiredService<IPlugins>().Current.Find("shop")!.Lease.Services.GetRequiredService<IMail>();

        Assert.Equal("No active plugin sends mail; core.identity does.", (await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync(new Letter("ada@example.com", "Hello", ""), TestContext.Current.CancellationToken).AsTask())).Message);
    }

    [Fact]
    public async Task A_plugin_to_which_services_are_denied_sends_no_mail()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Add(Shop.Manifest, () => new Shop()));
        await node.Host.Services.GetRequiredService<IPluginPermissions>().ChangeAsync(Shop.Manifest, new PermissionChange(Deny: [Capability.Services]), TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<NexusException>(() => Shop.Mail(node).SendAsync(new Letter("ada@example.com", "Hello", ""), TestContext.Current.CancellationToken).AsTask());

        Assert.Equal(ErrorCodes.CapabilityDenied, error.Code);
    }

    private static Task<IdentityNode> StartAsync(int port) => IdentityNode.StartAsync(options =>
    {
        options.Add(Shop.Manifest, () => new Shop());
        foreach (var (key, value) in new[] { ("host", "127.0.0.1"), ("port", $"{port}"), ("tls", "false"), ("from", "nexus@example.org") })
            options.Settings[$"plugins:core.identity:mail:{key}"] = value;
    });

    /// <summary>Waits until there are so many dead letters.</summary>
    private static async Task<JsonArray> DeadAsync(IdentityNode node, int count)
    {
        var items = new JsonArray();
        for (var i = 0; i < 3000; i++)
        {
            items = JsonNode.Parse((await node.GetAsync("/api/v1/mail/dead-letters", node.Admin)).Text)!["items"]!.AsArray();
            if (items.Count == count)
                return items;
            await Task.Delay(20);
        }

        Assert.Equal(count, items.Count);
        return items;
    }

    private sealed class Shop : IPlugin
    {
        public static PluginManifest Manifest { get; } = new() { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "A shop.", Entry = "", Permissions = [new("services", "It sends letters.")] };

        public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(MapRoutes);

        private static void MapRoutes(IEndpointRouteBuilder routes) =>
            routes.MapPost("/bills", async (string customer, decimal amount, IMail mail, CancellationToken cancellationToken) =>
            {
                await mail.SendAsync(new Letter(customer, "Your bill", $"Please pay {amount} EUR.") { Useful = TimeSpan.FromDays(7) }, cancellationToken);
                return Results.Accepted();
            });

        public static IMail Mail(IdentityNode node) => node.Host.Services.GetRequiredService<IPlugins>().Current.Find("shop")!.Lease.Services.GetRequiredService<IMail>();
    }
}
