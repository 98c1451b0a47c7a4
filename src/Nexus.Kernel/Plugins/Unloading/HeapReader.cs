using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Starts <c>Nexus.Diagnostics</c> on this process: a process cannot walk its own heap, and the reader's libraries stay out of the node.</summary>
internal static class HeapReader
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>Its report.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c>, with the way out.</exception>
    public static async Task<T> ReadAsync<T>(IEnumerable<string> question, CancellationToken cancellationToken)
    {
        var reader = Path.Combine(AppContext.BaseDirectory, "Nexus.Diagnostics.dll");
        if (!File.Exists(reader))
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"The heap reader is not installed beside this node: {reader} is missing.");

        var start = new ProcessStartInfo("dotnet", ["exec", reader, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), .. question])
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
            return process.ExitCode == 0 ? JsonSerializer.Deserialize<T>(output, Json)! : throw new NexusException(ErrorCodes.ServiceUnavailable, $"The heap reader ended with exit code {process.ExitCode}. {(await errors).Trim()}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
