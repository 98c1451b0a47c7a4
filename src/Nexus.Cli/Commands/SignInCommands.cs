using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus login</c> and <c>nexus logout</c>: who the command line is for a host.</summary>
internal static class SignInCommands
{
    public static Command BuildLogin()
    {
        var user = new Argument<string>("user") { Description = "Name or e-mail address", DefaultValueFactory = _ => "admin" };
        var code = new Option<string?>("--code") { Description = "Code of the second factor" };
        var command = new Command("login", "Sign in to a host; passwords are asked for, or read from the input, one a line") { user, code };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            SignInStore.Store(host.Address, null);
            var password = await AskAsync("Password: ", cancel);
            var grant = await SignInAsync(host, call.GetValue(user)!, password, call.GetValue(code), cancel);
            if ((bool?)grant["must_change_password"] == true)
            {
                await Console.Error.WriteLineAsync("This password was for one time; choose your own.");
                var chosen = await AskAsync("New password: ", cancel);
                SignInStore.Store(host.Address, grant);
                await host.PostAsync("/api/v1/auth/password/change", new JsonObject { ["currentPassword"] = password, ["newPassword"] = chosen }, cancel);
                SignInStore.Store(host.Address, null);
                grant = await SignInAsync(host, call.GetValue(user)!, chosen, call.GetValue(code), cancel);
            }

            SignInStore.Store(host.Address, grant);
            return Output.Print(call, new JsonObject { ["host"] = host.Address.ToString(), ["user"] = call.GetValue(user) }, _ => Console.WriteLine($"signed in to {host.Address} as {call.GetValue(user)}"));
        });
        return command;
    }

    public static Command BuildLogout()
    {
        var command = new Command("logout", "Forget the tokens of a host");
        command.SetAction(call =>
        {
            using var host = Host.Of(call);
            SignInStore.Store(host.Address, null);
            return Output.Print(call, new JsonObject { ["host"] = host.Address.ToString() }, _ => Console.WriteLine($"signed out of {host.Address}"));
        });
        return command;
    }

    private static async Task<JsonObject> SignInAsync(Host host, string user, string password, string? code, CancellationToken cancel)
    {
        var body = new JsonObject { ["username"] = user, ["password"] = password };
        if (code is not null) body["code"] = code;
        return await host.PostAsync("/api/v1/auth/login", body, cancel) as JsonObject ?? throw new CliException("nexus: the host's answer to the sign-in cannot be read.");
    }

    /// <summary>Reads a line without showing it on a terminal.</summary>
    private static async Task<string> AskAsync(string prompt, CancellationToken cancel)
    {
        if (Console.IsInputRedirected) return await Console.In.ReadLineAsync(cancel) ?? throw new CliException("nexus: the input has no password.\nusage: nexus login [user]", ExitCodes.Usage);
        await Console.Error.WriteAsync(prompt);
        var typed = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is var key && key.Key != ConsoleKey.Enter)
        {
            if (key.Key != ConsoleKey.Backspace) typed.Append(key.KeyChar);
            else if (typed.Length > 0) typed.Length--;
        }

        await Console.Error.WriteLineAsync();
        return typed.ToString();
    }
}
