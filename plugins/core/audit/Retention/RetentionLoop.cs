using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Retention;

/// <summary>Archives aged entries of every tenant, some times a day.</summary>
internal sealed partial class RetentionLoop(Archives archives, Func<ImmutableArray<string>> tenants, TimeSpan keep, SealerHost host) : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(6);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    /// <summary>Begins.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Archives what is older than the retention in one tenant.</summary>
    public async Task<ImmutableArray<Archive>> RunAsync(string tenant, CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.Current with { Tenant = tenant };
        return await archives.RunAsync(host.Time.GetUtcNow() - keep, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                foreach (var tenant in host.IsServing() ? tenants() : [])
                    await RunAsync(tenant, _stop.Token);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(host.Log, e);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(host.IsServing() ? Every : Soon, host.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "audit.retention.failed: aged entries stay in the database and are tried again")]
    private static partial void LogFailed(ILogger log, Exception cause);
}
