namespace Nexus;

/// <summary>The switchable place between a proxy and its provider. The proxy holds the slot, never the provider. Thread-safe.</summary>
public abstract class ServiceSlot
{
    /// <summary>The clock of the host.</summary>
    public virtual TimeProvider Time => TimeProvider.System;

    /// <summary>Takes hold of the current provider for one call.</summary>
    /// <exception cref="NexusException"><c>SERVICE_NOT_FOUND</c> when nothing ever provided the contract, <c>SERVICE_UNAVAILABLE</c> when its provider is not active.</exception>
    public abstract ServiceTarget Enter();
}

/// <summary>A provider held for one call. Ends with exactly one of <see cref="Exit"/>, <see cref="Fail"/> or <see cref="SendAsync(string, ReadOnlyMemory{byte}, CancellationToken)"/>, which all return the hold.</summary>
public abstract class ServiceTarget
{
    /// <summary>The implementation when it lives in this process; null when only JSON reaches it. A proxy whose contract type it does not implement (another copy of the contract assembly) sends JSON too.</summary>
    public object? Instance { get; protected set; }

    /// <summary>Called by the proxy, on the caller's own flow, as soon as the implementation has returned its task and before that task has ended. What a target changed of the caller's flow for the call, such as the current span, it takes back here.</summary>
    public virtual void Called()
    {
    }

    /// <summary>Ends a call that went well.</summary>
    public abstract void Exit();

    /// <summary>Ends a call that failed and returns the error for the caller: plain text under a code, with nothing of the provider's types or stack in it.</summary>
    public abstract Exception Fail(string method, Exception error, CancellationToken cancellationToken);

    /// <summary>Calls a method with a JSON array of arguments, returns its JSON result (empty for none) and ends the call.</summary>
    public abstract ValueTask<ReadOnlyMemory<byte>> SendAsync(string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken);
}

/// <summary>What generated proxies share: they hold the provider until the returned task has ended.</summary>
/// <param name="slot">Where the provider is found at each call.</param>
public abstract class ServiceProxy(ServiceSlot slot)
{
    /// <summary>Where the provider is found at each call.</summary>
    protected ServiceSlot Slot { get; } = slot;

    /// <summary>Ends the call with the task. A task that the provider's own state machine made is not handed out: whoever kept it would keep the provider's code.</summary>
    protected static Task<T> Finish<T>(ServiceTarget target, string method, Task<T> task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        target.Called();
        if (task is not { IsCompletedSuccessfully: true })
            return FinishLaterAsync(target, method, task, cancellationToken);
        target.Exit();
        return task.GetType() == typeof(Task<T>) ? task : Task.FromResult(task.Result);
    }

    /// <inheritdoc cref="Finish{T}(ServiceTarget, string, Task{T}, CancellationToken)"/>
    protected static Task Finish(ServiceTarget target, string method, Task task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        target.Called();
        if (task is not { IsCompletedSuccessfully: true })
            return FinishLaterAsync(target, method, task, cancellationToken);
        target.Exit();
        return Task.CompletedTask;
    }

    /// <inheritdoc cref="Finish{T}(ServiceTarget, string, Task{T}, CancellationToken)"/>
    protected static ValueTask<T> Finish<T>(ServiceTarget target, string method, ValueTask<T> task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        target.Called();
        if (!task.IsCompletedSuccessfully)
            return new(FinishLaterAsync(target, method, task.AsTask(), cancellationToken));
        var result = task.Result;
        target.Exit();
        return new(result);
    }

    /// <inheritdoc cref="Finish{T}(ServiceTarget, string, Task{T}, CancellationToken)"/>
    protected static ValueTask Finish(ServiceTarget target, string method, ValueTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        target.Called();
        if (!task.IsCompletedSuccessfully)
            return new(FinishLaterAsync(target, method, task.AsTask(), cancellationToken));
        task.GetAwaiter().GetResult();
        target.Exit();
        return default;
    }

    /// <summary>Makes the call with JSON.</summary>
    protected static async Task<T> SendAsync<T>(ServiceTarget target, string method, ServiceArguments arguments, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(arguments);
        var result = await target.SendAsync(method, arguments.ToJson(), cancellationToken);
        return result.IsEmpty ? default! : JsonCodec.For<T>().Deserialize(result.Span)!;
    }

    /// <summary>Makes the call with JSON.</summary>
    protected static async Task SendAsync(ServiceTarget target, string method, ServiceArguments arguments, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(arguments);
        await target.SendAsync(method, arguments.ToJson(), cancellationToken);
    }

    private static async Task<T> FinishLaterAsync<T>(ServiceTarget target, string method, Task<T> task, CancellationToken cancellationToken)
    {
        T result;
        try
        {
            result = await task;
        }
        catch (Exception error)
        {
            throw target.Fail(method, error, cancellationToken);
        }
        target.Exit();
        return result;
    }

    private static async Task FinishLaterAsync(ServiceTarget target, string method, Task task, CancellationToken cancellationToken)
    {
        try
        {
            await task;
        }
        catch (Exception error)
        {
            throw target.Fail(method, error, cancellationToken);
        }
        target.Exit();
    }
}
