using System.Diagnostics;

namespace Nexus.Cli.Cluster;

/// <summary>What a process of the cluster is and how it is started.</summary>
/// <param name="Name">Its name for people.</param>
/// <param name="Program">Path of the program.</param>
/// <param name="Arguments">Its arguments; secrets are not among them.</param>
/// <param name="Where">Where it listens, for people.</param>
internal sealed record MemberPlan(string Name, string Program, IReadOnlyList<string> Arguments, string Where)
{
    /// <summary>User as which it runs when this program is root; null for the same.</summary>
    public string? User { get; init; }

    /// <summary>Folder it runs in.</summary>
    public required string Folder { get; init; }

    /// <summary>Variables, secrets among them.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether it answers.</summary>
    public required Func<CancellationToken, Task<bool>> IsReady { get; init; }

    /// <summary>Signal that ends it in order.</summary>
    public int EndSignal { get; init; } = Signals.Terminate;

    /// <summary>Words of a line that people must see.</summary>
    public string? Tell { get; init; }
}

/// <summary>A running process of the cluster. Its output goes to a file; nothing is started again by itself.</summary>
internal sealed class Member : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private readonly StreamWriter log;
    private readonly Process process;
    private readonly Stopwatch clock = Stopwatch.StartNew();

    private Member(MemberPlan plan, string logFile, Action<string> say)
    {
        (Plan, LogFile) = (plan, logFile);
        log = new StreamWriter(new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
        var before = SystemPrograms.Before(plan.User);
        var start = new ProcessStartInfo(before[0], [.. before.Skip(1), plan.Program, .. plan.Arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = plan.Folder };
        foreach (var (name, value) in plan.Variables)
            start.Environment[name] = value;
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Write(line.Data, say);
        process.ErrorDataReceived += (_, line) => Write(line.Data, say);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Ended = process.WaitForExitAsync(CancellationToken.None);
    }

    public MemberPlan Plan { get; }

    public string LogFile { get; }

    public int Pid => process.Id;

    /// <summary>Completes when the process is gone.</summary>
    public Task Ended { get; }

    public int ExitCode => process.ExitCode;

    public TimeSpan Age => clock.Elapsed;

    public static Member Start(MemberPlan plan, string logs, Action<string> say) => new(plan, Path.Combine(logs, plan.Name + ".log"), say);

    /// <summary>Waits until it answers; false when it ended or took too long.</summary>
    public async Task<bool> ReadyAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        while (!process.HasExited && clock.Elapsed < atMost)
        {
            if (await Plan.IsReady(cancellationToken))
                return true;
            await Task.Delay(Look, cancellationToken);
        }

        return false;
    }

    /// <summary>Ends it in order, or by force past the time; false when force was needed.</summary>
    public async Task<bool> StopAsync(TimeSpan atMost)
    {
        SystemPrograms.Signal(Pid, Plan.EndSignal);
        var until = clock.Elapsed + atMost;
        // Its children may outlive it for a moment, and hold what the next start needs.
        while (!process.HasExited || SystemPrograms.Lives(Pid))
        {
            if (clock.Elapsed > until)
            {
                SystemPrograms.Signal(Pid, Signals.Kill);
                await Ended;
                return false;
            }

            await Task.Delay(20);
        }

        return true;
    }

    /// <summary>The end of what it wrote.</summary>
    public IEnumerable<string> LastLines(int count)
    {
        using var reader = new StreamReader(new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(count);
    }

    public void Dispose()
    {
        process.Dispose();
        log.Dispose();
    }

    private void Write(string? line, Action<string> say)
    {
        if (line is null)
            return;
        try
        {
            lock (log)
                log.WriteLine(line);
        }
        catch (ObjectDisposedException)
        {
            // Last words of a child behind the end.
        }

        if (Plan.Tell is { } words && line.Contains(words, StringComparison.Ordinal))
            say($"{Plan.Name}: {line.Trim()}");
    }
}
