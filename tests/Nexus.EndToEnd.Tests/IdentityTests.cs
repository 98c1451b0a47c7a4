using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>A host with identity as a process, the command line beside it, and SIGKILL in between.</summary>
public sealed class IdentityTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    [Fact]
    public async Task What_was_acknowledged_outlives_SIGKILL_and_what_was_revoked_stays_so()
    {
        await using var host = await StartAsync();
        var admin = await SignInAsync(host, "admin", First);
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/roles", new { name = "clerk", permissions = new[] { "core.identity:use", "platform.users:read" } });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/users", new { username = "ada", password = Password, roles = new[] { "clerk" } });
        var (kept, ended) = (await SignInAsync(host, "ada", Password), await SignInAsync(host, "ada", Password));
        var key = (string)(await SendAsync(host, kept, HttpMethod.Post, "/api/v1/api-keys", new { name = "k", scopes = new[] { "platform.users:read" } })).Body["key"]!;
        var revoked = (await SendAsync(host, kept, HttpMethod.Post, "/api/v1/api-keys", new { name = "r", scopes = new[] { "platform.users:read" } })).Body;
        await SendAsync(host, kept, HttpMethod.Delete, $"/api/v1/api-keys/{revoked["id"]}");
        await SendAsync(host, ended, HttpMethod.Post, "/api/v1/auth/logout");

        await host.KillAndRestartAsync();

        Assert.Equal(200, (await SendAsync(host, kept, HttpMethod.Get, "/api/v1/users")).Status);
        Assert.Equal(401, (await SendAsync(host, ended, HttpMethod.Get, "/api/v1/users")).Status);
        Assert.Equal(200, (await SendAsync(host, key, HttpMethod.Get, "/api/v1/users")).Status);
        Assert.Equal(401, (await SendAsync(host, (string)revoked["key"]!, HttpMethod.Get, "/api/v1/users")).Status);
        Assert.Equal(200, (await SendAsync(host, admin, HttpMethod.Get, "/api/v1/roles/clerk")).Status);
        Assert.Equal(401, (await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = First })).Status);
        Assert.NotEmpty(await SignInAsync(host, "ada", Password));
    }

    [Fact]
    public async Task The_command_line_of_the_machine_needs_no_sign_in_and_everybody_else_does()
    {
        await using var host = await StartAsync();
        var file = Path.Combine(host.Folder, "data", "run", "admin.token");
        var before = await File.ReadAllTextAsync(file);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        var list = await RunAsync(host, "plugin", "list");
        var made = await RunAsync(host, "auth", "users", "add", "ada", "--password", Password);
        var can = await RunAsync(host, "auth", "can", "ada", "platform.users", "read");
        await RunAsync(host, "auth", "users", "grant", "ada", "moderator");
        var may = await RunAsync(host, "auth", "can", "ada", "platform.users", "read");

        Assert.True(list.ExitCode == 0, list.Errors);
        Assert.Contains("core.identity", list.Output, StringComparison.Ordinal);
        Assert.True(made.ExitCode == 0, made.Errors);
        Assert.Equal((1, "no, none: None of the roles user allows platform.users:read."), (can.ExitCode, can.Output.Trim()));
        Assert.Equal((0, "yes, all: The role moderator allows platform.users:read:all: all records."), (may.ExitCode, may.Output.Trim()));
        Assert.Equal(HttpStatusCode.Unauthorized, (await host.Client.GetAsync("/api/v1/plugins")).StatusCode);
        await host.KillAndRestartAsync();
        Assert.NotEqual(before, await File.ReadAllTextAsync(file));
        Assert.Equal(401, (await SendAsync(host, before, HttpMethod.Get, "/api/v1/plugins")).Status);
    }

    [Fact]
    public async Task The_roles_that_a_plugin_brings_may_what_they_say_and_nothing_else()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Plugins, "finance.ledger")], [$"--plugins:core.identity:administratorPassword={First}"]);
        var admin = await SignInAsync(host, "admin", First);
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        const string ledger = "/api/business/ledger";
        var book = (string)(await SendAsync(host, admin, HttpMethod.Post, $"{ledger}/books", new { name = "Home", baseCommodity = "EUR", scale = 2 })).Body["id"]!;
        var account = (string)(await SendAsync(host, admin, HttpMethod.Post, $"{ledger}/books/{book}/accounts", new { path = "Assets:Bank", type = "asset" })).Body["id"]!;
        var seen = new List<string>();

        foreach (var role in new[] { "financial_analyst", "compliance_officer", "auditor", "viewer" })
        {
            await SendAsync(host, admin, HttpMethod.Post, "/api/v1/users", new { username = role, password = Password, roles = new[] { role } });
            var token = await SignInAsync(host, role, Password);
            var read = (await SendAsync(host, token, HttpMethod.Get, $"{ledger}/books/{book}/accounts")).Status;
            var audit = (await SendAsync(host, token, HttpMethod.Get, $"{ledger}/books/{book}/audit")).Status;
            var enter = (await SendAsync(host, token, HttpMethod.Post, $"{ledger}/books", new { name = role, baseCommodity = "EUR", scale = 2 })).Status;
            var change = (await SendAsync(host, token, HttpMethod.Put, $"{ledger}/accounts/{account}", new { name = role })).Status;
            var undo = (await SendAsync(host, token, HttpMethod.Post, $"{ledger}/imports/{Guid.NewGuid()}/undo")).Status;
            seen.Add($"{role}: read {read}, audit {audit}, enter {enter}, change {(change == 403 ? "403" : "let in")}, undo {undo}");
        }

        Assert.Equal(
        [
            "financial_analyst: read 200, audit 403, enter 201, change let in, undo 403",
            "compliance_officer: read 200, audit 200, enter 403, change 403, undo 403",
            "auditor: read 200, audit 200, enter 403, change 403, undo 403",
            "viewer: read 200, audit 403, enter 403, change 403, undo 403",
        ], seen);
    }

    private static Task<RunningHost> StartAsync() =>
        RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity")], [$"--plugins:core.identity:administratorPassword={First}"]);

    private static async Task<string> SignInAsync(RunningHost host, string name, string password) =>
        (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = name, password })).Body["access_token"]!;

    private static async Task<(int Status, JsonNode Body)> SendAsync(RunningHost host, string? token, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(RunningHost host, params string[] command)
    {
        var start = new ProcessStartInfo("dotnet", [Programs.Cli, .. command, "--url", host.Address.ToString()]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        start.Environment["NEXUS_HOME"] = host.Folder;
        start.Environment["NEXUS_TOKEN"] = "";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await errors);
    }
}
