using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of signing in and out.</summary>
internal static class SignInRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in (string[])["~/login", "~/api/v1/auth/login"])
            routes.MapPost(path, LoginAsync).WithSummary("Sign in with name and password").AllowAnonymous().Accepts<LoginRequest>("application/json").Produces<TokenView>();
    }

    /// <summary>A grant as it is sent.</summary>
    public static TokenView View(SignInGrant grant, TimeProvider time) => new()
    {
        AccessToken = grant.Access.Text,
        ExpiresIn = (long)(grant.Access.ExpiresAt - time.GetUtcNow()).TotalSeconds,
        RefreshToken = grant.Refresh,
        RefreshExpiresIn = (long)(grant.Session.ExpiresAt - time.GetUtcNow()).TotalSeconds,
        SessionId = grant.Session.Id,
        MustChangePassword = grant.User.MustChangePassword,
        CsrfToken = grant.Cookie is { } cookie && SessionCookie.Parse(cookie) is { } parsed ? SessionCookie.CsrfToken(parsed.Secret) : null,
        User = View(grant.User),
    };

    /// <summary>A user as it is sent.</summary>
    public static UserView View(User user) => new(user.Id, user.UserName, user.Email, user.EmailVerified, user.DisplayName, user.Roles);

    private static async Task<IResult> LoginAsync(HttpContext context, [FromServices] PasswordSignIn signIn, [FromServices] TimeProvider time)
    {
        var request = await Body.ReadFormOrJsonAsync(context, IdentityJson.Default.LoginRequest);
        if (request.Who is not { Length: > 0 } who || request.Password is not { Length: > 0 } password)
            throw new NexusException(ErrorCodes.ValidationError, "Send a username and a password.") { Errors = [new FieldError("/username", "required", "A name and a password are needed.")] };
        var origin = new SignInOrigin("password", context.Connection.RemoteIpAddress?.ToString(), context.Request.Headers.UserAgent) { Remember = request.RememberMe, Cookie = request.Cookie };
        var grant = await signIn.SignInAsync(request.Tenant ?? CallContext.DefaultTenant, who, password, request.Code, origin, context.RequestAborted);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(View(grant, time), IdentityJson.Default.TokenView);
    }
}
