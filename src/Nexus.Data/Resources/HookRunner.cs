using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Resources;

/// <summary>A generation began to drain between the caller's look-up and the hook; the caller looks it up again.</summary>
internal sealed class GenerationDrainsException() : Exception("The generation drains.");

/// <summary>Runs plugin code for a record: under the lease, in a scope of the plugin's provider, on behalf of the caller, within a time limit. What it throws never leaves unless it is a Nexus exception.</summary>
internal sealed partial class HookRunner(ILogger<HookRunner> logger, TimeProvider time)
{
    /// <summary>Time limit of one hook.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public TimeSpan TimeLimit { get; init; } = Limit;

    public async ValueTask<ReadOnlyMemory<byte>> RunAsync(ResourceCall call, string name, RecordHook hook, RecordChange change, CancellationToken cancellationToken)
    {
        var lease = call.Plugin.Lease;
        if (!lease.TryEnter())
        {
            throw new GenerationDrainsException();
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lease.Aborting);
        // On a pool thread of its own: code that blocks must not take the caller's thread beyond the limit.
        // The lease is returned when the code ends, not when the caller stops waiting for it.
        var work = Task.Run(() => RunInScopeAsync(call, hook, change, stop.Token), CancellationToken.None);
        _ = work.ContinueWith(static (_, held) => ((IGeneration)held!).Exit(), lease, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            return await work.WaitAsync(TimeLimit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!work.IsCompleted)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            LogTimedOut(call.Resource.Table, name, TimeLimit);
            throw new NexusException(ErrorCodes.RequestTimeout, $"{name} of {call.Resource.Table} did not end within {TimeLimit.TotalSeconds:0.#} s; nothing was changed.");
        }
        catch (NexusException e)
        {
            // Made anew: one thrown by the plugin may be of its own type and holds its frames.
            throw e is RuleViolationException ? new RuleViolationException(e.Message) : new NexusException(e.Code, e.Message) { Errors = e.Errors };
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw Failed(call, name, e);
        }
    }

    /// <summary>The error of plugin code that broke: a generic one outside, the full record in the log. The exception itself is not kept, as it may be of the plugin's own type.</summary>
    public NexusException Failed(ResourceCall call, string name, Exception cause)
    {
        LogFailed(call.Resource.Table, name, call.Context.CorrelationId, cause.ToString());
        return new(ErrorCodes.InternalError, $"{name} of {call.Resource.Table} failed; nothing was changed.");
    }

    private static async Task<ReadOnlyMemory<byte>> RunInScopeAsync(ResourceCall call, RecordHook hook, RecordChange change, CancellationToken cancellationToken)
    {
        CallContext.Current = call.Context;
        await using var scope = call.Plugin.Lease.Services.CreateAsyncScope();
        return await hook(scope.ServiceProvider, change, cancellationToken).ConfigureAwait(false);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of {Table} failed (correlation {CorrelationId}): {Failure}")]
    private partial void LogFailed(string table, string name, string correlationId, string failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of {Table} did not end within {Limit}.")]
    private partial void LogTimedOut(string table, string name, TimeSpan limit);
}
