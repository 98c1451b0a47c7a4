using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Puts the OpenID Connect issuer into the plugin.</summary>
internal static class OpenIdRoutes
{
    /// <summary>Adds the issuer and its routes.</summary>
    public static IPluginBuilder AddOpenId(this IPluginBuilder plugin)
    {
        plugin.Services
            .AddSingleton<ClientRegistry>()
            .AddSingleton<BrowserSignIns>()
            .AddSingleton<AuthorizationCodes>()
            .AddSingleton<Authorization>()
            .AddSingleton<TokenEndpoint>();
        return plugin.MapEndpoints(Map);
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/.well-known/openid-configuration", Describe).WithSummary("OpenID Connect discovery").AllowAnonymous();
        routes.MapGet("~/.well-known/oauth-authorization-server", Describe).WithSummary("OAuth 2.0 authorization server metadata").AllowAnonymous();
        routes.MapGet("~/oauth/authorize", (HttpContext context, [FromServices] Authorization authorization) => authorization.BeginAsync(context)).WithSummary("Sign in for a client").AllowAnonymous();
        routes.MapPost("~/oauth/authorize", (HttpContext context, [FromServices] Authorization authorization) => authorization.StepAsync(context)).WithSummary("Forms of the sign-in pages").AllowAnonymous();
        routes.MapPost("~/oauth/token", (HttpContext context, [FromServices] TokenEndpoint endpoint) => endpoint.ExchangeAsync(context)).WithSummary("Exchange a code or a refresh token").AllowAnonymous();
        routes.MapPost("~/oauth/revoke", (HttpContext context, [FromServices] TokenEndpoint endpoint) => endpoint.RevokeAsync(context)).WithSummary("Revoke a token").AllowAnonymous();
        routes.MapGet("~/oauth/userinfo", UserInfo).WithSummary("Who the token is of").AllowAnonymous();
        routes.MapPost("~/oauth/userinfo", UserInfo).WithSummary("Who the token is of").AllowAnonymous();
        routes.MapGet("~/oauth/end-session", SignOut.BeginAsync).WithSummary("Sign out at the client's wish").AllowAnonymous();
        routes.MapPost("~/oauth/end-session", SignOut.ConfirmAsync).WithSummary("Form of the sign-out page").AllowAnonymous();
        routes.MapGet("~/api/v1/auth/clients", ListAsync).WithSummary("Clients of the issuer").RequireAuthorization("platform.clients:read").Produces<ClientList>();
        routes.MapPost("~/api/v1/auth/clients", AddAsync).WithSummary("Register a client").RequireAuthorization("platform.clients:create").Accepts<ClientRequest>("application/json").Produces<Client>(201);
        routes.MapDelete("~/api/v1/auth/clients/{id}", RemoveAsync).WithSummary("Remove a client").RequireAuthorization("platform.clients:delete").Produces(204);
    }

    private static async Task<IResult> ListAsync(HttpContext context, [FromServices] ClientRegistry clients) =>
        TypedResults.Json(new ClientList(await clients.ListAsync(context.RequestAborted)), OpenIdJson.Default.ClientList);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] ClientRegistry clients)
    {
        var client = await clients.AddAsync(await Body.ReadAsync(context, OpenIdJson.Default.ClientRequest), context.RequestAborted);
        context.Response.Headers.Location = $"/api/v1/auth/clients/{client.Id}";
        return TypedResults.Json(client, OpenIdJson.Default.Client, statusCode: 201);
    }

    private static async Task<IResult> RemoveAsync(HttpContext context, string id, [FromServices] ClientRegistry clients) =>
        await clients.RemoveAsync(id, context.RequestAborted) ? TypedResults.NoContent() : throw new NexusException(ErrorCodes.ResourceNotFound, "There is no client of that id.");

    /// <summary>RFC 6750: the token stands in the header. The route is open to the gateway because its refusals have a form of their own.</summary>
    private static async Task UserInfo(HttpContext context, [FromServices] SignedTokens tokens, [FromServices] SignInSessions sessions, [FromServices] UserDirectory users)
    {
        context.Response.Headers.CacheControl = "no-store";
        var header = context.Request.Headers.Authorization.ToString();
        var claims = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? tokens.Verify(header.AsSpan(7).Trim(' ')).Claims : null;
        if (claims is null || sessions.Find(claims.SessionId) is null || users.Find(new Place(claims.Tenant, claims.Subject)) is not { Disabled: false } user)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            context.Response.Headers.WWWAuthenticate = header.Length == 0 ? "Bearer" : "Bearer error=\"invalid_token\"";
            return;
        }

        if (!claims.Scopes.IsEmpty && !claims.Scopes.Contains("openid"))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            context.Response.Headers.WWWAuthenticate = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
            return;
        }

        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("sub", user.Id);
            TokenEndpoint.WriteClaims(json, user, claims.Scopes.IsEmpty ? Client.IdentityScopes : claims.Scopes);
            json.WriteEndObject();
        }

        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), context.RequestAborted);
    }

    private static ContentHttpResult Describe(HttpContext context, [FromServices] SiteAddress site)
    {
        context.Response.Headers.CacheControl = "public, max-age=300";
        var issuer = site.Of(context);
        return TypedResults.Text($$"""
            {"issuer":"{{issuer}}","authorization_endpoint":"{{issuer}}/oauth/authorize","token_endpoint":"{{issuer}}/oauth/token","userinfo_endpoint":"{{issuer}}/oauth/userinfo","revocation_endpoint":"{{issuer}}/oauth/revoke","end_session_endpoint":"{{issuer}}/oauth/end-session","jwks_uri":"{{issuer}}/.well-known/jwks.json","response_types_supported":["code"],"response_modes_supported":["query"],"grant_types_supported":["authorization_code","refresh_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"],"token_endpoint_auth_methods_supported":["none"],"revocation_endpoint_auth_methods_supported":["none"],"code_challenge_methods_supported":["S256"],"scopes_supported":["openid","profile","email","offline_access"],"claims_supported":["sub","iss","aud","exp","iat","auth_time","nonce","at_hash","azp","sid","name","preferred_username","updated_at","locale","email","email_verified"],"prompt_values_supported":["none","login","consent","select_account"],"request_parameter_supported":false,"request_uri_parameter_supported":false,"authorization_response_iss_parameter_supported":true}
            """, "application/json");
    }
}
