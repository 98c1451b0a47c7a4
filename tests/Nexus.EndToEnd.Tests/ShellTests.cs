using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>Commands that talk to a host: what they print and how they end.</summary>
public sealed class ShellTests
{
    [Fact]
    public async Task A_shell_runs_one_command_a_line_and_ends_with_the_last_exit_code()
    {
        await using var host = await RunningHost.StartAsync();
        var start = new ProcessStartInfo("dotnet", [Programs.Cli, "dev-tools", "shell", "--url", host.Address.ToString()]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = host.Folder };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync("health\n\nexplain CONFLICT\nnonsense\nexit\n");
        process.StandardInput.Close();

        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Contains("healthy", output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("HTTP 409", output, StringComparison.Ordinal);
        Assert.Equal(64, process.ExitCode);
    }

    [Theory]
    [InlineData("status --json", "components")]
    [InlineData("health --json", "plugins")]
    [InlineData("config reload --json", "updated_keys")]
    [InlineData("plugin list --json", null)]
    [InlineData("routes --json", null)]
    [InlineData("services list --json", null)]
    [InlineData("data list --json", null)]
    [InlineData("events list --json", null)]
    [InlineData("explain --json", null)]
    [InlineData("doctor --json", null)]
    public async Task Programs_get_one_json_value(string command, string? member)
    {
        await using var host = await RunningHost.StartAsync();

        var answer = await Programs.CliAsync(host, command.Split(' '));

        Assert.True(answer.ExitCode == 0, answer.Errors);
        var json = JsonNode.Parse(answer.Output)!;
        Assert.True(member is null ? json is JsonArray : json[member] is not null, answer.Output);
    }

    [Fact]
    public async Task Without_a_host_the_exit_code_says_so_and_the_way_out_is_told()
    {
        var nobody = new Dictionary<string, string> { ["NEXUS_URL"] = $"http://127.0.0.1:{RunningHost.FreePort()}" };

        foreach (var command in new[] { "status", "health", "plugin list", "config reload" })
        {
            var answer = await Programs.RunAsync("dotnet", [Programs.Cli, .. command.Split(' ')], Path.GetTempPath(), nobody);
            Assert.Equal(69, answer.ExitCode);
            Assert.Contains("nexus run", answer.Errors, StringComparison.Ordinal);
        }
    }
}
