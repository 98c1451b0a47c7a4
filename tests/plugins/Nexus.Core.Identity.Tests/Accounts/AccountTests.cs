using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Passwords;

namespace Nexus.Core.Identity.Tests.Accounts;

public sealed class AccountTests
{
    [Fact]
    public async Task Who_registers_signs_in_after_the_link_of_the_letter_was_opened_and_the_link_works_once()
    {
        await using var node = await IdentityNode.StartAsync();

        var registered = await node.PostAsync("/api/v1/auth/register", new { username = "ada", email = "ada@example.org", password = IdentityNode.Password });
        Assert.Equal((201, "unverified"), (registered.Status, (string?)registered.Json["status"]));
        var early = await node.LoginAsync("ada", IdentityNode.Password);
        Assert.Equal((403, "EMAIL_NOT_VERIFIED"), (early.Status, early.Code));
        Assert.Equal("CREDENTIALS_INVALID", (await node.LoginAsync("ada", "wrong")).Code);
        var token = IdentityNode.TokenOf((await node.LettersAsync("ada@example.org"))[0]);

        Assert.Equal(200, (await node.GetAsync($"/api/v1/auth/verify-email?token={token}")).Status);

        var login = await node.LoginAsync("ada@example.org", IdentityNode.Password);
        Assert.Equal((200, "user"), (login.Status, (string?)login.Json["user"]!["roles"]![0]));
        Assert.Equal("TOKEN_INVALID", (await node.PostAsync("/api/v1/auth/verify-email", new { token })).Code);
    }

    [Fact]
    public async Task A_letter_is_sent_again_only_to_an_address_that_waits_and_the_answer_says_nothing()
    {
        await using var node = await IdentityNode.StartAsync();
        await node.PostAsync("/api/v1/auth/register", new { username = "ada", email = "ada@example.org", password = IdentityNode.Password });

        var waiting = await node.PostAsync("/api/v1/auth/verify-email/resend", new { email = "ada@example.org" });
        var unknown = await node.PostAsync("/api/v1/auth/verify-email/resend", new { email = "bob@example.org" });

        Assert.Equal((202, waiting.Text), (unknown.Status, unknown.Text));
        Assert.Equal(2, (await node.LettersAsync("ada@example.org", 2)).Length);
    }

    [Theory]
    [InlineData("ADA", "other@example.org", "/username")]
    [InlineData("\uff41\uff44\uff41", "other@example.org", "/username")]
    [InlineData("other", "Ada@Example.org", "/email")]
    public async Task A_name_and_an_address_are_taken_however_they_are_written(string name, string email, string pointer)
    {
        await using var node = await IdentityNode.StartAsync();
        await node.AddUserAsync("ada");

        var answer = await node.PostAsync("/api/v1/auth/register", new { username = name, email, password = IdentityNode.Password });

        Assert.Equal((409, "UNIQUE_VIOLATION"), (answer.Status, answer.Code));
        Assert.Equal(pointer, (string?)answer.Json["errors"]![0]!["pointer"]);
    }

    [Fact]
    public async Task Of_fifty_who_register_one_name_at_once_one_gets_it()
    {
        await using var node = await IdentityNode.StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => node.PostAsync("/api/v1/auth/register", new { username = "ada", email = $"ada{i}@example.org", password = IdentityNode.Password })));

        Assert.Single(answers, a => a.Status == 201);
        Assert.Equal(49, answers.Count(a => a.Status == 409));
        Assert.Equal(2, (int)(await node.GetAsync("/api/v1/users", node.Admin)).Json["total"]!);
    }

    [Fact]
    public async Task A_flood_of_registrations_is_throttled_and_the_node_serves_on()
    {
        await using var node = await IdentityNode.StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => node.PostAsync("/api/v1/auth/register", new { username = $"u{i}", email = $"u{i}@example.org", password = IdentityNode.Password })));

        Assert.Equal(60, answers.Count(a => a.Status == 201));
        Assert.Equal(140, answers.Count(a => a.Status == 429));
        Assert.Equal(200, (await node.LoginAsync("admin", IdentityNode.Password)).Status);
    }

    [Theory]
    [InlineData("""{"username":"a b","email":"ada@example.org","password":"Correct-Horse-7"}""", "/username")]
    [InlineData("""{"username":"../admin","email":"ada@example.org","password":"Correct-Horse-7"}""", "/username")]
    [InlineData("""{"username":"ada","email":"no address","password":"Correct-Horse-7"}""", "/email")]
    [InlineData("""{"username":"ada","email":"ada@example.org\r\nBcc: all@example.org","password":"Correct-Horse-7"}""", "/email")]
    [InlineData("""{"username":"ada","email":"Ada <ada@example.org>","password":"Correct-Horse-7"}""", "/email")]
    [InlineData("""{"username":"ada","password":"Correct-Horse-7"}""", "/email")]
    [InlineData("""{"username":"ada","email":"ada@example.org"}""", "/password")]
    [InlineData("""{"username":"ada","email":"ada@example.org","password":"Sh0rt!"}""", "/password")]
    [InlineData("""{"username":"ada","email":"ada@example.org","password":"alllowercase"}""", "/password")]
    [InlineData("""{"username":"ada","email":"ada@example.org","password":"Password123"}""", "/password")]
    [InlineData("""{"username":"adalovelace","email":"ada@example.org","password":"Adalovelace-1"}""", "/password")]
    public async Task What_cannot_be_an_account_is_refused_field_by_field(string body, string pointer)
    {
        await using var node = await IdentityNode.StartAsync();

        var answer = await node.SendAsync(HttpMethod.Post, "/api/v1/auth/register", null, body);

        Assert.Equal((422, "VALIDATION_ERROR"), (answer.Status, answer.Code));
        Assert.Contains(answer.Json["errors"]!.AsArray(), e => (string?)e!["pointer"] == pointer);
    }

    [Theory]
    [InlineData("""{"username":"ada","email":"ada@example.org","password":"Correct-Horse-7","roles":["admin"]}""")]
    [InlineData("""{"username":"ada","email":"ada@example.org","password":"Correct-Horse-7","emailVerified":true}""")]
    public async Task Nobody_registers_with_rights(string body)
    {
        await using var node = await IdentityNode.StartAsync();

        Assert.Equal(400, (await node.SendAsync(HttpMethod.Post, "/api/v1/auth/register", null, body)).Status);
    }

    [Fact]
    public async Task A_password_is_reset_by_a_letter_which_ends_all_sessions_and_opens_the_account()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");
        for (var i = 0; i < 5; i++) await node.LoginAsync("ada", "wrong");

        var known = await node.PostAsync("/api/v1/auth/password/forgot", new { email = "ada@example.org" });
        var unknown = await node.PostAsync("/api/v1/auth/password/forgot", new { email = "nobody@example.org" });
        Assert.Equal((202, known.Text), (unknown.Status, unknown.Text));
        var reset = IdentityNode.TokenOf((await node.LettersAsync("ada@example.org"))[0]);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/password/reset", new { token = reset, new_password = "weak" })).Status);
        Assert.Equal(200, (await node.PostAsync("/api/v1/auth/password/reset", new { token = reset, new_password = "Brand-New-Horse-8" })).Status);

        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", token)).Status);
        Assert.Equal(401, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
        Assert.Equal(200, (await node.LoginAsync("ada", "Brand-New-Horse-8")).Status);
        Assert.Equal("TOKEN_INVALID", (await node.PostAsync("/api/v1/auth/password/reset", new { token = reset, new_password = "Another-Horse-9" })).Code);
    }

    [Fact]
    public async Task A_letter_from_before_a_change_of_password_sets_nothing_and_one_of_another_kind_neither()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");
        await node.PostAsync("/api/v1/auth/password/forgot", new { email = "ada@example.org" });
        var reset = IdentityNode.TokenOf((await node.LettersAsync("ada@example.org"))[0]);

        Assert.Equal("TOKEN_INVALID", (await node.PostAsync("/api/v1/auth/verify-email", new { token = reset })).Code);
        Assert.Equal(200, (await node.PostAsync("/api/v1/auth/password/change", new { current_password = IdentityNode.Password, new_password = "Brand-New-Horse-8" }, token)).Status);

        Assert.Equal("TOKEN_INVALID", (await node.PostAsync("/api/v1/auth/password/reset", new { token = reset, new_password = "Another-Horse-9" })).Code);
    }

    [Fact]
    public async Task A_change_of_password_needs_the_old_one_ends_other_sessions_and_takes_none_of_the_last_five()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");
        var other = await node.TokenAsync("ada");

        Assert.Equal("CREDENTIALS_INVALID", (await node.PostAsync("/api/v1/auth/password/change", new { current_password = "wrong", new_password = "Brand-New-Horse-8" }, token)).Code);
        Assert.Equal("reused", (string?)(await node.PostAsync("/api/v1/auth/password/change", new { current_password = IdentityNode.Password, new_password = IdentityNode.Password }, token)).Json["errors"]![0]!["code"]);
        Assert.Equal(200, (await node.PostAsync("/api/v1/auth/password/change", new { current_password = IdentityNode.Password, new_password = "Brand-New-Horse-8" }, token)).Status);

        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", token)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", other)).Status);
        Assert.Equal("reused", (string?)(await node.PostAsync("/api/v1/auth/password/change", new { current_password = "Brand-New-Horse-8", new_password = IdentityNode.Password }, token)).Json["errors"]![0]!["code"]);
    }

    [Fact]
    public async Task A_profile_and_preferences_are_kept_and_a_new_address_must_be_proved()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        await node.SendAsync(HttpMethod.Patch, "/api/v1/auth/me", token, new { displayName = "Ada L.", profile = new { phone = "1", title = "Countess" } });
        var changed = await node.SendAsync(HttpMethod.Patch, "/api/v1/auth/me", token, """{"email":"new@example.org","profile":{"phone":null}}""");
        await node.SendAsync(HttpMethod.Put, "/api/v1/auth/me/preferences", token, new { currency = "EUR", language = "de", theme = "dark" });
        await node.SendAsync(HttpMethod.Patch, "/api/v1/auth/me/preferences", token, new { theme = "light" });

        Assert.Equal(("Ada L.", "Countess", false), ((string?)changed.Json["displayName"], (string?)changed.Json["profile"]!["title"], (bool)changed.Json["emailVerified"]!));
        Assert.Null(changed.Json["profile"]!["phone"]);
        var preferences = (await node.GetAsync("/api/v1/auth/me/preferences", token)).Json;
        Assert.Equal(("EUR", "light"), ((string?)preferences["currency"], (string?)preferences["theme"]));
        var proof = IdentityNode.TokenOf((await node.LettersAsync("new@example.org"))[0]);
        Assert.Equal(200, (await node.GetAsync($"/api/v1/auth/verify-email?token={proof}")).Status);
        Assert.True((bool)(await node.GetAsync("/api/v1/auth/me", token)).Json["emailVerified"]!);
        Assert.Equal(200, (await node.LoginAsync("new@example.org", IdentityNode.Password)).Status);
        Assert.Equal(401, (await node.LoginAsync("ada@example.org", IdentityNode.Password)).Status);
    }

    [Theory]
    [InlineData("de-AT", "Neues Passwort setzen", "Guten Tag Ada,", "Der Link gilt einmal und 60 Minuten.")]
    [InlineData("fr", "Set a new password", "Hello Ada,", "It works once and for 60 minutes.")]
    [InlineData(null, "Set a new password", "Hello Ada,", "It works once and for 60 minutes.")]
    public async Task A_letter_is_written_in_the_language_that_its_reader_prefers(string? language, params string[] texts)
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");
        await node.SendAsync(HttpMethod.Patch, "/api/v1/auth/me", token, new { displayName = "Ada" });
        await node.SendAsync(HttpMethod.Put, "/api/v1/auth/me/preferences", token, new { language });
        var before = (await node.LettersAsync("ada@example.org", 0)).Length;

        await node.PostAsync("/api/v1/auth/password/forgot", new { email = "ada@example.org" });
        var letter = (await node.LettersAsync("ada@example.org", before + 1))[^1];

        Assert.All(texts, text => Assert.Contains(text, letter, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Preferences_do_not_grow_without_end()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        Assert.Equal(422, (await node.SendAsync(HttpMethod.Put, "/api/v1/auth/me/preferences", token, Enumerable.Range(0, 30).ToDictionary(i => $"k{i}", _ => new string('x', 900)))).Status);
    }

    [Fact]
    public async Task A_deleted_account_is_gone_with_sessions_keys_and_documents_and_its_name_is_free()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");
        var key = (string)(await node.PostAsync("/api/v1/api-keys", new { name = "k", scopes = new[] { "core.identity:use" } }, token)).Json["key"]!;
        Assert.Equal(200, (await node.GetAsync("/api/v1/auth/me", key)).Status);

        Assert.Equal("CREDENTIALS_INVALID", (await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/me", token, new { password = "wrong" })).Code);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/auth/me", token, new { password = IdentityNode.Password })).Status);

        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", token)).Status);
        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", key)).Status);
        Assert.Equal(401, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
        var storage = node.Host.Services.GetRequiredService<IStorage>();
        var left = (await storage.QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, Limit = 1000 }, default)).Records.Where(r => System.Text.Encoding.UTF8.GetString(r.Json.Span).Contains("\"ada\"", StringComparison.Ordinal));
        Assert.Empty(left);
        await node.AddUserAsync("ada");
    }

    [Fact]
    public async Task A_disabled_user_is_out_at_once_and_is_told_so_only_with_the_right_password()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        await node.SendAsync(HttpMethod.Patch, "/api/v1/users/ada", node.Admin, new { disabled = true });

        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", token)).Status);
        Assert.Equal("CREDENTIALS_INVALID", (await node.LoginAsync("ada", "wrong")).Code);
        Assert.Equal("ACCOUNT_DISABLED", (await node.LoginAsync("ada", IdentityNode.Password)).Code);
    }

    [Fact]
    public async Task A_password_that_an_administrator_sets_must_be_changed()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        await node.SendAsync(HttpMethod.Put, "/api/v1/users/ada/password", node.Admin, new { password = "Given-By-Admin-1" });

        Assert.Equal(401, (await node.GetAsync("/api/v1/auth/me", token)).Status);
        var login = await node.LoginAsync("ada", "Given-By-Admin-1");
        Assert.True((bool)login.Json["must_change_password"]!);
        Assert.Equal("PASSWORD_CHANGE_REQUIRED", (await node.GetAsync("/api/v1/auth/sessions", (string)login.Json["access_token"]!)).Code);
    }

    [Fact]
    public async Task Users_are_listed_page_by_page_and_found_by_a_part_of_their_name()
    {
        await using var node = await IdentityNode.StartAsync();
        foreach (var name in new[] { "ada", "bob", "eve" }) await node.AddUserAsync(name);

        var first = (await node.GetAsync("/api/v1/users?limit=2", node.Admin)).Json;
        var second = (await node.GetAsync($"/api/v1/users?limit=2&cursor={first["nextCursor"]}", node.Admin)).Json;

        Assert.Equal(["ada", "admin", "bob", "eve"], first["items"]!.AsArray().Concat(second["items"]!.AsArray()).Select(u => (string)u!["username"]!));
        Assert.Null(second["nextCursor"]);
        Assert.Equal("bob", (string?)Assert.Single((await node.GetAsync("/api/v1/users?q=BO", node.Admin)).Json["items"]!.AsArray())!["username"]);
        Assert.DoesNotContain("argon2", first.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registration_can_be_closed()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Settings["plugins:core.identity:registration"] = "false");

        Assert.Equal(403, (await node.PostAsync("/api/v1/auth/register", new { username = "ada", email = "ada@example.org", password = IdentityNode.Password })).Status);
    }

    [Fact]
    public async Task A_lock_out_counts_a_flood_of_invented_names_within_bounded_memory()
    {
        using var lockouts = new Lockouts(new PasswordOptions(), TimeProvider.System);
        for (var i = 0; i < 120_000; i++)
        {
            var name = new Nexus.Core.Identity.Accounts.Place("default", $"?{i}");
            Assert.Null(await lockouts.BeginAsync(name, default));
            await lockouts.EndAsync(name, false);
        }

        Assert.InRange(lockouts.Count, 1, 100_000);
    }
}
