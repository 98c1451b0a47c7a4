namespace Nexus.Kernel.Tests.Services;

[ServiceContract(Name = "mail")]
public interface IMail
{
    Task<string> SendAsync(string to, CancellationToken cancellationToken = default);

    ValueTask<int> CountAsync();
}

/// <summary>Says who it is; waits, throws or counts as its address asks.</summary>
public sealed class Mail(string who) : IMail, IDisposable
{
    private int _count;

    public TaskCompletionSource Gate { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Disposed { get; private set; }

    public async Task<string> SendAsync(string to, CancellationToken cancellationToken)
    {
        switch (to)
        {
            case "wait":
                await Gate.Task.WaitAsync(cancellationToken);
                break;
            case "rule":
                throw new RuleViolationException("No mail on Sundays.");
            case "own":
                throw new MailFullException();
            case "bug":
                await Task.Yield();
                throw new InvalidOperationException("password=123");
            case "stop":
                throw new OperationCanceledException();
        }
        return $"{who} to {to}";
    }

    public ValueTask<int> CountAsync() => new(Interlocked.Increment(ref _count));

    public void Dispose() => Disposed = true;

    private sealed class MailFullException() : NexusException(ErrorCodes.Conflict, "The mailbox is full.");
}
