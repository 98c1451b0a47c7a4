using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Starts the heap reader, <c>Nexus.Diagnostics</c>, on this process: a process cannot walk its own heap, and the reader's libraries stay out of the node.</summary>
internal sealed class HeapInspection(IPlugins plugins) : IWhyAlive
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public async ValueTask<ImmutableArray<AliveCause>> ExplainAsync(string plugin, CancellationToken cancellationToken)
    {
        var reader = Path.Combine(AppContext.BaseDirectory, "Nexus.Diagnostics.dll");
        if (!File.Exists(reader))
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"The heap reader is not installed beside this node: {reader} is missing.");

        // The active generation is held by the node itself; it is not asked about.
        string[] except = plugins.Current.Find(plugin) is { } active ? ["--except", active.Generation.ToString(CultureInfo.InvariantCulture)] : [];
        var start = new ProcessStartInfo("dotnet", ["exec", reader, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), plugin, .. except])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? JsonSerializer.Deserialize<Report>(output, Json)!.Holds : throw new NexusException(ErrorCodes.ServiceUnavailable, $"The heap reader ended with exit code {process.ExitCode}. {(await errors).Trim()}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private sealed record Report(ImmutableArray<AliveCause> Holds);
}
