using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Identity.Tests.Policy;

/// <summary>Decisions as requests meet them, over a resource whose records have owners.</summary>
public sealed class DecisionTests
{
    private static readonly PluginManifest Shop = new() { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Orders and a report.", Entry = "" };

    private static Task<IdentityNode> StartAsync() => IdentityNode.StartAsync(options => options.Add(Shop, () => new ShopPlugin()));

    [Theory]
    [InlineData("reader", "read", 200)]
    [InlineData("reader", "create", 403)]
    [InlineData("reader", "update", 403)]
    [InlineData("reader", "delete", 403)]
    [InlineData("writer", "read", 200)]
    [InlineData("writer", "create", 201)]
    [InlineData("writer", "update", 200)]
    [InlineData("writer", "delete", 403)]
    [InlineData("remover", "read", 403)]
    [InlineData("remover", "create", 403)]
    [InlineData("remover", "update", 403)]
    [InlineData("remover", "delete", 204)]
    public async Task Each_role_may_what_it_says_and_nothing_else(string role, string action, int status)
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "reader", "shop.orders:read");
        await RoleAsync(node, "writer", "shop.orders:read", "shop.orders:create", "shop.orders:update");
        await RoleAsync(node, "remover", "shop.orders:delete");
        var token = await node.SignedInAsync("ada", role);
        var order = (string)(await node.PostAsync("/api/custom/shop/orders", new { title = "of the administrator" }, node.Admin)).Json["id"]!;

        Assert.Equal(status, await TryAsync(node, token, action, order));
    }

    [Theory]
    [InlineData("own", 200, 404, 404)]
    [InlineData("team", 200, 200, 404)]
    [InlineData("all", 200, 200, 200)]
    public async Task A_scope_shows_own_records_those_of_the_team_or_all(string scope, int own, int mates, int strangers)
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "clerk", $"shop.orders:read:{scope}", "shop.orders:create:own");
        await node.PostAsync("/api/v1/groups", new { name = "sales" }, node.Admin);
        foreach (var name in new[] { "ada", "bob", "eve" }) await node.AddUserAsync(name, "clerk");
        foreach (var name in new[] { "ada", "bob" }) await node.SendAsync(HttpMethod.Put, $"/api/v1/groups/sales/members/{name}", node.Admin);
        var ada = await node.TokenAsync("ada");
        var orders = new List<string>();
        foreach (var token in new[] { ada, await node.TokenAsync("bob"), await node.TokenAsync("eve") })
            orders.Add((string)(await node.PostAsync("/api/custom/shop/orders", new { title = "an order" }, token)).Json["id"]!);

        var seen = new List<int>();
        foreach (var order in orders) seen.Add((await node.GetAsync($"/api/custom/shop/orders/{order}", ada)).Status);

        Assert.Equal(new[] { own, mates, strangers }, seen);
    }

    [Fact]
    public async Task A_right_on_own_records_does_not_open_a_route_that_knows_no_owners()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "clerk", "*:*:own");
        await RoleAsync(node, "chief", "shop.report:read");
        var clerk = await node.SignedInAsync("ada", "clerk");
        var chief = await node.SignedInAsync("bob", "chief");

        Assert.Equal(403, (await node.GetAsync("/api/custom/shop/report", clerk)).Status);
        Assert.Equal(200, (await node.GetAsync("/api/custom/shop/report", chief)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/custom/shop/report")).Status);
    }

    [Fact]
    public async Task A_role_inherits_through_others_and_the_answer_names_both()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "junior", "shop.orders:read");
        await node.PostAsync("/api/v1/roles", new { name = "senior", permissions = new[] { "shop.orders:update" }, inherits = new[] { "junior" } }, node.Admin);
        await node.PostAsync("/api/v1/roles", new { name = "lead", inherits = new[] { "senior" } }, node.Admin);
        await node.AddUserAsync("ada", "lead");

        var answer = (await node.PostAsync("/api/v1/auth/check-permissions", new { user = "ada", resource = "orders", action = "read" }, node.Admin)).Json;

        Assert.True((bool)answer["allowed"]!);
        Assert.Equal("lead", (string?)answer["role"]);
        Assert.Equal("The role lead, by inheriting junior, allows shop.orders:read:all: all records.", (string?)answer["reason"]);
    }

    [Fact]
    public async Task A_role_cannot_inherit_itself()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "junior", "shop.orders:read");
        await node.PostAsync("/api/v1/roles", new { name = "senior", inherits = new[] { "junior" } }, node.Admin);

        var answer = await node.SendAsync(HttpMethod.Put, "/api/v1/roles/junior", node.Admin, new { inherits = new[] { "senior" } });

        Assert.Equal(422, answer.Status);
        Assert.Equal("cycle", (string?)answer.Json["errors"]![0]!["code"]);
    }

    [Fact]
    public async Task A_role_given_works_at_the_next_request_and_one_taken_or_deleted_does_not()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "reader", "shop.orders:read");
        var token = await node.SignedInAsync("ada");
        async Task<int> State() => (await node.GetAsync("/api/custom/shop/orders", token)).Status;

        Assert.Equal(403, await State());
        await node.PostAsync("/api/v1/users/ada/roles/reader", null, node.Admin);
        Assert.Equal(200, await State());
        await node.SendAsync(HttpMethod.Delete, "/api/v1/users/ada/roles/reader", node.Admin);
        Assert.Equal(403, await State());
        await node.PostAsync("/api/v1/users/ada/roles/reader", null, node.Admin);
        await node.SendAsync(HttpMethod.Put, "/api/v1/roles/reader", node.Admin, new { permissions = new[] { "shop.orders:create" } });
        Assert.Equal(403, await State());
        await node.SendAsync(HttpMethod.Put, "/api/v1/roles/reader", node.Admin, new { permissions = new[] { "orders:*" } });
        Assert.Equal(200, await State());
        Assert.Equal("orders:*", (string?)(await node.GetAsync("/api/v1/data/core/roles/reader", node.Admin)).Json["permissions"]![0]);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/roles/reader", node.Admin)).Status);
        Assert.Equal(403, await State());
        await RoleAsync(node, "reader", "shop.orders:read");
        Assert.Equal(403, await State());
    }

    [Fact]
    public async Task A_group_gives_its_roles_to_its_members_until_they_leave_or_it_is_deleted()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "reader", "shop.orders:read");
        await node.PostAsync("/api/v1/groups", new { name = "sales", roles = new[] { "reader" } }, node.Admin);
        var token = await node.SignedInAsync("ada");
        async Task<int> State() => (await node.GetAsync("/api/custom/shop/orders", token)).Status;

        Assert.Equal(403, await State());
        await node.SendAsync(HttpMethod.Put, "/api/v1/groups/sales/members/ada", node.Admin);
        Assert.Equal(200, await State());
        await node.SendAsync(HttpMethod.Delete, "/api/v1/groups/sales/members/ada", node.Admin);
        Assert.Equal(403, await State());
        await node.SendAsync(HttpMethod.Put, "/api/v1/groups/sales/members/ada", node.Admin);
        await node.SendAsync(HttpMethod.Delete, "/api/v1/groups/sales", node.Admin);
        Assert.Equal(403, await State());
        await node.PostAsync("/api/v1/groups", new { name = "sales", roles = new[] { "reader" } }, node.Admin);
        Assert.Equal(403, await State());
    }

    [Fact]
    public async Task A_policy_by_pattern_denies_what_a_role_allows_and_allows_what_none_does()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "reader", "shop.orders:read");
        var ada = await node.SignedInAsync("ada", "reader");
        var bobId = await node.AddUserAsync("bob");
        var bob = await node.TokenAsync("bob");

        Assert.Equal(201, (await node.PostAsync("/api/v1/permissions", new { name = "closed", effect = "deny", resources = new[] { "orders/*" }, actions = new[] { "read" }, roles = new[] { "reader" } }, node.Admin)).Status);
        Assert.Equal(201, (await node.PostAsync("/api/v1/permissions", new { name = "bob", resources = new[] { "orders/*" }, users = new[] { bobId } }, node.Admin)).Status);

        Assert.Equal(403, (await node.GetAsync("/api/custom/shop/orders", ada)).Status);
        Assert.Equal(200, (await node.GetAsync("/api/custom/shop/orders", bob)).Status);
        Assert.Equal("deny", (string?)(await node.GetAsync("/api/v1/data/core/permissions/closed", node.Admin)).Json["effect"]);
        await node.SendAsync(HttpMethod.Delete, "/api/v1/permissions/closed", node.Admin);
        Assert.Equal(200, (await node.GetAsync("/api/custom/shop/orders", ada)).Status);
    }

    [Fact]
    public async Task One_record_is_shared_with_a_person_or_a_team_and_no_other_is()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "clerk", "shop.orders:read:own", "shop.orders:create:own");
        await node.PostAsync("/api/v1/groups", new { name = "sales" }, node.Admin);
        var (ada, eve) = (await node.AddUserAsync("ada", "clerk"), await node.AddUserAsync("eve"));
        await node.AddUserAsync("bob", "clerk");
        await node.SendAsync(HttpMethod.Put, "/api/v1/groups/sales/members/bob", node.Admin);
        var orders = new List<string>();
        for (var i = 0; i < 3; i++) orders.Add((string)(await node.PostAsync("/api/custom/shop/orders", new { title = $"order {i}" }, node.Admin)).Json["id"]!);
        var (adas, bobs, eves) = (await node.TokenAsync("ada"), await node.TokenAsync("bob"), await node.TokenAsync("eve"));
        var own = (string)(await node.PostAsync("/api/custom/shop/orders", new { title = "ada's" }, adas)).Json["id"]!;
        async Task<string> SeenAsync(string token)
        {
            var list = await node.GetAsync("/api/custom/shop/orders?sort=createdAt", token);
            return list.Status != 200 ? $"{list.Status}" : string.Join(' ', list.Json.AsArray().Select(o => (string)o!["title"]!));
        }

        Assert.Equal(("ada's", "", "403"), (await SeenAsync(adas), await SeenAsync(bobs), await SeenAsync(eves)));
        Assert.Equal(201, (await node.PostAsync("/api/v1/permissions", new { name = "share-1", resources = new[] { $"shop.orders/{orders[1]}" }, actions = new[] { "read", "update" }, users = new[] { ada, eve }, groups = new[] { "sales" } }, node.Admin)).Status);

        Assert.Equal(("order 1 ada's", "order 1", "order 1"), (await SeenAsync(adas), await SeenAsync(bobs), await SeenAsync(eves)));
        Assert.Equal((200, 404, 404), ((await node.GetAsync($"/api/custom/shop/orders/{orders[1]}", eves)).Status, (await node.GetAsync($"/api/custom/shop/orders/{orders[0]}", eves)).Status, (await node.GetAsync($"/api/custom/shop/orders/{own}", eves)).Status));
        Assert.Equal((200, 404, 403), (await TryAsync(node, eves, "update", orders[1]), await TryAsync(node, eves, "update", orders[2]), await TryAsync(node, eves, "delete", orders[1])));
        async Task<string> CanAsync(string resource, string action)
        {
            var answer = (await node.PostAsync("/api/v1/auth/check-permissions", new { user = "eve", resource, action }, node.Admin)).Json;
            return $"{answer["allowed"]} {answer["reason"]}";
        }

        Assert.Equal($"true The record {orders[1]} is shared. The policy share-1 shares single records for shop.orders:update.", await CanAsync($"shop.orders/{orders[1]}", "update"));
        Assert.StartsWith($"false The record {orders[2]} is not among the shared ones", await CanAsync($"shop.orders/{orders[2]}", "update"), StringComparison.Ordinal);
        Assert.StartsWith("false ", await CanAsync($"shop.orders/{orders[1]}", "delete"), StringComparison.Ordinal);

        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/permissions/share-1", node.Admin)).Status);
        Assert.Equal(("ada's", "", "403"), (await SeenAsync(adas), await SeenAsync(bobs), await SeenAsync(eves)));
    }

    [Fact]
    public async Task A_record_is_shared_by_who_has_the_right_itself_with_somebody_and_never_denied()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "sharer", "platform.permissions:create", "shop.orders:read");
        var token = await node.SignedInAsync("ada", "sharer");
        var order = $"shop.orders/{Guid.CreateVersion7()}";
        Task<Answer> ShareAsync(object policy) => node.PostAsync("/api/v1/permissions", policy, token);

        Assert.Equal(201, (await ShareAsync(new { name = "a", resources = new[] { order }, actions = new[] { "read" }, users = new[] { "x" } })).Status);
        Assert.Equal(403, (await ShareAsync(new { name = "b", resources = new[] { order }, actions = new[] { "update" }, users = new[] { "x" } })).Status);
        Assert.Equal(422, (await ShareAsync(new { name = "c", resources = new[] { order }, actions = new[] { "read" } })).Status);
        Assert.Equal(422, (await ShareAsync(new { name = "d", effect = "deny", resources = new[] { order }, actions = new[] { "read" }, users = new[] { "x" } })).Status);
        Assert.Equal(422, (await ShareAsync(new { name = "e", resources = new[] { "shop.orders/17" }, actions = new[] { "read" }, users = new[] { "x" } })).Status);
    }

    [Fact]
    public async Task A_fresh_node_has_its_roles_and_names_its_scopes()
    {
        await using var node = await StartAsync();

        var answer = (await node.GetAsync("/api/v1/auth/roles", node.Admin)).Json;

        Assert.Equal(["admin", "moderator", "readonly", "user"], answer["roles"]!.AsArray().Select(r => (string)r!["name"]!));
        Assert.Equal(["admin:system", "events:decrypt", "events:emit", "events:subscribe", "read:plugins", "write:plugins"], answer["scopes"]!.AsObject().Select(s => s.Key));
    }

    [Theory]
    [InlineData("user")]
    [InlineData("moderator")]
    [InlineData("readonly")]
    public async Task Nobody_but_an_administrator_manages(string role)
    {
        await using var node = await StartAsync();
        var token = await node.SignedInAsync("ada", role);
        var moderatorReads = role == "moderator" ? 200 : 403;

        Assert.Equal(moderatorReads, (await node.GetAsync("/api/v1/users", token)).Status);
        foreach (var path in new[] { "/api/v1/roles", "/api/v1/groups", "/api/v1/permissions", "/api/v1/tenants", "/api/v1/plugins", "/api/v1/config", "/api/v1/data/core/users" })
            Assert.Equal((path, 403), (path, (await node.GetAsync(path, token)).Status));
        foreach (var path in new[] { "/api/v1/users", "/api/v1/roles", "/api/v1/groups", "/api/v1/permissions", "/api/v1/tenants" })
            Assert.Equal((path, 403), (path, (await node.PostAsync(path, new { name = "x" }, token)).Status));
        Assert.Equal(403, (await node.PostAsync("/api/v1/users/ada/roles/admin", null, token)).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Put, "/api/v1/users/admin/password", token, new { password = "Taken-0ver!" })).Status);
    }

    [Fact]
    public async Task Who_manages_users_gives_no_more_than_it_has_and_takes_over_nobody_who_has_more()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "staff", "platform.users:*", "platform.roles:*", "platform.groups:*", "platform.permissions:*", "core.identity:use", "shop.orders:read");
        var staff = await node.SignedInAsync("sam", "staff");
        await RoleAsync(node, "boss", "shop.orders:*");

        Assert.Equal(403, (await node.PostAsync("/api/v1/users/sam/roles/admin", null, staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/users/sam/roles/boss", null, staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/users", new { username = "mine", password = IdentityNode.Password, roles = new[] { "admin" } }, staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/roles", new { name = "mine", permissions = new[] { "*" } }, staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/roles", new { name = "mine", inherits = new[] { "admin" } }, staff)).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Put, "/api/v1/roles/staff", staff, new { permissions = new[] { "*" } })).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/groups", new { name = "mine", roles = new[] { "admin" } }, staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/permissions", new { name = "mine", resources = new[] { "*" } }, staff)).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Put, "/api/v1/users/admin/password", staff, new { password = "Taken-0ver!" })).Status);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/admin", staff)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/api-keys", new { name = "k", scopes = new[] { "*" }, user = "admin" }, staff)).Status);
        Assert.Equal(201, (await node.PostAsync("/api/v1/roles", new { name = "mine", permissions = new[] { "shop.orders:read" } }, staff)).Status);
        Assert.Equal(200, (await node.PostAsync("/api/v1/users/sam/roles/mine", null, staff)).Status);
    }

    [Fact]
    public async Task The_last_administrator_stays()
    {
        await using var node = await StartAsync();

        Assert.Equal(422, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/admin", node.Admin)).Status);
        Assert.Equal(422, (await node.SendAsync(HttpMethod.Patch, "/api/v1/users/admin", node.Admin, new { disabled = true })).Status);
        Assert.Equal(422, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/admin/roles/admin", node.Admin)).Status);
        Assert.Equal(422, (await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/me", node.Admin, new { password = IdentityNode.Password })).Status);
        await node.AddUserAsync("ada", "admin");
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/admin", await node.TokenAsync("ada"))).Status);
    }

    [Fact]
    public async Task A_question_about_many_permissions_is_answered_one_by_one_and_about_others_only_to_who_may_know()
    {
        await using var node = await StartAsync();
        await RoleAsync(node, "clerk", "shop.orders:read:team", "core.identity:use");
        var ada = await node.SignedInAsync("ada", "clerk");

        var answer = (await node.PostAsync("/api/v1/auth/check-permissions", new { permissions = new[] { "shop.orders:read", "shop.orders:read:team", "shop.orders:read:all", "shop.orders:delete" } }, ada)).Json;

        Assert.False((bool)answer["allowed"]!);
        Assert.Equal([true, true, false, false], answer["results"]!.AsArray().Select(r => (bool)r!["allowed"]!));
        Assert.Equal(403, (await node.PostAsync("/api/v1/auth/check-permissions", new { user = "admin", permission = "shop.orders:read" }, ada)).Status);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/check-permissions", new { }, ada)).Status);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/check-permissions", new { permission = "what" }, ada)).Status);
    }

    [Fact]
    public async Task Tenants_do_not_see_each_other_and_their_administrators_do_not_manage_the_node()
    {
        await using var node = await StartAsync();
        foreach (var tenant in new[] { "north", "south" })
            Assert.Equal(201, (await node.PostAsync("/api/v1/tenants", new { name = tenant, administrator = new { username = "root", password = IdentityNode.Password } }, node.Admin)).Status);
        async Task<string> Sign(string tenant) => (string)(await node.PostAsync("/login", new { username = "root", password = IdentityNode.Password, tenant })).Json["access_token"]!;
        var (north, south) = (await Sign("north"), await Sign("south"));

        var order = (string)(await node.PostAsync("/api/custom/shop/orders", new { title = "of the north" }, north)).Json["id"]!;
        Assert.Equal(200, (await node.GetAsync($"/api/custom/shop/orders/{order}", north)).Status);
        Assert.Equal(404, (await node.GetAsync($"/api/custom/shop/orders/{order}", south)).Status);
        Assert.Equal(404, (await node.GetAsync($"/api/custom/shop/orders/{order}", node.Admin)).Status);
        Assert.Equal(1, (int)(await node.GetAsync("/api/v1/users", north)).Json["total"]!);
        Assert.Equal(404, (await node.GetAsync("/api/v1/users/admin", north)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/plugins", north)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/tenants", north)).Status);
        Assert.Equal(401, (await node.PostAsync("/login", new { username = "root", password = IdentityNode.Password })).Status);
        await node.PostAsync("/api/v1/users", new { username = "ada", password = IdentityNode.Password }, north);
        Assert.Equal(404, (await node.GetAsync("/api/v1/users/ada", south)).Status);
    }

    private static async Task RoleAsync(IdentityNode node, string name, params string[] permissions)
    {
        var answer = await node.PostAsync("/api/v1/roles", new { name, permissions }, node.Admin);
        Assert.True(answer.Status == 201, answer.Text);
    }

    private static async Task<int> TryAsync(IdentityNode node, string token, string action, string order) => action switch
    {
        "read" => (await node.GetAsync($"/api/custom/shop/orders/{order}", token)).Status,
        "create" => (await node.PostAsync("/api/custom/shop/orders", new { title = "mine" }, token)).Status,
        "update" => (await node.SendAsync(HttpMethod.Put, $"/api/custom/shop/orders/{order}", token, new { title = "changed" })).Status,
        _ => (await node.SendAsync(HttpMethod.Delete, $"/api/custom/shop/orders/{order}", token)).Status,
    };

    public sealed record Order([property: StringLength(50)] string Title) : Resource;

    private sealed class ShopPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            plugin.AddResource<Order>("orders");
            plugin.MapEndpoints(routes => Microsoft.AspNetCore.Builder.AuthorizationEndpointConventionBuilderExtensions.RequireAuthorization(Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapGet(routes, "report", () => "all figures"), "shop.report:read"));
        }
    }
}
