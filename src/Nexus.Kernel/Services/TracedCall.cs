using System.Diagnostics;

namespace Nexus.Kernel.Services;

/// <summary>A call with a span around it; used only while somebody listens.</summary>
internal sealed class TracedCall : ServiceTarget
{
    private readonly ServiceTarget _target;
    private readonly Activity? _span;

    private TracedCall(ServiceTarget target, Activity? span)
    {
        (_target, _span) = (target, span);
        Instance = target.Instance;
    }

    /// <summary>Opens a binding whose lease is taken, within a span that is current until the implementation returns its task.</summary>
    public static ServiceTarget Begin(ServiceBinding binding)
    {
        var span = NexusTracing.Start(NexusTracing.ServiceCall);
        span?.SetTag("nexus.contract", binding.Contract).SetTag("nexus.plugin", binding.Plugin);
        try
        {
            return new TracedCall(binding.Open(), span);
        }
        catch
        {
            span?.SetStatus(ActivityStatusCode.Error).Dispose();
            throw;
        }
    }

    /// <summary>The caller's own flow goes on beside the span, not within it.</summary>
    public override void Called()
    {
        if (_span is not null && Activity.Current == _span)
            Activity.Current = _span.Parent;
    }

    public override void Exit()
    {
        _span?.Dispose();
        _target.Exit();
    }

    public override Exception Fail(string method, Exception error, CancellationToken cancellationToken)
    {
        _span?.SetStatus(ActivityStatusCode.Error).Dispose();
        return _target.Fail(method, error, cancellationToken);
    }

    public override async ValueTask<ReadOnlyMemory<byte>> SendAsync(string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken)
    {
        using (_span)
            return await _target.SendAsync(method, arguments, cancellationToken);
    }
}
