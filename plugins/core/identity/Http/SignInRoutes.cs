using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of signing in and out, and of sign-in sessions.</summary>
internal static class SignInRoutes
{
    private const string Use = "core.identity:use";

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("~/login", LoginAsync).WithSummary("Sign in with name and password").AllowAnonymous().Accepts<LoginRequest>("application/json").Produces<TokenView>();
        routes.MapPost("~/api/v1/auth/login", LoginAsync).WithSummary("Sign in with name and password").AllowAnonymous().Accepts<LoginRequest>("application/json").Produces<TokenView>();
        routes.MapPost("~/api/v1/auth/refresh", RefreshAsync).WithSummary("Exchange a refresh token for new tokens").AllowAnonymous().Accepts<RefreshRequest>("application/json").Produces<TokenView>();
        routes.MapPost("~/api/v1/auth/logout", LogoutAsync).WithSummary("End this sign-in session, or that of a refresh token").AllowAnonymous().Produces(204);
        routes.MapGet("~/api/v1/auth/sessions", Sessions).WithSummary("Own sign-in sessions").RequireAuthorization(Use).Produces<ListView<SessionView>>();
        routes.MapDelete("~/api/v1/auth/sessions/{id}", EndAsync).WithSummary("End one of the own sign-in sessions").RequireAuthorization(Use).Produces(204);
        routes.MapDelete("~/api/v1/auth/sessions", EndOthersAsync).WithSummary("End all own sign-in sessions but this one").RequireAuthorization(Use).Produces<EndedView>();
    }

    private static async Task<IResult> LoginAsync(HttpContext context, [FromServices] PasswordSignIn signIn, [FromServices] Catalogue catalogue, [FromServices] TimeProvider time)
    {
        var request = await Body.ReadFormOrJsonAsync(context, RequestJson.Default.LoginRequest);
        var errors = new List<FieldError>();
        if (string.IsNullOrEmpty(request.Who)) errors.Add(new FieldError("/username", "required", "A user name or e-mail address is needed."));
        if (string.IsNullOrEmpty(request.Password ?? request.Pass)) errors.Add(new FieldError("/password", "required", "A password is needed."));
        AccountFields.Throw(errors);
        var from = Asking.From(context);
        var origin = new SignInOrigin("password", from.Address, from.UserAgent) { Remember = request.RememberMe, Cookie = request.Cookie };
        try
        {
            return Send(context, await signIn.SignInAsync(Asking.Tenant(request.Tenant, catalogue), request.Who!, (request.Password ?? request.Pass)!, request.Code, origin, context.RequestAborted), catalogue, time);
        }
        catch (NexusException locked) when (locked.Extensions?["retry_after"] is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString();
            throw;
        }
        catch (TwoFactorNeededException needed) when (context.RequestServices.GetRequiredService<TwoFactorChallenges>() is var challenges)
        {
            return await challenges.AskAsync(needed.User, origin, context.RequestAborted) is { } challenge ? challenge.Answer(context) : throw new NexusException(ErrorCodes.TwoFactorRequired, needed.Message);
        }
    }

    /// <summary>Sends a grant, with the cookie when there is one.</summary>
    public static IResult Send(HttpContext context, SignInGrant grant, Catalogue catalogue, TimeProvider time)
    {
        if (grant.Cookie is { } cookie)
            context.Response.Cookies.Append(SignedIn.CookieName, cookie, Cookie(context, grant.Session.Remember ? grant.Session.ExpiresAt : null));
        return Asking.Answer(context, TokenView.Of(grant, catalogue, time), IdentityJson.Default.TokenView);
    }

    private static CookieOptions Cookie(HttpContext context, DateTimeOffset? expires) => new() { HttpOnly = true, Secure = context.Request.IsHttps, SameSite = SameSiteMode.Lax, Path = "/", Expires = expires, IsEssential = true };

    private static async Task<IResult> RefreshAsync(HttpContext context, [FromServices] SignInSessions sessions, [FromServices] UserDirectory users, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail, [FromServices] TimeProvider time)
    {
        var request = await Body.ReadFormOrJsonAsync(context, RequestJson.Default.RefreshRequest);
        var from = Asking.From(context);
        var refreshed = await sessions.RefreshAsync(request.RefreshToken, s => users.Find(new Place(s.Tenant, s.UserId)) is { Disabled: false } user ? user : null, new SignInOrigin("refresh", from.Address, from.UserAgent), context.RequestAborted);
        if (refreshed.Reused is { } family)
            await trail.TellAsync("auth.refresh.reused", from, family.UserId, family.Tenant, $"sessions/{family.Id}", AuditResult.Denied, new JsonObject { ["revoked"] = true });
        return refreshed.Grant is { } grant
            ? Send(context, grant, catalogue, time)
            : throw new NexusException(ErrorCodes.CredentialsInvalid, "The refresh token is unknown, was used or has expired; sign in again.");
    }

    private static async Task<IResult> LogoutAsync(HttpContext context, [FromServices] SignInSessions sessions, [FromServices] IAccessTokens tokens, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadOrEmptyAsync(context, RequestJson.Default.RefreshRequest);
        var session = (Asking.Session(context, sessions, tokens) is { } id ? sessions.Find(id) : null) ?? (request.RefreshToken is { } refresh ? sessions.FindByRefresh(refresh) : null);
        context.Response.Cookies.Delete(SignedIn.CookieName, Cookie(context, null));
        if (session is not null && await sessions.EndAsync(session.Place, context.RequestAborted))
            await trail.TellAsync("auth.logout.succeeded", Asking.From(context), session.UserId, session.Tenant, $"sessions/{session.Id}");
        return TypedResults.NoContent();
    }

    private static IResult Sessions(HttpContext context, [FromServices] SignInSessions sessions, [FromServices] UserDirectory users, [FromServices] IAccessTokens tokens)
    {
        var current = Asking.Session(context, sessions, tokens);
        return Asking.Answer(context, new ListView<SessionView>([.. sessions.Of(Asking.Me(users).Place).Select(s => SessionView.Of(s, current))]), IdentityJson.Default.ListViewSessionView);
    }

    private static async Task<IResult> EndAsync(HttpContext context, string id, [FromServices] SignInSessions sessions, [FromServices] UserDirectory users, [FromServices] SecurityTrail trail)
    {
        var me = Asking.Me(users);
        if (sessions.Find(id) is not { } session || session.UserId != me.Id || session.Tenant != me.Tenant || !await sessions.EndAsync(session.Place, context.RequestAborted)) throw Asking.Missing("sign-in session", id);
        await trail.TellAsync("auth.session.revoked", Asking.From(context), me.Id, me.Tenant, $"sessions/{id}");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> EndOthersAsync(HttpContext context, [FromServices] SignInSessions sessions, [FromServices] UserDirectory users, [FromServices] IAccessTokens tokens, [FromServices] SecurityTrail trail)
    {
        var me = Asking.Me(users);
        var ended = await sessions.EndAllAsync(me.Place, Asking.Session(context, sessions, tokens), context.RequestAborted);
        await trail.TellAsync("auth.session.revoked", Asking.From(context), me.Id, me.Tenant, "sessions", detail: new JsonObject { ["ended"] = ended });
        return Asking.Answer(context, new EndedView(ended), IdentityJson.Default.EndedView);
    }
}
