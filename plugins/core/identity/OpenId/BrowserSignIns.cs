using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Who is signed in at the issuer's own pages in a browser: a cookie for <c>/oauth</c> alone, whose value is new after each sign-in. Before that it only ties forms to the browser that asked for them.</summary>
internal sealed class BrowserSignIns(Tickets tickets, UserDirectory users, Catalogue catalogue)
{
    /// <summary>Name of the cookie.</summary>
    public const string CookieName = "nexus_oauth";

    private const string Kind = "browsers";

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    /// <summary>The tenant whose users are asked for; one that does not exist is like one without users.</summary>
    public string Tenant(string? named) => Asking.Tenant(named, catalogue);

    /// <summary>The cookie's value, or null.</summary>
    public static string? Of(HttpContext context) => context.Request.Cookies[CookieName] is { Length: 43 } value ? value : null;

    /// <summary>The cookie's value; sets one when there is none.</summary>
    public static string Ensure(HttpContext context)
    {
        if (Of(context) is { } known)
            return known;
        var value = Secrets.Random();
        Set(context, value);
        return value;
    }

    /// <summary>Who is signed in, when the user still may be.</summary>
    public async Task<(BrowserSignIn SignIn, User User)?> FindAsync(HttpContext context) =>
        await tickets.PeekAsync(Kind, Of(context), OpenIdJson.Default.BrowserSignIn, context.RequestAborted) is { } signIn
        && users.Find(new Place(signIn.Tenant, signIn.User)) is { Disabled: false, MustChangePassword: false } user && !(user.PasswordChangedAt > signIn.At)
            ? (signIn, user) : null;

    /// <summary>Signs a user in, under a new cookie: one that was planted in the browser before is worth nothing after.</summary>
    public async Task<string> BeginAsync(HttpContext context, BrowserSignIn signIn)
    {
        await EndAsync(context);
        var value = await tickets.IssueAsync(Kind, signIn, Lifetime, OpenIdJson.Default.BrowserSignIn, context.RequestAborted);
        Set(context, value);
        return value;
    }

    /// <summary>Signs out of the browser.</summary>
    public async Task EndAsync(HttpContext context)
    {
        await tickets.DropAsync(Kind, Of(context), context.RequestAborted);
        context.Response.Cookies.Delete(CookieName, Options(context));
    }

    private static void Set(HttpContext context, string value) => context.Response.Cookies.Append(CookieName, value, Options(context));

    private static CookieOptions Options(HttpContext context) => new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = context.Request.IsHttps, Path = "/oauth" };
}

/// <summary>A sign-in at the issuer's own pages.</summary>
/// <param name="User">Who.</param>
/// <param name="Tenant">Its tenant.</param>
/// <param name="At">When.</param>
internal sealed record BrowserSignIn(string User, string Tenant, DateTimeOffset At);
