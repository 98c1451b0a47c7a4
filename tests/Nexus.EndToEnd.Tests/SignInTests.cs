using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>The command line signs in to a host that asks who calls; the host here is a small one of the test, which keeps what it was sent.</summary>
public sealed class SignInTests : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("nexus-home-").FullName;

    public void Dispose() => Directory.Delete(home, recursive: true);

    [Fact]
    public async Task A_sign_in_is_kept_refreshed_and_forgotten()
    {
        using var host = new Guarded();
        var before = await RunAsync(host, "status");
        var signedIn = await RunAsync(host, "login", input: "first-password\nmy own password\n");
        var after = await RunAsync(host, "status");
        var refreshed = await RunAsync(host, "status");
        var signedOut = await RunAsync(host, "logout");
        var again = await RunAsync(host, "status");

        Assert.Equal(1, before.ExitCode);
        Assert.Contains("Sign in with 'nexus login'", before.Errors, StringComparison.Ordinal);
        Assert.True(signedIn.ExitCode == 0, signedIn.Errors);
        Assert.Equal((0, 0, 0, 1), (after.ExitCode, refreshed.ExitCode, signedOut.ExitCode, again.ExitCode));
        Assert.Equal(["login first-password", "change first-password my own password", "login my own password", "refresh r2"], host.Calls);
        Assert.DoesNotContain("password", await File.ReadAllTextAsync(Path.Combine(home, "tokens.json")), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(home, "tokens.json")));
    }

    [Fact]
    public async Task A_wrong_password_is_refused_and_nothing_is_kept()
    {
        using var host = new Guarded();

        var refused = await RunAsync(host, "login", input: "wrong\n");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("INVALID_CREDENTIALS", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync(host, "status")).ExitCode);
    }

    [Fact]
    public async Task A_token_of_the_environment_needs_no_sign_in()
    {
        using var host = new Guarded();

        Assert.Equal(0, (await RunAsync(host, "status", token: "a3")).ExitCode);
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(Guarded host, string command, string? input = null, string? token = null)
    {
        var start = new ProcessStartInfo("dotnet", [Programs.Cli, command, "--url", host.Address]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = home };
        start.Environment["NEXUS_HOME"] = home;
        start.Environment["NEXUS_TOKEN"] = token ?? "";
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input ?? "");
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await errors);
    }

    /// <summary>Answers sign-ins as the identity plugin does: the first password must be changed.</summary>
    private sealed class Guarded : IDisposable
    {
        private readonly HttpListener listener = new();
        private string password = "first-password";

        public Guarded()
        {
            Address = $"http://127.0.0.1:{RunningHost.FreePort()}";
            listener.Prefixes.Add(Address + "/");
            listener.Start();
            _ = Task.Run(ServeAsync);
        }

        public string Address { get; }

        public List<string> Calls { get; } = [];

        public void Dispose() => listener.Close();

        private async Task ServeAsync()
        {
            while (listener.IsListening)
            {
                try
                {
                    await AnswerAsync(await listener.GetContextAsync());
                }
                catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
                {
                    // The test is over, or a client hung up.
                }
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            var text = await new StreamReader(context.Request.InputStream).ReadToEndAsync();
            var body = text.Length > 0 ? JsonNode.Parse(text)! : new JsonObject();
            var (status, answer) = (context.Request.Url!.AbsolutePath, context.Request.Headers["Authorization"]) switch
            {
                ("/api/v1/auth/login", _) when (string?)body["password"] == password => Note($"login {password}", Grant(password == "first-password" ? "a1" : "a2")),
                ("/api/v1/auth/login", _) => (401, """{"code":"INVALID_CREDENTIALS","detail":"Wrong."}"""),
                ("/api/v1/auth/password/change", "Bearer a1") => Note($"change {body["currentPassword"]} {password = (string)body["newPassword"]!}", "{}"),
                ("/api/v1/auth/refresh", _) => Note($"refresh {body["refreshToken"]}", Grant("a3")),
                ("/api/v1/status", var bearer) when bearer is "Bearer a3" => (200, """{"status":"Healthy"}"""),
                _ => (401, """{"code":"AUTHENTICATION_REQUIRED","detail":"Who are you?"}"""),
            };
            context.Response.StatusCode = status;
            context.Response.ContentType = status == 200 ? "application/json" : "application/problem+json";
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(answer));
            context.Response.Close();
        }

        private (int, string) Note(string call, string answer)
        {
            Calls.Add(call);
            return (200, answer);
        }

        // The token of the own password is due for exchange at once; what it is exchanged for lasts.
        private static string Grant(string access) => $$"""{"access_token":"{{access}}","refresh_token":"r{{access[1]}}","expires_in":{{(access == "a2" ? 10 : 900)}},"must_change_password":{{(access == "a1" ? "true" : "false")}}}""";
    }
}
