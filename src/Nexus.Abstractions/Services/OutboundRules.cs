using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>What becomes of slow and of failed requests to other servers.</summary>
public static class OutboundRules
{
    /// <summary>
    /// Sends the requests of a named client under the rules that methods of contracts have. A try failed that has no headers of an answer in time, no connection, or a status of 408, 429 or 500 and above.
    /// It is made again only where the request may be sent twice: GET, HEAD, OPTIONS, TRACE, PUT and DELETE, or any with an <c>Idempotency-Key</c>, and no stream as its content. The last answer is returned
    /// as it is; without one the request ends with <c>SERVICE_UNAVAILABLE</c>, whose text names the host alone, because addresses may hold secrets. All users of the client's name share its breaker and its limit.
    /// </summary>
    /// <param name="client">A client of the plugin's <see cref="IHttpClientFactory"/>.</param>
    /// <param name="rules">Tries, breaker and limit.</param>
    /// <param name="timeout">Time of one try, more than zero; <see cref="HttpClient.Timeout"/> (100 s by default) still bounds all of them together, and the reading of the answer.</param>
    public static IHttpClientBuilder UseRules(this IHttpClientBuilder client, CallRules rules, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        return client.AddHttpMessageHandler(services =>
        {
            var time = services.GetService<TimeProvider>() ?? TimeProvider.System;
            return new RuledHandler(new CallPolicy(time, client.Name) { Retry = rules.Retry, Breaker = rules.Breaker, Limit = rules.Limit }, timeout, time);
        });
    }
}

/// <summary>Sends requests under a policy. The factory keeps one for each name for as long as the plugin's generation lives.</summary>
internal sealed class RuledHandler(CallPolicy policy, TimeSpan timeout, TimeProvider time) : DelegatingHandler
{
    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage? last = null;
        async Task<HttpResponseMessage> TryAsync()
        {
            last?.Dispose();
            last = null;
            last = await SendInTimeAsync(request, cancellationToken);
            return IsFailure(last) ? throw Failed(request, $"answered {(int)last.StatusCode}") : last;
        }

        try
        {
            return await policy.RunAsync(TryAsync, MayRepeat(request), cancellationToken);
        }
        catch (NexusException) when (last is not null)
        {
            return last;
        }
    }

    private async Task<HttpResponseMessage> SendInTimeAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await base.SendAsync(request, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed(request, FormattableString.Invariant($"did not answer within {timeout.TotalSeconds:0.###} s"));
        }
        catch (HttpRequestException exception)
        {
            throw Failed(request, $"cannot be reached ({exception.HttpRequestError})");
        }
    }

    private static NexusException Failed(HttpRequestMessage request, string how) => new(ErrorCodes.ServiceUnavailable, $"{request.RequestUri?.Authority} {how}.");

    private static bool IsFailure(HttpResponseMessage answer) => (int)answer.StatusCode is 408 or 429 or >= 500;

    private static bool MayRepeat(HttpRequestMessage request) =>
        request.Content is not (StreamContent or MultipartContent)
        && (request.Headers.Contains("Idempotency-Key") || (request.Method != HttpMethod.Post && request.Method != HttpMethod.Patch && request.Method != HttpMethod.Connect));
}
