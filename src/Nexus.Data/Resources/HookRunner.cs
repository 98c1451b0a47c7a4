using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Data.Measuring;

namespace Nexus.Data.Resources;

/// <summary>A generation began to drain between the caller's look-up and the hook; the caller looks it up again.</summary>
internal sealed class GenerationDrainsException() : Exception("The generation drains.");

/// <summary>Runs plugin code for a record: under the lease, in a scope of the plugin's provider, on behalf of the caller, within a time limit. What it throws never leaves unless it is a Nexus exception.</summary>
internal sealed partial class HookRunner(ILogger<HookRunner> logger, TimeProvider time)
{
    /// <summary>Time limit of one hook.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public TimeSpan TimeLimit { get; init; } = Limit;

    /// <summary>For how long the process stood still; limits do not count that.</summary>
    public Func<TimeSpan> Stood { get; init; } = static () => Standstill.OfProcess.Total;

    public async ValueTask<ReadOnlyMemory<byte>> RunAsync(ResourceCall call, string name, RecordHook hook, RecordChange change, CancellationToken cancellationToken)
    {
        try
        {
            return await RunAsync(call.Plugin.Lease, call.Context, (services, token) => hook(services, change, token), TimeLimit, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            LogTimedOut(name, call.Resource.Table, TimeLimit);
            throw new NexusException(ErrorCodes.RequestTimeout, $"{name} of {call.Resource.Table} did not end within {TimeLimit.TotalSeconds:0.#} s; nothing was changed.");
        }
        catch (Exception e) when (e is not NexusException and not GenerationDrainsException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw Failed(call, name, e);
        }
    }

    /// <summary>Runs a tool of a plugin. What it wrote before it failed stays written, unless it used a unit of work.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        try
        {
            return await RunAsync(plugin.Lease, context, (services, token) => tool.Run(services, input, token), tool.Timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            LogTimedOut(tool.Name, plugin.Manifest.Name, tool.Timeout);
            throw new NexusException(ErrorCodes.RequestTimeout, $"The tool {tool.Name} of {plugin.Manifest.Name} did not end within {tool.Timeout.TotalSeconds:0.#} s.");
        }
        catch (Exception e) when (e is not NexusException and not GenerationDrainsException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            LogFailed(tool.Name, plugin.Manifest.Name, context.CorrelationId, e.ToString());
            throw new NexusException(ErrorCodes.InternalError, $"The tool {tool.Name} of {plugin.Manifest.Name} failed.");
        }
    }

    /// <summary>The error of plugin code that broke: a generic one outside, the full record in the log. The exception itself is not kept, as it may be of the plugin's own type.</summary>
    public NexusException Failed(ResourceCall call, string name, Exception cause)
    {
        LogFailed(name, call.Resource.Table, call.Context.CorrelationId, cause.ToString());
        return new(ErrorCodes.InternalError, $"{name} of {call.Resource.Table} failed; nothing was changed.");
    }

    /// <exception cref="TimeoutException">The code did not end in time; it is told to stop.</exception>
    private async ValueTask<ReadOnlyMemory<byte>> RunAsync(IGeneration lease, CallContext context, Func<IServiceProvider, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> code, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (!lease.TryEnter())
            throw new GenerationDrainsException();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lease.Aborting);
        // On a pool thread of its own: code that blocks must not take the caller's thread beyond the limit.
        // The lease is returned when the code ends, not when the caller stops waiting for it.
        var work = Task.Run(() => RunInScopeAsync(lease, context, code, stop.Token), CancellationToken.None);
        _ = work.ContinueWith(static (_, held) => ((IGeneration)held!).Exit(), lease, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            return await InTimeAsync(work, limit, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!work.IsCompleted)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
        catch (TimeoutException e)
        {
            // The plugin's own, not the limit's.
            throw new InvalidOperationException(e.ToString());
        }
        catch (NexusException e)
        {
            // Made anew: one thrown by the plugin may be of its own type and holds its frames.
            throw FailureOrigin.Keep(e is RuleViolationException ? new RuleViolationException(e.Message) : new NexusException(e.Code, e.Message) { Errors = e.Errors }, FailureOrigin.Find(e));
        }
    }

    /// <summary>Waits until the limit is over by the time in which the process ran.</summary>
    private async Task<ReadOnlyMemory<byte>> InTimeAsync(Task<ReadOnlyMemory<byte>> work, TimeSpan limit, CancellationToken cancellationToken)
    {
        for (var stood = Stood(); ;)
        {
            try
            {
                return await work.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException) when (!work.IsCompleted && Stood() > stood)
            {
                (limit, stood) = (Stood() - stood, Stood());
            }
        }
    }

    private static async Task<ReadOnlyMemory<byte>> RunInScopeAsync(IGeneration lease, CallContext context, Func<IServiceProvider, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> code, CancellationToken cancellationToken)
    {
        CallContext.Current = context;
        await using var scope = lease.Services.CreateAsyncScope();
        return await code(scope.ServiceProvider, cancellationToken).ConfigureAwait(false);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of {Table} failed (correlation {CorrelationId}): {Failure}")]
    private partial void LogFailed(string name, string table, string correlationId, string failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of {Table} did not end within {Limit}.")]
    private partial void LogTimedOut(string name, string table, TimeSpan limit);
}
