using Microsoft.AspNetCore.Http.Features;

namespace Nexus.Gateway.Live;

/// <summary>
/// Holds an abort of the connection back for a moment. The framework answers text that is not UTF-8, and frames that break the rules, with a close frame and cuts the connection in the same
/// moment: the reset would overtake the frame that says why.
/// </summary>
internal sealed class LastWords(IHttpRequestLifetimeFeature inner, TimeProvider time) : IHttpRequestLifetimeFeature
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(250);
    private volatile bool over;

    /// <inheritdoc/>
    public CancellationToken RequestAborted
    {
        get => inner.RequestAborted;
        set => inner.RequestAborted = value;
    }

    /// <inheritdoc/>
    public void Abort() => _ = AbortLaterAsync();

    /// <summary>The request is over: the server may use what it ran on for another one, which nothing may abort.</summary>
    public void End() => over = true;

    private async Task AbortLaterAsync()
    {
        await Task.Delay(Moment, time);
        if (!over)
            inner.Abort();
    }
}
