using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Nexus.Tests.Shared;

/// <summary>This test program started again as the process to kill: what it acknowledges, a line each on its output, must have survived.</summary>
internal static class KilledProgram
{
    private const string LimitVariable = "NEXUS_KILL_AFTER";
    private const int Slack = 20;

    private static readonly Stream Output = Console.OpenStandardOutput();
    private static readonly int Limit = int.TryParse(Environment.GetEnvironmentVariable(LimitVariable), out var limit) ? limit : int.MaxValue;
    private static int written;

    /// <summary>Kills it (SIGKILL) after some acknowledgements and gives back all of them; the variable tells the program what it is there for.</summary>
    public static async Task<List<string>> RunAsync(string variable, string value, int acknowledgements, bool mayEnd = false)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, Self) { RedirectStandardOutput = true, Environment = { [variable] = value, [LimitVariable] = acknowledgements < int.MaxValue - Slack ? $"{acknowledgements + Slack}" : null } })!;
        var lines = new List<string>();
        while (lines.Count < acknowledgements && await child.StandardOutput.ReadLineAsync() is { } line)
            lines.Add(line);
        var ended = lines.Count < acknowledgements;
        child.Kill();
        while (await child.StandardOutput.ReadLineAsync() is { } line)
            lines.Add(line);
        await child.WaitForExitAsync();
        Assert.True(mayEnd || !ended, $"the program ended by itself after {string.Join(", ", lines.TakeLast(3))}");

        // The kill may cut the last line off, and half an id proves nothing.
        return [.. lines.Where(l => l.EndsWith(';')).Select(l => l[..^1])];
    }

    /// <summary>In the program: writes for ever from several tasks and acknowledges each id once it was written.</summary>
    public static Task WriteForeverAsync(int writers, Func<int, int, string, Task> writeAsync)
    {
        var run = Guid.NewGuid().ToString("N");
        return Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; ; i++)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"{run}-{writer}-{i}");
                await writeAsync(writer, i, id);
                Acknowledge(id);
            }
        })));
    }

    /// <summary>In the program: tells that something is done for good.</summary>
    public static void Acknowledge(string id)
    {
        lock (Output)
        {
            Output.Write(Encoding.ASCII.GetBytes(id + ";\n"));
            // The kill is on its way, late where the machine is busy; a program that went on might be done before it comes.
            if (++written >= Limit) new ManualResetEventSlim().Wait();
        }
    }

    // "dotnet Tests.dll" runs under the name of dotnet, the built program under its own.
    private static string[] Self => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
}
