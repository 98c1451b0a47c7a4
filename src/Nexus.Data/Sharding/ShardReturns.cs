using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharding;

/// <summary>Looks after the databases that were away at the start, until each is back.</summary>
internal sealed partial class ShardReturns : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ShardedSchema _schema;
    private readonly Func<Shard, CancellationToken, Task<StorageSet>> _open;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _running;

    /// <param name="shards">The databases.</param>
    /// <param name="schema">Brings one forward.</param>
    /// <param name="open">Opens one and finds that it is the right one.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where outages are told of.</param>
    public ShardReturns(Shards shards, ShardedSchema schema, Func<Shard, CancellationToken, Task<StorageSet>> open, TimeProvider time, ILogger log)
    {
        (_schema, _open, _time, _log) = (schema, open, time, log);
        using (ExecutionContext.SuppressFlow())
            _running = Task.WhenAll(shards.All.Where(s => s.Opened is null).Select(s => Task.Run(() => ReturnAsync(s))));
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _running;
        _ending.Dispose();
    }

    private async Task ReturnAsync(Shard shard)
    {
        for (var isTold = false; !_ending.IsCancellationRequested; isTold = true)
        {
            try
            {
                if (!isTold)
                    Gone(_log, shard.Name, (await shard.CheckHealthAsync(_ending.Token)).Detail ?? "");
                await Task.Delay(Pause, _time, _ending.Token);
                await OpenAsync(shard);
                Back(_log, shard.Name);
                return;
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is, it may be mended there while this node serves the others.
                if (shard.Away(e.Message))
                    StillGone(_log, shard.Name, e.Message);
            }
        }
    }

    private async Task OpenAsync(Shard shard)
    {
        var set = await _open(shard, _ending.Token);
        try
        {
            await _schema.ReturnAsync(shard, set, _ending.Token);
        }
        finally
        {
            if (shard.Opened is null)
                await set.DisposeAsync();
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The database {Shard} does not answer at the start; its tenants are refused until it does, the others are served: {Reason}")]
    private static partial void Gone(ILogger log, string shard, string reason);

    [LoggerMessage(2, LogLevel.Error, "The database {Shard} stays away: {Reason}")]
    private static partial void StillGone(ILogger log, string shard, string reason);

    [LoggerMessage(3, LogLevel.Information, "The database {Shard} is back and up to date; its tenants are served")]
    private static partial void Back(ILogger log, string shard);
}
