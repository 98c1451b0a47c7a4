using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.External;

/// <summary>Puts sign-in with other sites into the plugin.</summary>
internal static class ExternalRoutes
{
    private const string CookieName = "nexus_external";

    private const string CookiePath = "/api/v1/auth/oauth";

    /// <summary>Adds the parts and routes.</summary>
    public static IPluginBuilder AddExternal(this IPluginBuilder plugin)
    {
        plugin.AddOptions<ExternalOptions>("external");
        plugin.Services
            .AddSingleton<ProviderHttp>()
            .AddSingleton<ProviderDirectory>()
            .AddSingleton<IdentityTokens>()
            .AddSingleton<ExternalSignIn>()
            .AddSingleton<ExternalAccounts>()
            .AddSingleton<ExternalEnding>();
        return plugin.MapEndpoints(Map);
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/auth/oauth", List).WithSummary("Sites that users can sign in with").AllowAnonymous().Produces<ProviderList>();
        routes.MapGet("~/api/v1/auth/oauth/{provider}/start", StartAsync).WithSummary("Sign in with another site; return_to is a path of this site").AllowAnonymous().WithQuery("return_to", "path of this site to come back to").WithQuery("tenant", "tenant to sign in to").Produces(302);
        routes.MapGet("~/api/v1/auth/oauth/{provider}/callback", CallbackAsync).WithSummary("Where the other site sends the browser back to").AllowAnonymous().Produces<TokenView>();
    }

    private static IResult List(HttpContext context, [FromServices] ExternalSignIn external) =>
        Asking.Answer(context, new ProviderList([.. external.Providers.Select(name => new ProviderView(name, $"{CookiePath}/{name}/start"))]), ExternalJson.Default.ProviderList);

    private static async Task<IResult> StartAsync(HttpContext context, string provider, [FromServices] ExternalSignIn external, [FromServices] SiteAddress site, [FromServices] Catalogue catalogue)
    {
        var shape = external.Provider(provider);
        string? target = context.Request.Query["return_to"];
        if (target is not null && !IsLocal(target))
            throw new NexusException(ErrorCodes.BadRequest, "return_to is a path of this site, such as /console.");
        var tenant = context.Request.Query["tenant"] is [{ Length: > 0 } named] ? named : CallContext.DefaultTenant;
        if (!catalogue.HasTenant(tenant))
            throw Asking.Missing("tenant", tenant);
        var browser = Secrets.Random();
        var address = await external.BeginAsync(shape, browser, new SignInWish($"{site.Of(context)}{CookiePath}/{shape.Name}/callback", tenant, target), context.RequestAborted);
        // Lax: the browser comes back by a navigation that the other site begins.
        context.Response.Cookies.Append(CookieName, browser, Cookie(context, ExternalSignIn.Patience));
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Redirect(address);
    }

    private static async Task<IResult> CallbackAsync(HttpContext context, string provider, [FromServices] ExternalSignIn external, [FromServices] ExternalAccounts accounts, [FromServices] ExternalEnding ending)
    {
        var query = context.Request.Query;
        string? One(string name) => query[name] is [{ Length: > 0 } value] ? value : null;
        var shape = external.Provider(provider);
        context.Response.Cookies.Delete(CookieName, Cookie(context, null));
        try
        {
            var (identity, wish) = await external.CompleteAsync(shape, new ProviderAnswer(One("code"), One("state"), One("error"), One("iss")), context.Request.Cookies[CookieName], context.RequestAborted);
            return await ending.SignInAsync(context, await accounts.ResolveAsync(identity, wish.Tenant, context.RequestAborted), shape.Name, wish.ReturnTo);
        }
        catch (NexusException error)
        {
            await ending.TellAsync(context, shape.Name, error);
            throw;
        }
    }

    private static CookieOptions Cookie(HttpContext context, TimeSpan? age) => new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = context.Request.IsHttps, Path = CookiePath, MaxAge = age };

    /// <summary>Whether a browser stays here when it follows this: <c>//host</c> and <c>/\host</c> lead away.</summary>
    private static bool IsLocal(string path) =>
        path is { Length: > 0 and <= 500 } && path[0] == '/' && (path.Length == 1 || path[1] is not ('/' or '\\')) && !path.Any(c => char.IsControl(c) || c == '\\');
}

/// <summary>How a sign-in with another site ends: with tokens, or with a cookie and a way back to a page of ours.</summary>
internal sealed class ExternalEnding(SignInSessions sessions, TwoFactorChallenges challenges, Catalogue catalogue, SecurityTrail trail, TimeProvider time)
{
    /// <summary>Signs a user in, or asks for the second factor that the account has: the other site's own is not known to us.</summary>
    public async Task<IResult> SignInAsync(HttpContext context, Accounts.User user, string provider, string? target)
    {
        var origin = Origin.Of(context);
        var from = new SignInOrigin(provider, origin.Address, origin.UserAgent) { Cookie = target is not null };
        if (await challenges.AskAsync(user, from, context.RequestAborted) is { } challenge)
            return challenge.Answer(context);
        var grant = await sessions.BeginAsync(user, from, context.RequestAborted);
        await trail.TellAsync("auth.login.succeeded", origin, user.Id, user.Tenant, $"sessions/{grant.Session.Id}", detail: new JsonObject { ["method"] = provider });
        var answer = SignInRoutes.Send(context, grant, catalogue, time);
        return target is null ? answer : TypedResults.LocalRedirect(target);
    }

    /// <summary>Takes down a sign-in that was refused.</summary>
    public ValueTask TellAsync(HttpContext context, string provider, NexusException error) =>
        trail.TellAsync("auth.login.failed", Origin.Of(context), "anonymous", CallContext.DefaultTenant, null, AuditResult.Denied, new JsonObject { ["method"] = provider, ["code"] = error.Code });
}

/// <summary>Sites that users can sign in with.</summary>
internal sealed record ProviderList(ImmutableArray<ProviderView> Items);

/// <summary>One of them, with the address that begins.</summary>
internal sealed record ProviderView(string Name, string Start);
