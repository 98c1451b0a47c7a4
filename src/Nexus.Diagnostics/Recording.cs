using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing.Stacks;
using Microsoft.Diagnostics.Tracing.Stacks.Formats;
using Microsoft.Diagnostics.Symbols;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Etlx;

namespace Nexus.Diagnostics;

/// <summary>
/// What the runtime's own diagnostics port tells of a running node, as files that tools of others open: events (.nettrace), sampled stacks (speedscope), memory (a core dump).
/// Each file is new and readable by its owner alone: paths, addresses and, in a dump, secrets stand in them.
/// </summary>
internal static class Recording
{
    /// <summary>A recording ends before its time when it has become so long.</summary>
    public const long MaxBytes = 1L << 30;

    private const int BufferMegabytes = 128;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly EventPipeProvider Samples = new("Microsoft-DotNETCore-SampleProfiler", EventLevel.Informational);

    // Collections, loading, exceptions, contention, threads of the pool; requests, and the stacks of all threads.
    private static readonly EventPipeProvider[] Events =
    [
        new("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, 0x1 | 0x8 | 0x4000 | 0x8000 | 0x10000),
        new("Microsoft.AspNetCore.Hosting", EventLevel.Informational),
        new("System.Net.Http", EventLevel.Informational),
        Samples,
    ];

    // The methods' names come with what the runtime writes at the end.
    private static readonly EventPipeProvider[] Stacks = [new("Microsoft-Windows-DotNETRuntime", EventLevel.Informational), Samples];

    /// <summary>Records events.</summary>
    public static Task TraceAsync(int process, string file, TimeSpan length, Action<TimeSpan, long> progress, CancellationToken stop) => RecordAsync(process, Events, file, length, progress, stop);

    /// <summary>Samples the stacks of all managed threads and writes them for speedscope.</summary>
    public static async Task ProfileAsync(int process, string file, TimeSpan length, Action<TimeSpan, long> progress, CancellationToken stop)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-profile-").FullName;
        try
        {
            var trace = Path.Combine(folder, "profile.nettrace");
            await RecordAsync(process, Stacks, trace, length, progress, stop);
            using var log = new TraceLog(TraceLog.CreateFromEventPipeDataFile(trace));
            using var symbols = new SymbolReader(TextWriter.Null) { SymbolPath = "" };
            var stacks = new MutableTraceEventStackSource(log) { OnlyManagedCodeStacks = true };
            new SampleProfilerThreadTimeComputer(log, symbols) { IncludeEventSourceEvents = false }.GenerateThreadTimeStacks(stacks);
            var written = Path.Combine(folder, "profile.json");
            SpeedScopeStackSourceWriter.WriteStackViewAsJson(stacks, written);
            await using var source = File.OpenRead(written);
            await using var target = Create(file);
            await source.CopyToAsync(target, CancellationToken.None);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Has the runtime write the process's memory: its threads and stacks (<c>mini</c>), with the heap (<c>heap</c>), or all of it (<c>full</c>).</summary>
    public static async Task DumpAsync(int process, string file, string kind, CancellationToken stop)
    {
        var type = kind switch { "mini" => DumpType.Normal, "heap" => DumpType.WithHeap, "full" => DumpType.Full, _ => throw new ArgumentException($"A dump is mini, heap or full, not {kind}.") };
        if (File.Exists(file))
            throw new IOException($"The file {file} exists.");
        await new DiagnosticsClient(process).WriteDumpAsync(type, file, WriteDumpFlags.None, stop);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static async Task RecordAsync(int process, EventPipeProvider[] providers, string file, TimeSpan length, Action<TimeSpan, long> progress, CancellationToken stop)
    {
        using var session = await new DiagnosticsClient(process).StartEventPipeSessionAsync(providers, requestRundown: true, BufferMegabytes, stop);
        await using var target = Create(file);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var copying = session.EventStream.CopyToAsync(target, CancellationToken.None);
        while (clock.Elapsed < length && target.Position < MaxBytes && !copying.IsCompleted && !stop.IsCancellationRequested)
        {
            await Task.WhenAny(copying, Task.Delay(Look, CancellationToken.None));
            progress(clock.Elapsed, target.Position);
        }

        // What was recorded until here is a whole file: the runtime ends it with the names of the methods in it.
        if (!copying.IsCompleted)
            await session.StopAsync(CancellationToken.None);
        await copying;
        progress(clock.Elapsed, target.Position);
    }

    private static FileStream Create(string file)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(file, options);
    }
}
