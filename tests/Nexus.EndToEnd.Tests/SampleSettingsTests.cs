using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.EndToEnd.Tests;

/// <summary>The samples do what the configuration says, from a file and while they run.</summary>
public sealed class SampleSettingsTests
{
    [Fact]
    public async Task A_file_decides_how_many_users_there_are_whether_they_confirm_their_address_and_where_letters_come_from()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"), Sample("email"));
        var letters = Directory.CreateDirectory(Path.Combine(host.Folder, "letters")).FullName;
        await File.WriteAllTextAsync(Path.Combine(letters, "verification.txt"), "Is it you, {name}?\nSend us {code}.\n");
        await File.WriteAllTextAsync(Path.Combine(host.Folder, "nexus.yaml"), $"plugins:\n  users:\n    maxUsers: 2\n    emailVerification: true\n  email:\n    provider: sendgrid\n    templatesDir: {letters}\n");
        await host.PostAsync("/api/v1/config/reload");

        var ada = await host.PostAsync("/api/business/users/register", new { name = "Ada", email = "ada@example.org" });
        var asked = RunningHost.Rows(await host.UntilAsync("/api/integration/email/mails/", mails => RunningHost.Rows(mails).Count == 1)).Single();
        var code = Regex.Match((string)asked["body"]!, "^Send us ([0-9a-f]{16})\\.$").Groups[1].Value;
        var wrong = await host.Client.PostAsJsonAsync("/api/business/users/verify", new { code = "0123456789abcdef" });
        var verified = await host.PostAsync("/api/business/users/verify", new { code });
        var again = await host.Client.PostAsJsonAsync("/api/business/users/verify", new { code });
        await host.UntilAsync("/api/integration/email/mails/", mails => RunningHost.Rows(mails).Count == 2);

        Assert.Equal((false, true), ((bool)ada["verified"]!, (bool)verified["verified"]!));
        Assert.Equal(("Is it you, Ada?", "sendgrid", "verification"), ((string)asked["subject"]!, (string)asked["provider"]!, (string)asked["letter"]!));
        Assert.Equal((HttpStatusCode.UnprocessableEntity, HttpStatusCode.UnprocessableEntity), (wrong.StatusCode, again.StatusCode));
        Assert.True((bool)(await host.GetAsync($"/api/business/users/users/{ada["id"]}"))["verified"]!);
    }

    [Fact]
    public async Task The_user_beyond_the_most_is_refused_until_the_setting_is_raised()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"));
        Task<HttpResponseMessage> RegisterAsync(string name) => host.Client.PostAsJsonAsync("/api/business/users/register", new { name, email = name + "@example.org" });

        await host.Client.PutAsJsonAsync("/api/v1/plugins/users/config", new { maxUsers = 1 });
        var first = await RegisterAsync("ada");
        var second = await RegisterAsync("bob");
        await host.Client.PutAsJsonAsync("/api/v1/plugins/users/config", new { maxUsers = 2 });
        var third = await RegisterAsync("bob");

        Assert.Equal([201, 422, 201], new[] { first, second, third }.Select(r => (int)r.StatusCode));
        Assert.Contains("plugins.users.maxUsers", await second.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_page_of_settings_shows_comes_from_the_schema_of_the_plugin()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"));

        var settings = await host.GetAsync("/api/v1/plugins/users/config");
        var field = settings["schema"]!["properties"]!["maxUsers"]!;
        var outOfRange = await host.Client.PutAsJsonAsync("/api/v1/plugins/users/config", new { maxUsers = 0 });

        Assert.Equal("1000", (string?)settings["values"]!["maxUsers"]);
        Assert.Equal(("Most users", "How many users there may be; a registration beyond is refused.", 1, 1_000_000, 1000), ((string)field["title"]!, (string)field["description"]!, (int)field["minimum"]!, (int)field["maximum"]!, (int)field["default"]!));
        Assert.Equal(HttpStatusCode.BadRequest, outOfRange.StatusCode);
        Assert.Equal("/plugins/users/maxUsers", (string)JsonNode.Parse(await outOfRange.Content.ReadAsStringAsync())!["errors"]![0]!["pointer"]!);
    }

    [Fact]
    public async Task An_operator_changes_a_setting_by_command_and_sees_where_it_is_kept()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"));

        var set = await Programs.CliAsync(host, "plugin", "config", "set", "users", "maxUsers=7", "emailVerification=true");
        var shown = await Programs.CliAsync(host, "plugin", "config", "show", "users");
        var kept = await Programs.CliAsync(host, "data", "get", "plugins/business/users/config");
        var refused = await Programs.CliAsync(host, "plugin", "config", "set", "users", "maxUsers=0", "emailVerification=");
        var back = await Programs.CliAsync(host, "plugin", "config", "set", "users", "maxUsers=");
        var wrong = await Programs.CliAsync(host, "plugin", "config", "set", "users", "maxUsers");

        Assert.Equal((0, 0, 0, 1, 0, 64), (set.ExitCode, shown.ExitCode, kept.ExitCode, refused.ExitCode, back.ExitCode, wrong.ExitCode));
        Assert.Matches(@"maxUsers\s+7\s+How many users there may be", shown.Output);
        Assert.Contains("\"maxUsers\": 7", kept.Output, StringComparison.Ordinal);
        var values = (await host.GetAsync("/api/v1/plugins/users/config"))["values"]!;
        Assert.Equal(("1000", "true"), ((string?)values["maxUsers"], (string?)values["emailVerification"]));
    }

    private static string Sample(string name) => Path.Combine(Programs.Samples, name);
}
