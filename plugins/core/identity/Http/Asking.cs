using System.Security.Cryptography;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Http;

/// <summary>Who asks, where from, and how answers leave.</summary>
internal static class Asking
{
    /// <summary>The user who is signed in.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>: the caller is no user (the local administrator has no account).</exception>
    public static User Me(UserDirectory users)
    {
        var context = CallContext.Current;
        return users.Find(new Place(context.Tenant, context.Caller.Id)) ?? throw new NexusException(ErrorCodes.PermissionDenied, $"{context.Caller.Name} has no account of its own; name a user.");
    }

    /// <summary>The user of an id or a name in the caller's tenant.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public static User User(UserDirectory users, string idOrName) =>
        users.Find(new Place(CallContext.Current.Tenant, idOrName)) ?? users.FindByLogin(CallContext.Current.Tenant, idOrName) ?? throw Missing("user", idOrName);

    /// <summary>The session of the request by its own credentials; null for keys and the local administrator.</summary>
    public static string? Session(HttpContext context, SignInSessions sessions, Tokens.IAccessTokens tokens)
    {
        if (context.Request.Headers.Authorization is [{ } header] && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return tokens.Verify(header.AsSpan(7).Trim(' ')).Claims?.SessionId;
        return context.Request.Cookies.TryGetValue(SignedIn.CookieName, out var text) && SessionCookie.Parse(text) is { } cookie && sessions.Find(cookie.SessionId) is { CookieHash: { } hash } session
            && CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(hash), System.Text.Encoding.ASCII.GetBytes(RefreshToken.Hash(cookie.Secret)))
            ? session.Id
            : null;
    }

    /// <summary>The tenant that somebody names who is not signed in; one that does not exist is like one without users.</summary>
    public static string Tenant(string? named, Catalogue catalogue) => named is null ? CallContext.DefaultTenant : catalogue.HasTenant(named) ? named : "-";

    /// <summary>An answer that no cache may keep.</summary>
    public static IResult Answer<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = 200)
    {
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(value, type, statusCode: status);
    }

    /// <summary>Where the request comes from.</summary>
    public static Origin From(HttpContext context) => Origin.Of(context);

    /// <summary>Id of who asks, for the trail.</summary>
    public static string Actor => CallContext.Current.Caller.Id;

    /// <summary>There is no such thing, or it is another tenant's.</summary>
    public static NexusException Missing(string what, string name) => new(ErrorCodes.ResourceNotFound, $"There is no {what} {name}.");

    /// <summary>One field of the request is wrong.</summary>
    public static NexusException Invalid(string pointer, string code, string message) => new(ErrorCodes.ValidationError, $"{message} ({pointer})") { Errors = [new FieldError(pointer, code, message)] };

    /// <summary>A number of the query within bounds.</summary>
    public static int Number(HttpContext context, string name, int otherwise, int most) =>
        context.Request.Query[name] is not [{ Length: > 0 } text] ? otherwise
        : int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most ? number
        : throw new NexusException(ErrorCodes.ValidationError, $"{name} is a number from 1 to {most}.") { Errors = [new FieldError($"/query/{name}", "range", $"A number from 1 to {most}.")] };
}
