namespace Nexus.Kernel.Services;

/// <summary>Turns a provider's exception into one that may cross to another plugin. Always a new object: an exception's stack trace keeps the code that threw it in memory.</summary>
internal static class ServiceFailure
{
    public static Exception Translate(Exception error, string what, CancellationToken cancellationToken) => error switch
    {
        OperationCanceledException when cancellationToken.IsCancellationRequested => new OperationCanceledException(cancellationToken),
        OperationCanceledException => new NexusException(ErrorCodes.ServiceUnavailable, $"The call {what} was cancelled by its provider, which may be stopping. Try again."),
        RuleViolationException rule => new RuleViolationException(rule.Message) { Errors = rule.Errors },
        NexusException known => new NexusException(known.Code, known.Message) { Errors = known.Errors },
        _ => new NexusException(ErrorCodes.InternalError, $"The call {what} failed; the log has the full record."),
    };
}
