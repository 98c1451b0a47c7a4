using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>
/// The authorization endpoint (RFC 6749, RFC 7636, OpenID Connect Core 1.0), with its sign-in and consent pages.
/// 1. Client and redirect address are checked first: what is wrong there is shown, never redirected. 2. Every other error goes to the client.
/// 3. Who is not signed in gets the form; what follows is tied to that browser and to that request by a transaction. 4. Who has not consented is asked.
/// 5. The code goes to the client, with our name (RFC 9207), so that it is not sent to another issuer by mistake.
/// </summary>
internal sealed class Authorization(ClientRegistry clients, BrowserSignIns browsers, AuthorizationCodes codes, Tickets tickets, PasswordSignIn passwords, UserDirectory users, SiteAddress site, TimeProvider time)
{
    private const string Kind = "authorizations";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>The request of a client, through the user's browser.</summary>
    public async Task BeginAsync(HttpContext context)
    {
        var query = context.Request.Query;
        if (query["client_id"] is not [{ } id] || await clients.FindAsync(id, context.RequestAborted) is not { } client)
        {
            await Page.TellAsync(context, 400, "Unknown program", "The program that sent you here is not registered with this site.");
            return;
        }

        if (query["redirect_uri"] is not [{ } redirect] || !client.Takes(redirect))
        {
            await Page.TellAsync(context, 400, "Wrong address", "The program that sent you here asked to be answered at an address that is not registered for it.");
            return;
        }

        AuthorizationRequest request;
        try
        {
            request = AuthorizationRequest.Read(query, client, redirect);
            request = request with { Tenant = browsers.Tenant(request.Tenant) };
        }
        catch (OAuthError error)
        {
            Redirect(context, redirect, query["state"] is [{ } state] ? state : null, ("error", error.Error), ("error_description", error.Message));
            return;
        }

        await ContinueAsync(context, client, request);
    }

    /// <summary>A form of our own pages.</summary>
    public async Task StepAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType)
        {
            await Page.TellAsync(context, 400, "Not understood", "This address takes the form of the sign-in page.");
            return;
        }

        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        string? Value(string name) => form[name] is [{ Length: > 0 and <= 2000 } value] ? value : null;
        var handle = Value("transaction");
        // The transaction is of one browser: a page of another site cannot send this form for somebody, neither signed in nor as the attacker.
        if (await tickets.PeekAsync(Kind, handle, OpenIdJson.Default.Transaction, context.RequestAborted) is not { } transaction
            || BrowserSignIns.Of(context) is not { } browser || !Secrets.Same(transaction.Browser, Tickets.Hash(browser))
            || await clients.FindAsync(transaction.Request.ClientId, context.RequestAborted) is not { } client)
        {
            await Page.TellAsync(context, 400, "Begin again", "This form is not of this browser, or too old. Go back to the program and sign in again.");
            return;
        }

        switch (Value("step"))
        {
            case "sign-in":
                await SignInAsync(context, handle!, transaction, client, Value("username"), Value("password"), Value("code"));
                break;
            case "approve" when transaction.SignIn is { } signIn:
                if (await tickets.TakeAsync(Kind, handle, OpenIdJson.Default.Transaction, context.RequestAborted) is null)
                    goto default;
                await clients.ConsentAsync(new Place(signIn.Tenant, signIn.User), client, transaction.Request.Scopes, context.RequestAborted);
                await GrantAsync(context, transaction.Request, signIn);
                break;
            case "deny":
                await tickets.DropAsync(Kind, handle, context.RequestAborted);
                Redirect(context, transaction.Request.RedirectUri, transaction.Request.State, ("error", "access_denied"), ("error_description", "The user denied it."));
                break;
            default:
                await Page.TellAsync(context, 400, "Begin again", "Go back to the program and sign in again.");
                break;
        }
    }

    private async Task ContinueAsync(HttpContext context, Client client, AuthorizationRequest request)
    {
        var silent = request.Prompt.Contains("none");
        var found = await browsers.FindAsync(context);
        if (found is not { } known || known.SignIn.Tenant != request.Tenant || request.Prompt.Contains("login") || request.Prompt.Contains("select_account") || request.MaxAge is { } age && known.SignIn.At.AddSeconds(Math.Min(age, 1_000_000_000)) < time.GetUtcNow())
        {
            if (silent)
                Redirect(context, request.RedirectUri, request.State, ("error", "login_required"), ("error_description", "The user is not signed in."));
            else
                await Page.SignInAsync(context, await OpenAsync(context, BrowserSignIns.Ensure(context), request, null), client, request.LoginHint, null, false, 200);
            return;
        }

        if (await NeedsConsentAsync(client, request, known.User, context.RequestAborted))
        {
            if (silent)
                Redirect(context, request.RedirectUri, request.State, ("error", "consent_required"), ("error_description", "The user has not consented."));
            else
                await Page.ConsentAsync(context, await OpenAsync(context, BrowserSignIns.Ensure(context), request, known.SignIn), client, known.User, request.Scopes);
            return;
        }

        await GrantAsync(context, request, known.SignIn);
    }

    private async Task SignInAsync(HttpContext context, string handle, Transaction transaction, Client client, string? name, string? password, string? code)
    {
        User user;
        try
        {
            user = await passwords.VerifyAsync(transaction.Request.Tenant ?? CallContext.DefaultTenant, name ?? "", password ?? "", code, context.RequestAborted);
        }
        catch (NexusException error) when (error.Status is >= 400 and < 500)
        {
            await Page.SignInAsync(context, handle, client, name, error.Message, code is not null || error.Code == ErrorCodes.TwoFactorRequired, error.Status);
            return;
        }

        if (user.MustChangePassword)
        {
            await Page.TellAsync(context, 403, "Change your password first", "Your password was given to you by somebody else. Change it at this site; then go back to the program and sign in again.");
            return;
        }

        // A transaction is taken by the sign-in that completes it, so that the form cannot be sent again by who comes later to this browser.
        if (await tickets.TakeAsync(Kind, handle, OpenIdJson.Default.Transaction, context.RequestAborted) is null)
        {
            await Page.TellAsync(context, 400, "Begin again", "Go back to the program and sign in again.");
            return;
        }

        var signIn = new BrowserSignIn(user.Id, user.Tenant, time.GetUtcNow());
        var browser = await browsers.BeginAsync(context, signIn);
        if (await NeedsConsentAsync(client, transaction.Request, user, context.RequestAborted))
            await Page.ConsentAsync(context, await OpenAsync(context, browser, transaction.Request, signIn), client, user, transaction.Request.Scopes);
        else
            await GrantAsync(context, transaction.Request, signIn);
    }

    private async ValueTask<bool> NeedsConsentAsync(Client client, AuthorizationRequest request, User user, CancellationToken cancellationToken) =>
        request.Prompt.Contains("consent") || (!client.Trusted && !await clients.HasConsentAsync(user.Place, client, request.Scopes, cancellationToken));

    private Task<string> OpenAsync(HttpContext context, string browser, AuthorizationRequest request, BrowserSignIn? signIn) =>
        tickets.IssueAsync(Kind, new Transaction(request, Tickets.Hash(browser), signIn), Patience, OpenIdJson.Default.Transaction, context.RequestAborted);

    private async Task GrantAsync(HttpContext context, AuthorizationRequest request, BrowserSignIn signIn)
    {
        if (users.Find(new Place(signIn.Tenant, signIn.User)) is not { Disabled: false })
        {
            await Page.TellAsync(context, 403, "Not allowed", "This account may not sign in.");
            return;
        }

        var code = await codes.IssueAsync(new CodeGrant(request.ClientId, request.RedirectUri, request.Challenge, signIn.User, signIn.Tenant, request.Scopes, time.GetUtcNow(), signIn.At) { Nonce = request.Nonce }, context.RequestAborted);
        Redirect(context, request.RedirectUri, request.State, ("code", code));
    }

    private void Redirect(HttpContext context, string to, string? state, params ImmutableArray<(string Name, string Value)> members)
    {
        var query = members.ToDictionary(m => m.Name, m => (string?)m.Value, StringComparer.Ordinal);
        if (state is not null)
            query["state"] = state;
        query["iss"] = site.Of(context);
        context.Response.Headers.CacheControl = "no-store";
        // 303 after a form: with 307 the password would be sent on to the client (RFC 9700 section 4.12).
        context.Response.StatusCode = HttpMethods.IsPost(context.Request.Method) ? StatusCodes.Status303SeeOther : StatusCodes.Status302Found;
        context.Response.Headers.Location = QueryHelpers.AddQueryString(to, query);
    }
}

/// <summary>A request of a client whose user is on our pages.</summary>
/// <param name="Request">The request.</param>
/// <param name="Browser">Hash of the cookie of the browser it came through.</param>
/// <param name="SignIn">Who has signed in for it, or null.</param>
internal sealed record Transaction(AuthorizationRequest Request, string Browser, BrowserSignIn? SignIn);
