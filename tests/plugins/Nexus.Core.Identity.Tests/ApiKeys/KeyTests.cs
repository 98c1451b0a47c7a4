using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Core.Identity.Tests.ApiKeys;

public sealed class KeyTests
{
    [Fact]
    public async Task A_key_is_shown_once_kept_as_a_hash_and_listed_by_its_preview()
    {
        await using var node = await IdentityNode.StartAsync();

        var made = (await node.PostAsync("/api/v1/api-keys", new { name = "importer", scopes = new[] { "read:plugins" } }, node.Admin)).Json;
        var key = (string)made["key"]!;
        var before = (await node.GetAsync("/api/v1/api-keys", node.Admin)).Text;
        Assert.Equal(200, (await node.SendAsync(HttpMethod.Get, "/api/v1/plugins", null, null, ("X-API-Key", key))).Status);
        var listed = (await node.GetAsync("/api/v1/api-keys", node.Admin)).Json["items"]![0]!;

        Assert.StartsWith("nx_", key, StringComparison.Ordinal);
        Assert.Equal($"{key[..7]}…{key[^4..]}", (string?)listed["preview"]);
        Assert.DoesNotContain("last_used", before, StringComparison.Ordinal);
        Assert.NotNull(listed["last_used"]);
        Assert.Null(listed["key"]);
        Assert.Null(listed["hash"]);
        var stored = (await node.Host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "plugins/core/core.identity/data/keys/" }, default)).Records;
        Assert.DoesNotContain(key, System.Text.Encoding.UTF8.GetString(Assert.Single(stored).Json.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_may_only_what_its_scopes_and_the_roles_of_its_user_both_allow()
    {
        await using var node = await IdentityNode.StartAsync();
        var ada = await node.SignedInAsync("ada", "user");
        async Task<string> Key(string token, params string[] scopes) => (string)(await node.PostAsync("/api/v1/api-keys", new { name = "k", scopes }, token)).Json["key"]!;

        var (reader, none, hers) = (await Key(node.Admin, "read:plugins"), await Key(node.Admin), await Key(ada, "*"));

        Assert.Equal(200, (await node.GetAsync("/api/v1/plugins", reader)).Status);
        Assert.Equal(403, (await node.PostAsync("/api/v1/plugins/x/enable", null, reader)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/users", reader)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/plugins", none)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/auth/me", none)).Status);
        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", hers)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/plugins", hers)).Status);
    }

    [Fact]
    public async Task A_key_makes_no_wider_key()
    {
        await using var node = await IdentityNode.StartAsync();
        var key = (string)(await node.PostAsync("/api/v1/api-keys", new { name = "k", scopes = new[] { "core.identity:use", "read:plugins" } }, node.Admin)).Json["key"]!;

        Assert.Equal(403, (await node.PostAsync("/api/v1/api-keys", new { name = "wider", scopes = new[] { "*" } }, key)).Status);
        Assert.Equal(201, (await node.PostAsync("/api/v1/api-keys", new { name = "as wide", scopes = new[] { "read:plugins" } }, key)).Status);
    }

    [Fact]
    public async Task A_revoked_key_and_an_expired_one_are_401_at_once()
    {
        var clock = new ShiftedClock();
        await using var node = await IdentityNode.StartAsync(options => options.Clock = clock);
        var revoked = (await node.PostAsync("/api/v1/api-keys", new { name = "a", scopes = new[] { "*" } }, node.Admin)).Json;
        var expiring = (await node.PostAsync("/api/v1/api-keys", new { name = "b", scopes = new[] { "*" }, expires_in_days = 1 }, node.Admin)).Json;

        Assert.Equal(200, (await node.GetAsync("/api/v1/users", (string)revoked["key"]!)).Status);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/api-keys/{revoked["id"]}", node.Admin)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/users", (string)revoked["key"]!)).Status);
        Assert.Equal(200, (await node.GetAsync("/api/v1/users", (string)expiring["key"]!)).Status);
        clock.Advance(TimeSpan.FromDays(1.01));
        Assert.Equal(401, (await node.GetAsync("/api/v1/users", (string)expiring["key"]!)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/users", "nx_0000000000000000000000000000000000000000")).Status);
    }

    [Fact]
    public async Task Keys_of_others_are_not_found_but_by_who_manages_users()
    {
        await using var node = await IdentityNode.StartAsync();
        var (ada, bob) = (await node.SignedInAsync("ada", "user"), await node.SignedInAsync("bob", "user"));
        var id = (string)(await node.PostAsync("/api/v1/api-keys", new { name = "k" }, ada)).Json["id"]!;

        Assert.Equal(404, (await node.GetAsync($"/api/v1/api-keys/{id}", bob)).Status);
        Assert.Equal(404, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/api-keys/{id}", bob)).Status);
        Assert.Equal(403, (await node.GetAsync("/api/v1/api-keys?user=all", bob)).Status);
        Assert.Empty((await node.GetAsync("/api/v1/api-keys", bob)).Json["items"]!.AsArray());
        Assert.Single((await node.GetAsync("/api/v1/api-keys?user=all", node.Admin)).Json["items"]!.AsArray());
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/api-keys/{id}", node.Admin)).Status);
    }

    [Fact]
    public async Task A_key_has_a_rate_of_its_own()
    {
        await using var node = await IdentityNode.StartAsync();
        var key = (string)(await node.PostAsync("/api/v1/api-keys", new { name = "slow", scopes = new[] { "core.identity:use" }, requests_per_minute = 3 }, node.Admin)).Json["key"]!;

        var found = await node.Host.Services.GetRequiredService<IPlugins>().Current.Find("core.identity")!.Authentication.Single(a => a.Name == "api-key").Authenticate(new Credentials { ApiKey = key }, default);

        Assert.Equal(3, found.SignedIn!.RequestsPerMinute);
        Assert.StartsWith("key:", found.SignedIn.LimitKey, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"scopes":["*"]}""")]
    [InlineData("""{"name":"k","scopes":["everything"]}""")]
    [InlineData("""{"name":"k","expires_in_days":0}""")]
    [InlineData("""{"name":"k","expires_at":"2001-01-01T00:00:00Z"}""")]
    [InlineData("""{"name":"k","requests_per_minute":0}""")]
    public async Task What_cannot_be_a_key_is_refused(string body)
    {
        await using var node = await IdentityNode.StartAsync();

        Assert.Equal(422, (await node.SendAsync(HttpMethod.Post, "/api/v1/api-keys", node.Admin, body)).Status);
    }
}
