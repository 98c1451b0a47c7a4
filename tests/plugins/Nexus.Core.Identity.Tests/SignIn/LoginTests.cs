using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Passwords;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.SignIn;

public sealed class LoginTests
{
    [Fact]
    public async Task The_first_administrator_must_change_the_one_time_password_before_anything_else()
    {
        await using var host = await PluginTestHost.StartAsync<IdentityPlugin>(options => options.Settings["plugins:core.identity:administratorPassword"] = IdentityNode.FirstPassword);
        async Task<(int, JsonNode?)> Send(HttpMethod method, string path, string? token, object? body = null)
        {
            using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : System.Net.Http.Json.JsonContent.Create(body) };
            if (token is not null) request.Headers.Authorization = new("Bearer", token);
            using var response = await host.Client.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
        }

        var (_, login) = await Send(HttpMethod.Post, "/login", null, new { username = "admin", password = IdentityNode.FirstPassword });
        var token = (string)login!["access_token"]!;
        Assert.True((bool)login["must_change_password"]!);
        var (refused, problem) = await Send(HttpMethod.Get, "/api/v1/users", token);
        Assert.Equal(403, refused);
        Assert.Equal("PASSWORD_CHANGE_REQUIRED", (string?)problem!["code"]);

        var (changed, _) = await Send(HttpMethod.Post, "/api/v1/auth/password/change", token, new { current_password = IdentityNode.FirstPassword, new_password = IdentityNode.Password });

        Assert.Equal(200, changed);
        var (allowed, _) = await Send(HttpMethod.Get, "/api/v1/users", token);
        Assert.Equal(200, allowed);
        var (old, _) = await Send(HttpMethod.Post, "/login", null, new { username = "admin", password = IdentityNode.FirstPassword });
        Assert.Equal(401, old);
    }

    [Fact]
    public async Task A_form_signs_in_as_JSON_does_and_an_address_as_a_name_does()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");

        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["user"] = "ada", ["password"] = IdentityNode.Password });
        var byForm = await node.Host.Client.PostAsync("/login", form);
        var byAddress = await node.LoginAsync("ADA@example.org", IdentityNode.Password);

        Assert.Equal(200, (int)byForm.StatusCode);
        Assert.Equal(200, byAddress.Status);
        Assert.Equal("ada", (string?)byAddress.Json["user"]!["username"]);
    }

    [Fact]
    public async Task The_user_lies_in_the_tree_with_a_hash_for_a_password()
    {
        await using var node = await IdentityNode.StartAsync();
        var id = await node.AddUserAsync("ada", "user");

        var shown = await node.GetAsync($"/api/v1/data/core/users/{id}", node.Admin);

        Assert.Equal("ada", (string?)shown.Json["userName"]);
        Assert.DoesNotContain("argon2", shown.Text, StringComparison.Ordinal);
        var stored = await node.Host.Services.GetRequiredService<IStorage>().FindAsync(new RecordKey("default", IStorage.Documents, $"core/users/{id}"), default);
        var json = System.Text.Encoding.UTF8.GetString(stored!.Json.Span);
        Assert.Contains("\"passwordHash\":\"$argon2id$v=19$m=19456,t=2,p=1$", json, StringComparison.Ordinal);
        Assert.DoesNotContain(IdentityNode.Password, json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ada")]
    [InlineData("nobody")]
    public async Task Five_wrong_tries_lock_an_account_for_15_minutes_whether_it_exists_or_not(string name)
    {
        var clock = new ShiftedClock();
        await using var node = await IdentityNode.StartAsync(options => options.Clock = clock);
        await node.AddUserAsync("ada", "user");

        clock.Hold();
        var tries = new List<Answer>();
        for (var i = 0; i < 5; i++) tries.Add(await node.LoginAsync(name, "wrong"));
        var sixth = await node.LoginAsync(name, IdentityNode.Password);

        Assert.Equal([4, 3, 2, 1, 0], tries.Select(t => (int)t.Json["attempts_remaining"]!));
        Assert.All(tries, t => Assert.Equal((401, "CREDENTIALS_INVALID", "The name or the password is wrong."), (t.Status, t.Code, (string?)t.Json["detail"])));
        Assert.Equal((423, "ACCOUNT_LOCKED"), (sixth.Status, sixth.Code));
        Assert.InRange((int)sixth.Json["retry_after"]!, 890, 900);
        clock.Advance(TimeSpan.FromMinutes(14.9));
        Assert.Equal(423, (await node.LoginAsync(name, IdentityNode.Password)).Status);
        clock.Advance(TimeSpan.FromMinutes(0.2));
        Assert.Equal(name == "ada" ? 200 : 401, (await node.LoginAsync(name, IdentityNode.Password)).Status);
    }

    [Fact]
    public async Task A_right_password_forgets_the_wrong_tries_and_an_administrator_unlocks()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");

        for (var i = 0; i < 4; i++) await node.LoginAsync("ada", "wrong");
        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
        for (var i = 0; i < 5; i++) await node.LoginAsync("ada@example.org", "wrong");
        Assert.Equal(423, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
        Assert.Equal("locked", (string?)(await node.GetAsync("/api/v1/users/ada", node.Admin)).Json["status"]);
        Assert.Equal(200, (await node.PostAsync("/api/v1/users/ada/unlock", null, node.Admin)).Status);

        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
    }

    [Fact]
    public async Task Of_a_hundred_guesses_at_once_no_more_than_five_are_looked_at()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada", "user");

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => node.LoginAsync("ada", $"guess {i}")));

        Assert.Equal(5, answers.Count(a => a.Status == 401));
        Assert.Equal(95, answers.Count(a => a.Status == 423));
    }

    [Theory]
    [InlineData("""{"username":"ada","password":7}""", 400)]
    [InlineData("""{"username":["ada"],"password":"x"}""", 400)]
    [InlineData("""{"username":"ada"}""", 422)]
    [InlineData("""{"password":"x"}""", 422)]
    [InlineData("""{"username":"","password":""}""", 422)]
    [InlineData("""[1,2]""", 400)]
    [InlineData("""null""", 400)]
    [InlineData("""{"username":"ada","password":""", 400)]
    [InlineData("""{"username":"\ud800","password":"\udfff"}""", 400)]
    [InlineData("""{"username":"ada\u0000","password":"x"}""", 401)]
    [InlineData("""{"username":"' OR 1=1 --","password":"' OR 1=1 --"}""", 401)]
    [InlineData("""{"username":{"$ne":null},"password":{"$ne":null}}""", 400)]
    [InlineData("""{"username":"ada","password":"x","tenant":"../core"}""", 401)]
    [InlineData("""{"username":"ada","password":"x","remember_me":"yes"}""", 400)]
    [InlineData("""{"username":"ada","password":"x","remember_me":true,"rememberMe":true}""", 400)]
    public async Task Hostile_sign_ins_are_refused_with_a_problem(string body, int status)
    {
        await using var node = await IdentityNode.StartAsync();

        var answer = await node.SendAsync(HttpMethod.Post, "/login", null, body);

        Assert.True(answer.Status == status, answer.Text);
        Assert.NotNull(answer.Code);
    }

    [Fact]
    public async Task A_password_beyond_all_measure_is_refused_without_being_hashed()
    {
        await using var node = await IdentityNode.StartAsync();

        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var clock = Stopwatch.StartNew();
            Assert.Equal(401, (await node.LoginAsync("admin", new string('x', 5_000))).Status);
            best = clock.Elapsed < best ? clock.Elapsed : best;
        }

        Assert.True(best < TimeSpan.FromSeconds(2), $"it took {best}");
    }

    [Fact]
    public async Task A_hash_of_an_older_method_is_renewed_by_the_next_sign_in()
    {
        await using var node = await IdentityNode.StartAsync();
        var id = await node.AddUserAsync("ada", "user");
        var old = new Pbkdf2().Hash(System.Text.Encoding.UTF8.GetBytes(IdentityNode.Password));
        var users = node.Get<Nexus.Core.Identity.Accounts.UserDirectory>();
        await users.ChangeAsync(new("default", id), u => u with { PasswordHash = old });

        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);

        Assert.StartsWith("$argon2id$", users.Find(new("default", id))!.PasswordHash, StringComparison.Ordinal);
        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
    }

    [Fact]
    public async Task The_same_password_composed_differently_is_the_same()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.PostAsync("/api/v1/users", new { username = "zoe", password = "Zo\u00eb-cr\u00e8me-9" }, node.Admin);

        Assert.Equal(200, (await node.LoginAsync("zoe", "Zoe\u0308-cre\u0300me-9")).Status);
        Assert.Equal(401, (await node.LoginAsync("zoe", "Zoe-creme-9")).Status);
    }
}
