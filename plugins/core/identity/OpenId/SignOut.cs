using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.WebUtilities;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Signing out at a client's wish (OpenID Connect RP-Initiated Logout 1.0).</summary>
internal static class SignOut
{
    private const string Kind = "sign-outs";

    /// <summary>The client's wish, through the user's browser. With an identity token of ours it is done; without one the user is asked, because any page may send a browser here.</summary>
    public static async Task BeginAsync(HttpContext context, [FromServices] SignedTokens tokens, [FromServices] SiteAddress site, [FromServices] ClientRegistry clients, [FromServices] BrowserSignIns browsers, [FromServices] SignInSessions sessions, [FromServices] Tickets tickets)
    {
        string? Value(string name) => context.Request.Query[name] is [{ Length: > 0 } value] ? value : null;
        var hint = Value("id_token_hint") is { } text ? tokens.ReadIdentityToken(text, site.Of(context)) : null;
        var id = hint?.Text("aud") ?? Value("client_id");
        var client = await clients.FindAsync(id, context.RequestAborted);
        var target = Value("post_logout_redirect_uri");
        if (target is not null && (client is null || Value("client_id") is { } named && named != client.Id || !client.PostLogoutRedirectUris.Contains(target)))
        {
            await Page.TellAsync(context, 400, "Wrong address", "The program that sent you here asked to be answered at an address that is not registered for it.");
            return;
        }

        if (hint is null)
        {
            var browser = BrowserSignIns.Ensure(context);
            await Page.SignOutAsync(context, await tickets.IssueAsync(Kind, new PendingSignOut(Tickets.Hash(browser), target, Value("state")), TimeSpan.FromMinutes(15), OpenIdJson.Default.PendingSignOut, context.RequestAborted));
            return;
        }

        if (hint.Text("sid") is { } session && sessions.Find(session) is { } live && live.ClientId == client?.Id)
            await sessions.EndAsync(live.Place, context.RequestAborted);
        await EndAsync(context, browsers, target, Value("state"));
    }

    /// <summary>The user's yes.</summary>
    public static async Task ConfirmAsync(HttpContext context, [FromServices] BrowserSignIns browsers, [FromServices] Tickets tickets)
    {
        var form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted) : FormCollection.Empty;
        var pending = await tickets.TakeAsync(Kind, form["transaction"] is [{ } handle] ? handle : null, OpenIdJson.Default.PendingSignOut, context.RequestAborted);
        if (pending is null || BrowserSignIns.Of(context) is not { } browser || !Secrets.Same(pending.Browser, Tickets.Hash(browser)))
            await Page.TellAsync(context, 400, "Begin again", "This form is not of this browser, or too old.");
        else
            await EndAsync(context, browsers, pending.Target, pending.State);
    }

    private static async Task EndAsync(HttpContext context, BrowserSignIns browsers, string? target, string? state)
    {
        await browsers.EndAsync(context);
        if (target is null)
        {
            await Page.TellAsync(context, 200, "Signed out", "You are signed out of this browser.");
            return;
        }

        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = state is null ? target : QueryHelpers.AddQueryString(target, "state", state);
    }
}

/// <summary>A sign-out that the user is asked about.</summary>
internal sealed record PendingSignOut(string Browser, string? Target, string? State);
