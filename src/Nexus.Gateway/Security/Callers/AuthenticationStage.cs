using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Security.Callers;

/// <summary>
/// Finds out who calls: asks the strategies in their order until one knows the credentials. As in ASP.NET Core, wrong credentials end no
/// request here: it goes on as anonymous, so that public routes are served, and a protected route answers 401 with the strategy's reason.
/// </summary>
internal sealed partial class AuthenticationStage(RequestDelegate next, ActiveIdentity identity, LocalAdministrator local, ScrapeToken scrape, ILogger<AuthenticationStage> log)
{
    public Task InvokeAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var credentials = CredentialsOf(context, request);
        if (credentials.IsEmpty)
            return GoAs(context, request, local.Sent(context, request.RemoteAddress) ? LocalAdministrator.Caller : Caller.Anonymous);
        if (scrape.Sent(context, credentials.Authorization))
            return GoAs(context, request, ScrapeToken.Caller);
        var active = identity.Current;
        var strategies = active.Strategies;
        if (strategies.IsEmpty)
            return WithoutStrategies(context, request);
        if (!strategies[0].Lease.TryEnter())
            return AskAsync(context, active, credentials, default, 0);
        var asked = Ask(strategies[0], credentials, context.RequestAborted);
        if (!asked.IsCompletedSuccessfully)
            return AskAsync(context, active, credentials, asked, 0);
        strategies[0].Lease.Exit();
        var answer = asked.Result;
        return answer.SignedIn is { } found ? GoAs(context, request, found)
            : answer.Refusal is { } refusal ? GoRefused(context, request, refusal)
            : strategies.Length == 1 ? GoRefused(context, request, "No strategy reads these credentials.")
            : AskAsync(context, active, credentials, default, 1);
    }

    /// <summary>What a request brought along to say who sends it.</summary>
    public static Credentials CredentialsOf(HttpContext context, GatewayRequest request)
    {
        var headers = context.Request.Headers;
        return new Credentials
        {
            Authorization = headers.Authorization is [{ Length: > 0 } authorization] ? authorization : null,
            ApiKey = headers["X-API-Key"] is [{ Length: > 0 } key] ? key : null,
            Cookie = headers.Cookie.Count > 0 && context.Request.Cookies.TryGetValue(SignedIn.CookieName, out var cookie) && cookie.Length > 0 ? cookie : null,
            Address = request.RemoteAddress,
        };
    }

    /// <summary>Credentials that nobody reads. On a development host without identity they are as good as none, so that a client configured for another node works.</summary>
    private Task WithoutStrategies(HttpContext context, GatewayRequest request) =>
        !identity.WasEverActive && local.Sent(context, request.RemoteAddress)
            ? GoAs(context, request, LocalAdministrator.Caller)
            : GoRefused(context, request, "No strategy reads these credentials.");

    private Task GoAs(HttpContext context, GatewayRequest request, Caller caller)
    {
        request.Become(caller, CallContext.DefaultTenant);
        return next(context);
    }

    private Task GoAs(HttpContext context, GatewayRequest request, SignedIn found)
    {
        request.SignedIn = found;
        request.Become(found.Caller, found.Tenant);
        return next(context);
    }

    private Task GoRefused(HttpContext context, GatewayRequest request, string refusal)
    {
        request.Refusal = refusal;
        return GoAs(context, request, Caller.Anonymous);
    }

    private static ValueTask<Authentication> Ask(Strategy strategy, Credentials credentials, CancellationToken cancellationToken)
    {
        try
        {
            return strategy.Contribution.Authenticate(credentials, cancellationToken);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException<Authentication>(exception);
        }
    }

    /// <summary>The way of strategies that wait, fail, or leave the credentials to the next one. Strategy number <paramref name="index"/> has been asked already when <paramref name="asked"/> is not completed with "not mine".</summary>
    private async Task AskAsync(HttpContext context, Identity active, Credentials credentials, ValueTask<Authentication> asked, int index)
    {
        var request = GatewayRequest.Of(context);
        for (var isAsked = !asked.IsCompletedSuccessfully; index < active.Strategies.Length; index++, isAsked = false)
        {
            var strategy = active.Strategies[index];
            if (!isAsked && !strategy.Lease.TryEnter())
            {
                // Its plugin is being replaced: the strategies of the next snapshot are asked from the first.
                active = await NextAsync(active, context.RequestAborted);
                index = -1;
                continue;
            }
            var answer = await AwaitAsync(isAsked ? asked : Ask(strategy, credentials, context.RequestAborted), strategy);
            if (answer.SignedIn is { } found)
            {
                await GoAs(context, request, found);
                return;
            }
            if (answer.Refusal is { } refusal)
            {
                await GoRefused(context, request, refusal);
                return;
            }
        }
        await GoRefused(context, request, "No strategy reads these credentials.");
    }

    private async ValueTask<Identity> NextAsync(Identity seen, CancellationToken cancellationToken)
    {
        for (var wait = 1; wait <= 512; wait *= 2)
        {
            var now = identity.Current;
            if (!ReferenceEquals(now.Snapshot, seen.Snapshot))
                return now;
            await Task.Delay(TimeSpan.FromMilliseconds(wait), cancellationToken);
        }
        throw new NexusException(ErrorCodes.ServiceUnavailable, "The identity plugin is being replaced or stopped.");
    }

    private async ValueTask<Authentication> AwaitAsync(ValueTask<Authentication> asked, Strategy strategy)
    {
        try
        {
            return await asked;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            if (exception is NexusException known)
                throw new NexusException(known.Code, known.Message);
            TellFailed(log, strategy.Contribution.Name, exception.ToString());
            throw new NexusException(ErrorCodes.InternalError, "The sign-in could not be checked; the log has the cause.");
        }
        finally
        {
            strategy.Lease.Exit();
        }
    }

    [LoggerMessage(4, LogLevel.Error, "The authentication strategy {Strategy} failed: {Error}")]
    private static partial void TellFailed(ILogger log, string strategy, string error);
}
