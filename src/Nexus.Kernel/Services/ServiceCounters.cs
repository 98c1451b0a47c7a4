namespace Nexus.Kernel.Services;

/// <summary>What became of the calls of one implementation, over all generations; holds text only.</summary>
internal sealed class ServiceCounters
{
    private long _calls;
    private long _errors;
    private volatile Failure? _last;

    public long Calls => Interlocked.Read(ref _calls);

    public long Errors => Interlocked.Read(ref _errors);

    public string? LastError => _last?.Text;

    public DateTimeOffset? LastErrorAt => _last?.At;

    public void Call() => Interlocked.Increment(ref _calls);

    public void Fail(string text, DateTimeOffset at)
    {
        Interlocked.Increment(ref _errors);
        _last = new(text, at);
    }

    private sealed record Failure(string Text, DateTimeOffset At);
}
