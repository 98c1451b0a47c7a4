using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests;

public sealed class LoginTests
{
    private const string Password = "a one-time password";

    private static Task<PluginTestHost> StartAsync() =>
        PluginTestHost.StartAsync<IdentityPlugin>(options => options.Settings["plugins:core.identity:administratorPassword"] = Password);

    [Fact]
    public async Task The_first_administrator_signs_in_and_the_strategy_and_the_policy_know_it()
    {
        await using var host = await StartAsync();

        var response = await host.Client.PostAsJsonAsync("/login", new { username = "admin", password = Password });
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True((bool)body["must_change_password"]!);
        var plugin = host.Services.GetRequiredService<IPlugins>().Current.Find("core.identity")!;
        var found = await plugin.Authentication.Single(a => a.Name == "bearer").Authenticate(new Credentials { Authorization = $"Bearer {body["access_token"]}" }, default);
        Assert.Equal("Administrator", found.SignedIn!.Caller.Name);
        var decision = await plugin.Authorization!.Decide(new CallContext(found.SignedIn.Caller, found.SignedIn.Tenant, "r1"), "platform.users:read", default);
        Assert.Equal(AccessScope.All, decision.Scope);
    }

    [Theory]
    [InlineData("admin", "wrong")]
    [InlineData("nobody", Password)]
    public async Task A_wrong_password_and_an_unknown_name_get_the_same_answer(string name, string password)
    {
        await using var host = await StartAsync();

        var response = await host.Client.PostAsJsonAsync("/api/v1/auth/login", new { username = name, password });
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("CREDENTIALS_INVALID", (string?)body["code"]);
        Assert.Equal("The name or the password is wrong.", (string?)body["detail"]);
    }

    [Fact]
    public async Task A_form_signs_in_as_JSON_does()
    {
        await using var host = await StartAsync();

        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = "admin", ["password"] = Password });
        var response = await host.Client.PostAsync("/login", form);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task The_user_lies_in_the_tree_with_a_hash_for_a_password()
    {
        await using var host = await StartAsync();

        var users = await host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "core/users/" }, default);

        var json = System.Text.Encoding.UTF8.GetString(Assert.Single(users.Records).Json.Span);
        Assert.Contains("\"userName\":\"admin\"", json, StringComparison.Ordinal);
        Assert.Contains("\"passwordHash\":\"$argon2id$v=19$m=19456,t=2,p=1$", json, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, json, StringComparison.Ordinal);
    }
}
