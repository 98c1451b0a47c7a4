using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>Writes settlements to the store, those that come while a write runs together in the next one. What cannot be written is left to the lease: the work is due again when it ends.</summary>
internal sealed class SettlementWriter<T>(Func<ImmutableArray<T>, ValueTask> store, ILogger log)
{
    private readonly Lock gate = new();
    private List<T> pending = [];
    private Task writing = Task.CompletedTask;
    private bool active;

    public void Post(T settlement)
    {
        lock (gate)
        {
            pending.Add(settlement);
            if (active)
                return;
            active = true;
            using (ExecutionContext.SuppressFlow())
                writing = Task.Run(WriteAsync);
        }
    }

    /// <summary>Completes when everything that was posted before is written.</summary>
    public Task FlushAsync()
    {
        lock (gate)
            return writing;
    }

    private async Task WriteAsync()
    {
        while (TryTake(out var batch))
        {
            try
            {
                await store(batch);
            }
            catch (Exception e)
            {
                log.LogError("The ends of {Count} {Kind}s could not be stored; what they end runs again: {Error}", batch.Length, typeof(T).Name, HandlerRun.Describe(e));
            }
        }
    }

    private bool TryTake(out ImmutableArray<T> batch)
    {
        lock (gate)
        {
            batch = [.. pending];
            pending = [];
            active = batch.Length > 0;
            return active;
        }
    }
}
