using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The application lifetime as a plugin sees it: that of its own generation, not of the node.</summary>
internal sealed class GenerationLifetime(Generation generation, ILogger logger) : IHostApplicationLifetime, IDisposable
{
    private readonly CancellationTokenSource started = new();
    private readonly CancellationTokenSource stopped = new();

    public CancellationToken ApplicationStarted => started.Token;

    public CancellationToken ApplicationStopping => generation.Stopping;

    public CancellationToken ApplicationStopped => stopped.Token;

    public void StopApplication() => PluginLog.StopRefused(logger, generation.Manifest.Name);

    public void NotifyStarted() => _ = started.CancelAsync();

    public void NotifyStopped() => stopped.Cancel();

    public void Dispose()
    {
        started.Dispose();
        stopped.Dispose();
    }
}
