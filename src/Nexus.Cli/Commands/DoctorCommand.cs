using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus doctor</c>: looks for what keeps a node from working and says what to do.</summary>
internal static class DoctorCommand
{
    private sealed record Finding(string Check, bool Ok, string Text, string Remedy = "");

    public static Command Build()
    {
        var command = new Command("doctor", "Look for what keeps Nexus from working on this machine; exits 1 when it finds something");
        command.SetAction(async (call, cancel) =>
        {
            List<Finding> findings = [await SdkAsync(cancel), Disk(), Writable(), await ConfigurationAsync(cancel), .. await HostAsync(call, cancel)];
            var json = new JsonArray([.. findings.Select(f => (JsonNode)new JsonObject { ["check"] = f.Check, ["ok"] = f.Ok, ["text"] = f.Text, ["remedy"] = f.Remedy })]);
            Output.Print(call, json, found => Output.Table(found, ("", row => Output.Get(row, "ok") == "true" ? "ok" : "!!"), Output.Column("CHECK", "check"), Output.Column("FOUND", "text"), Output.Column("WHAT TO DO", "remedy")));
            return findings.All(f => f.Ok) ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static async Task<Finding> SdkAsync(CancellationToken cancel)
    {
        try
        {
            var version = (await HostProgram.CaptureAsync("dotnet", ["--version"], Path.GetTempPath(), cancel)).Trim();
            return new("sdk", version.StartsWith("10.", StringComparison.Ordinal), $".NET SDK {version}", version.StartsWith("10.", StringComparison.Ordinal) ? "" : "Install the .NET SDK 10.");
        }
        catch (Exception error) when (error is CliException or System.ComponentModel.Win32Exception)
        {
            return new("sdk", false, "dotnet does not run", "Install the .NET SDK 10 and put it on the PATH.");
        }
    }

    private static Finding Disk()
    {
        var free = new DriveInfo(Path.GetPathRoot(Environment.CurrentDirectory)!).AvailableFreeSpace;
        return new("disk", free > 200L << 20, $"{free >> 20} MB free", free > 200L << 20 ? "" : "Free at least 200 MB; the storage refuses writes on a full disk.");
    }

    private static Finding Writable()
    {
        var folder = Environment.CurrentDirectory;
        try
        {
            var probe = Path.Combine(folder, $".nexus-{Guid.NewGuid():n}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            return new("folder", true, $"{folder} can be written");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new("folder", false, $"{folder} cannot be written: {error.Message}", "Run in another folder, or set database.directory.");
        }
    }

    private static async Task<Finding> ConfigurationAsync(CancellationToken cancel)
    {
        try
        {
            await HostProgram.CaptureAsync("dotnet", [HostProgram.Path, "tool", "config-validate"], Environment.CurrentDirectory, cancel);
            return new("configuration", true, "valid");
        }
        catch (CliException error)
        {
            return new("configuration", false, error.Message.Split('\n')[^1], "Run 'nexus config validate' and correct the listed keys.");
        }
    }

    private static async Task<IReadOnlyList<Finding>> HostAsync(ParseResult call, CancellationToken cancel)
    {
        using var host = Host.Of(call);
        try
        {
            var plugins = Output.Rows(await host.GetAsync("/api/v1/plugins", cancel));
            var broken = plugins.Where(p => Output.Get(p, "state") is { } s && (s.Equals("failed", StringComparison.OrdinalIgnoreCase) || s.Equals("quarantined", StringComparison.OrdinalIgnoreCase))).ToList();
            return [new("host", true, $"answers, {plugins.Count} plugins"), .. broken.Select(p => new Finding($"plugin {Output.Get(p, "id")}", false, Output.Get(p, "cause") ?? "failed", Output.Get(p, "remedy") ?? ""))];
        }
        catch (HttpRequestException)
        {
            return [PortFree() ? new("host", true, "not running; port 8000 is free") : new Finding("host", false, "port 8000 is taken by another program", "Stop that program, or run with --server:port=N.")];
        }
    }

    private static bool PortFree()
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, 8000);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
