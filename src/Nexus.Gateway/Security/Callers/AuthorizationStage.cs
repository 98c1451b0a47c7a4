using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Callers;

/// <summary>
/// Stands after routing and before every handler: what it refuses never reaches the plugin. In this order: a request that came by a cookie and
/// changes something needs its CSRF token; a caller who must change the password may do nothing else; the policy point must allow the route's permission.
/// </summary>
internal sealed class AuthorizationStage(RequestDelegate next, IAuthorization authorization, Refusals refusals, AbuseWatch watch, SecuritySettings options)
{
    /// <summary>Name of the header that repeats <see cref="SignedIn.CsrfToken"/>.</summary>
    public const string CsrfHeader = "X-CSRF-Token";

    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<RouteFacts>() is not { } route)
            return next(context);
        var request = GatewayRequest.Of(context);
        if (request.SignedIn is { CsrfToken: { } token } && options.Current.Csrf && IsUnsafe(context.Request.Method) && !IsRepeated(context, token))
        {
            // A public route is served as to anybody: without the token the cookie may have been sent for another site's page.
            if (route.Permission is not null)
                return refusals.RefuseAsync(context, ErrorCodes.CsrfTokenInvalid, "security.csrf.refused", $"Requests that change something and are signed in by cookie repeat the sign-in's CSRF token in {CsrfHeader}.");
            request.SignOut();
        }
        if (route.Permission is not { } permission)
            return next(context);
        if (request.SignedIn is { MustChangePassword: true } && !route.ForPasswordChange)
            return refusals.RefuseAsync(context, ErrorCodes.PasswordChangeRequired, "auth.access.denied", "The password must be changed first; until then nothing else is served to this caller.");
        var asked = authorization.DecideAsync(request.Context, permission, context.RequestAborted);
        return asked.IsCompletedSuccessfully ? Go(context, request, permission, asked.Result) : AwaitAsync(context, request, permission, asked);
    }

    private async Task AwaitAsync(HttpContext context, GatewayRequest request, string permission, ValueTask<AccessDecision> asked) =>
        await Go(context, request, permission, await asked);

    private Task Go(HttpContext context, GatewayRequest request, string permission, AccessDecision decision) =>
        (request.Access = decision.Scope) != AccessScope.None ? next(context)
        : ReferenceEquals(request.Context.Caller, Caller.Anonymous) ? refusals.RefuseAsync(context, ErrorCodes.AuthenticationRequired, "auth.access.denied", request.Refusal ?? $"This needs the permission {permission}. {decision.Reason}")
        : DenyAsync(context, request, permission, decision.Reason);

    private async Task DenyAsync(HttpContext context, GatewayRequest request, string permission, string reason)
    {
        if (permission.StartsWith("platform.", StringComparison.Ordinal))
            await watch.AdministrationDeniedAsync(context, permission);
        var refusal = new AccessDecision(AccessScope.None, reason).Refusal(request.Context, permission);
        await refusals.RefuseAsync(context, refusal.Code, "auth.access.denied", refusal.Message);
    }

    private static bool IsUnsafe(string method) =>
        !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method));

    private static bool IsRepeated(HttpContext context, string token) =>
        context.Request.Headers[CsrfHeader] is [{ } given]
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(token));
}
