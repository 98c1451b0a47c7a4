using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>The token and revocation endpoints (RFC 6749 sections 4.1.3 and 6, RFC 7009) for public clients: who they are, the code and the verifier prove.</summary>
internal sealed class TokenEndpoint(ClientRegistry clients, AuthorizationCodes codes, SignInSessions sessions, UserDirectory users, SignedTokens tokens, SiteAddress site, TimeProvider time)
{
    private static readonly TimeSpan IdentityTokenLifetime = TimeSpan.FromMinutes(10);

    /// <summary>Exchanges a code or a refresh token.</summary>
    public Task ExchangeAsync(HttpContext context) => AnswerAsync(context, async form =>
    {
        var client = await ClientAsync(context, form);
        switch (form("grant_type"))
        {
            case "authorization_code":
                await WriteAsync(context, await RedeemAsync(context, client, form));
                break;
            case "refresh_token":
                await WriteAsync(context, await RefreshAsync(context, client, form));
                break;
            case null:
                throw new OAuthError("invalid_request", "grant_type is missing.");
            default:
                throw new OAuthError("unsupported_grant_type", "grant_type must be authorization_code or refresh_token.");
        }
    });

    /// <summary>Ends the session of a token. A token that is unknown or over is no error.</summary>
    public Task RevokeAsync(HttpContext context) => AnswerAsync(context, async form =>
    {
        var client = await ClientAsync(context, form);
        var token = form("token") ?? throw new OAuthError("invalid_request", "token is missing.");
        var id = RefreshToken.Parse(token)?.SessionId ?? tokens.Verify(token).Claims?.SessionId;
        if (id is not null && sessions.Find(id) is { } session && session.ClientId == client.Id && (RefreshToken.Parse(token) is not { } refresh || refresh.IsOf(session)))
            await sessions.EndAsync(session.Place, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status200OK;
    });

    /// <summary>The claims of a user that scopes let a client see (OpenID Connect Core, section 5.4).</summary>
    public static void WriteClaims(Utf8JsonWriter json, User user, ImmutableArray<string> scopes)
    {
        if (scopes.Contains("profile"))
        {
            json.WriteString("name", user.DisplayName);
            json.WriteString("preferred_username", user.UserName);
            json.WriteNumber("updated_at", user.UpdatedAt.ToUnixTimeSeconds());
            if (Preferred.Language(user) is { } language)
                json.WriteString("locale", language);
        }

        if (scopes.Contains("email") && user.Email is { } email)
        {
            json.WriteString("email", email);
            json.WriteBoolean("email_verified", user.EmailVerified);
        }
    }

    private static SignInOrigin OriginOf(HttpContext context) => new("oauth", context.Connection.RemoteIpAddress?.ToString(), context.Request.Headers.UserAgent);

    private async ValueTask<Client> ClientAsync(HttpContext context, Func<string, string?> form)
    {
        // A public client has no secret: one that sends one is not whom it takes itself for.
        if (form("client_secret") is not null || context.Request.Headers.Authorization.ToString().StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
            throw new OAuthError("invalid_client", "Clients of this issuer are public; send client_id without a secret.", 401);
        return await clients.FindAsync(form("client_id"), context.RequestAborted) ?? throw new OAuthError("invalid_client", "The client is not registered.", 401);
    }

    private async Task<Issued> RedeemAsync(HttpContext context, Client client, Func<string, string?> form)
    {
        var (redirect, verifier) = (form("redirect_uri"), form("code_verifier"));
        var exchanged = await codes.ExchangeAsync(
            form("code"),
            time.GetUtcNow(),
            code => code.Client == client.Id && code.RedirectUri == redirect && ProofKey.Matches(verifier, code.Challenge),
            async code => users.Find(new Place(code.Tenant, code.User)) is { Disabled: false } user
                ? await sessions.BeginAsync(user, OriginOf(context) with { ClientId = client.Id, Scopes = ScopesOf(code.Scopes), Remember = code.Scopes.Contains("offline_access") }, context.RequestAborted)
                : null,
            context.RequestAborted);
        return exchanged is { } done
            ? new Issued(done.SignIn, done.Code.Scopes) { Nonce = done.Code.Nonce, AuthenticatedAt = done.Code.AuthenticatedAt }
            : throw new OAuthError("invalid_grant", "The code is wrong, over or used, or not meant for this client, address or verifier.");
    }

    private async Task<Issued> RefreshAsync(HttpContext context, Client client, Func<string, string?> form)
    {
        var text = form("refresh_token");
        if (RefreshToken.Parse(text) is not { } token || sessions.Find(token.SessionId) is not { } session || session.ClientId != client.Id)
            throw new OAuthError("invalid_grant", "The refresh token is wrong or over.");
        var granted = session.Scopes.Remove("*");
        if (form("scope") is { } asked && asked.Split(' ', StringSplitOptions.RemoveEmptyEntries).Any(s => !granted.Contains(s)))
            throw new OAuthError("invalid_scope", "A refresh cannot widen the scope.");
        var refreshed = await sessions.RefreshAsync(text, s => users.Find(new Place(s.Tenant, s.UserId)) is { Disabled: false } user ? user : null, OriginOf(context), context.RequestAborted);
        return refreshed.Grant is { } grant ? new Issued(grant, granted) { AuthenticatedAt = session.CreatedAt } : throw new OAuthError("invalid_grant", "The refresh token is wrong or over.");
    }

    /// <summary>What the session is held to. A client without <see cref="Client.EverythingScope"/> is held to what was named, and to nothing when nothing was but who the user is.</summary>
    private static ImmutableArray<string> ScopesOf(ImmutableArray<string> scopes) => scopes.Contains(Client.EverythingScope) ? scopes.Add("*") : scopes;

    private Task WriteAsync(HttpContext context, Issued issued)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("access_token", issued.SignIn.Access.Text);
            json.WriteString("token_type", "Bearer");
            json.WriteNumber("expires_in", (long)Math.Round((issued.SignIn.Access.ExpiresAt - time.GetUtcNow()).TotalSeconds));
            json.WriteString("scope", string.Join(' ', issued.Scopes));
            if (issued.Scopes.Contains("offline_access"))
                json.WriteString("refresh_token", issued.SignIn.Refresh);
            if (issued.Scopes.Contains("openid"))
                json.WriteString("id_token", IdentityToken(issued, site.Of(context)));
            json.WriteEndObject();
        }

        context.Response.ContentType = "application/json";
        return context.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), context.RequestAborted).AsTask();
    }

    private string IdentityToken(Issued issued, string issuer) => tokens.Sign("JWT", json =>
    {
        var now = time.GetUtcNow();
        json.WriteString("iss", issuer);
        json.WriteString("sub", issued.SignIn.User.Id);
        json.WriteString("aud", issued.SignIn.Session.ClientId);
        json.WriteString("azp", issued.SignIn.Session.ClientId);
        json.WriteNumber("iat", now.ToUnixTimeSeconds());
        json.WriteNumber("exp", (now + IdentityTokenLifetime).ToUnixTimeSeconds());
        json.WriteNumber("auth_time", issued.AuthenticatedAt.ToUnixTimeSeconds());
        json.WriteString("sid", issued.SignIn.Session.Id);
        // Left half of the access token's hash (section 3.1.3.6): who swaps one of the two is found out.
        json.WriteString("at_hash", Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(issued.SignIn.Access.Text)).AsSpan(0, 16)));
        if (issued.Nonce is { } nonce)
            json.WriteString("nonce", nonce);
        WriteClaims(json, issued.SignIn.User, issued.Scopes);
    });

    /// <summary>Reads the form and turns an <see cref="OAuthError"/> into the answer that clients read.</summary>
    private static async Task AnswerAsync(HttpContext context, Func<Func<string, string?>, Task> act)
    {
        context.Response.Headers.CacheControl = "no-store";
        try
        {
            if (!context.Request.HasFormContentType)
                throw new OAuthError("invalid_request", "The body must be application/x-www-form-urlencoded.");
            var form = await context.Request.ReadFormAsync(context.RequestAborted);
            if (form.FirstOrDefault(f => f.Value.Count > 1) is { Key: { } twice })
                throw new OAuthError("invalid_request", $"{twice} comes more than once.");
            await act(name => form[name] is [{ Length: > 0 and <= 8192 } value] ? value : null);
        }
        catch (OAuthError error)
        {
            context.Response.StatusCode = error.Status;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$"""{"error":"{{error.Error}}","error_description":{{JsonSerializer.Serialize(error.Message, OpenIdJson.Default.String)}}}""", context.RequestAborted);
        }
    }

    /// <summary>What an exchange gives.</summary>
    private sealed record Issued(SignInGrant SignIn, ImmutableArray<string> Scopes)
    {
        public string? Nonce { get; init; }

        public DateTimeOffset AuthenticatedAt { get; init; }
    }
}
