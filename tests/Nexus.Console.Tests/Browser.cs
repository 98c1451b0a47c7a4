using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Nexus.EndToEnd.Tests;
using Nexus.Tests.Shared;

// A walk is a host, a browser and sometimes a database: two at once take longer than one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Nexus.Console.Tests;

/// <summary>Walks through the console in Debian's Chromium, by the scripts in <c>tests/foreign/console</c>.</summary>
internal static class Browser
{
    public const string Password = "Correct-Horse-9-Battery";

    private static readonly string? Executable = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);

    /// <summary>A host on SQLite with identity, audit and the named samples.</summary>
    public static Task<RunningHost> HostAsync(params string[] samples) => HostAsync(samples, []);

    /// <summary>The same with options of the command line.</summary>
    /// <param name="samples">Folders of samples.</param>
    /// <param name="options">What the command line says.</param>
    /// <param name="database">Address of a PostgreSQL database, as <c>DATABASE_URL</c> has it; null means SQLite.</param>
    public static async Task<RunningHost> HostAsync(string[] samples, string[] options, string? database = null)
    {
        const string First = "First-Horse-7-Battery";
        string[] plugins = ["core.identity", "core.audit", .. database is null ? Array.Empty<string>() : ["engines.postgresql"]];
        var host = await RunningHost.StartAsync(
            [.. plugins.Select(p => Path.Combine(Programs.Plugins, p)), .. samples.Select(s => Path.Combine(Programs.Samples, s))],
            [$"--plugins:core.identity:administratorPassword={First}", .. options],
            database is null ? null : new Dictionary<string, string> { ["DATABASE_URL"] = database });
        var token = (string?)(await host.PostAsync("/api/v1/auth/login", new { username = "admin", password = First }))["access_token"];
        using var change = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/password/change") { Content = JsonContent.Create(new { currentPassword = First, newPassword = Password }) };
        change.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var changed = await host.Client.SendAsync(change);
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
        return host;
    }

    /// <summary>Runs a walk to its end; what it printed. The test is skipped, with the reason, where there is no browser.</summary>
    public static async Task<string> WalkAsync(string name, RunningHost host, object? more = null)
    {
        Assert.SkipWhen(Executable is null, "chromium is not installed; install the Debian package chromium");
        var folder = await ForeignTools.FolderAsync("console");
        var input = JsonSerializer.SerializeToNode(new
        {
            address = host.Address.ToString().TrimEnd('/'),
            executable = Executable,
            password = Password,
            pid = host.Pid,
            token = (await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "run", "admin.token"))).Trim(),
            shots = Path.Combine(Programs.Root, "artifacts", "console", host.Environment.ContainsKey("DATABASE_URL") ? "postgresql" : "sqlite"),
        })!.AsObject();
        foreach (var (key, value) in JsonSerializer.SerializeToNode(more ?? new { })!.AsObject())
            input[key] = value?.DeepClone();
        var (code, output, errors) = await ToolProcess.RunAsync("node", [Path.Combine(folder, name + ".mjs"), input.ToJsonString()], folder, seconds: 900);
        Assert.True(code == 0 && output.Contains("whole", StringComparison.Ordinal), $"{name} ended with {code}:\n{errors}\n{output}\n{host.Log}");
        return output;
    }
}
