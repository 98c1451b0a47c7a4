namespace Nexus.Core.Identity.Tests.Policy;

public sealed class BroughtRoleTests
{
    [Fact]
    public async Task A_plugin_brings_roles_for_its_own_suite_and_none_beyond_it()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Add(new PluginManifest { Name = "money.books", Version = "1.0.0", Category = PluginCategory.Business, Description = "Books with two routes.", Entry = "" }, () => new BooksPlugin()));
        var roles = Array.Empty<string>();
        for (var i = 0; i < 3000 && !roles.Contains("auditor"); i++)
        {
            roles = [.. (await node.GetAsync("/api/v1/roles", node.Admin)).Json["items"]!.AsArray().Select(r => (string)r!["name"]!)];
            await Task.Delay(10);
        }

        Assert.Equal(["admin", "auditor", "moderator", "readonly", "user"], roles);
        var token = await node.SignedInAsync("ada", "auditor");
        Assert.Equal(200, (await node.GetAsync("/api/business/books/entries", token)).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Put, "/api/business/books/entries", token, new { })).Status);
        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", token)).Status);
    }

    private sealed class BooksPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            plugin.AddRole("auditor", "Reads.", "money.*:read").AddRole("greedy", "Takes all.", "*").AddRole("curious", "Reads what is not its own.", "platform.users:read").AddRole("No Name", "Has none.", "money.*:read");
            plugin.MapEndpoints(routes =>
            {
                Microsoft.AspNetCore.Builder.AuthorizationEndpointConventionBuilderExtensions.RequireAuthorization(Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapGet(routes, "entries", () => "all"), "money.books.entries:read");
                Microsoft.AspNetCore.Builder.AuthorizationEndpointConventionBuilderExtensions.RequireAuthorization(Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapPut(routes, "entries", () => "done"), "money.books.entries:update");
            });
        }
    }
}
