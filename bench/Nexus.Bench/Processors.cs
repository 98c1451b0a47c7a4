using System.Diagnostics;
using System.Globalization;

namespace Nexus.Bench;

/// <summary>On how many of the machine's processors this program runs, all of its threads and what it starts from then on.</summary>
internal static class Processors
{
    public static void Use(int count)
    {
        using var taskset = Process.Start(new ProcessStartInfo("taskset", ["--all-tasks", "--cpu-list", "--pid", count == 1 ? "0" : $"0-{count - 1}", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("taskset did not start.");
        taskset.StandardOutput.ReadToEnd();
        taskset.WaitForExit();
        if (taskset.ExitCode != 0) throw new InvalidOperationException($"taskset ended with {taskset.ExitCode}: the machine needs {count} processors.");
    }
}
