using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Passkeys;

/// <summary>Puts passkeys into the plugin.</summary>
internal static class PasskeyRoutes
{
    private const string Use = "core.identity:use";

    /// <summary>Adds the parts and routes.</summary>
    public static IPluginBuilder AddPasskeys(this IPluginBuilder plugin)
    {
        plugin.Services.AddSingleton<PasskeyStore>().AddSingleton<Passkeys>();
        return plugin.MapEndpoints(Map);
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/auth/passkeys", ListAsync).WithSummary("Own passkeys").RequireAuthorization(Use).Produces<PasskeyList>();
        routes.MapDelete("~/api/v1/auth/passkeys/{id}", RemoveAsync).WithSummary("Remove one of the own passkeys").RequireAuthorization(Use).Produces(204);
        routes.MapPost("~/api/v1/auth/passkeys/register/options", BeginRegistrationAsync).WithSummary("Begin to register a passkey").RequireAuthorization(Use).Produces<PasskeyOptions>();
        routes.MapPost("~/api/v1/auth/passkeys/register", RegisterAsync).WithSummary("Register a passkey with the device's answer").RequireAuthorization(Use).Accepts<PasskeyAnswer>("application/json").Produces<PasskeyView>(201);
        routes.MapPost("~/api/v1/auth/passkeys/sign-in/options", BeginSignInAsync).WithSummary("Begin to sign in with a passkey").AllowAnonymous().Produces<PasskeyOptions>();
        routes.MapPost("~/api/v1/auth/passkeys/sign-in", SignInAsync).WithSummary("Sign in with the device's answer").AllowAnonymous().Accepts<PasskeyAnswer>("application/json").Produces<TokenView>();
    }

    private static async Task<PasskeyAnswer> ReadAsync(HttpContext context)
    {
        var answer = await Body.ReadAsync(context, PasskeyJson.Default.PasskeyAnswer);
        return answer is { State.Length: > 0, Credential: not null } ? answer : throw new NexusException(ErrorCodes.ValidationError, "Send the state of the options and the device's answer.")
        {
            Errors = [new FieldError(answer.Credential is null ? "/credential" : "/state", "required", "A state and a credential are needed.")],
        };
    }

    private static async Task<IResult> ListAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] PasskeyStore store) =>
        Asking.Answer(context, new PasskeyList([.. (await store.ListAsync(Asking.Me(users).Id, context.RequestAborted)).Select(PasskeyView.Of)]), PasskeyJson.Default.PasskeyList);

    private static async Task<IResult> RemoveAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] PasskeyStore store, [FromServices] SecurityTrail trail)
    {
        var me = Asking.Me(users);
        if (!await store.RemoveAsync(me.Id, id, context.RequestAborted))
            throw Asking.Missing("passkey", id);
        await trail.TellAsync("auth.passkey.removed", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> BeginRegistrationAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] Passkeys passkeys) =>
        Asking.Answer(context, await passkeys.BeginRegistrationAsync(Asking.Me(users), context), PasskeyJson.Default.PasskeyOptions);

    private static async Task<IResult> RegisterAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] Passkeys passkeys, [FromServices] SecurityTrail trail)
    {
        var me = Asking.Me(users);
        var answer = await ReadAsync(context);
        if (answer.Name is { } name && (name.Length > 100 || name.Any(char.IsControl)))
            throw new NexusException(ErrorCodes.ValidationError, "The name is too long.") { Errors = [new FieldError("/name", "max_length", "At most 100 characters.")] };
        var passkey = await passkeys.RegisterAsync(me, answer.State, answer.Credential!.ToJsonString(), answer.Name, context);
        await trail.TellAsync("auth.passkey.registered", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return Asking.Answer(context, PasskeyView.Of(passkey), PasskeyJson.Default.PasskeyView, 201);
    }

    private static async Task<IResult> BeginSignInAsync(HttpContext context, [FromServices] Passkeys passkeys) =>
        Asking.Answer(context, await passkeys.BeginSignInAsync(context), PasskeyJson.Default.PasskeyOptions);

    private static async Task<IResult> SignInAsync(HttpContext context, [FromServices] Passkeys passkeys, [FromServices] SignInSessions sessions, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail, [FromServices] TimeProvider time)
    {
        var answer = await ReadAsync(context);
        var from = Asking.From(context);
        try
        {
            var user = await passkeys.SignInAsync(answer.State, answer.Credential!.ToJsonString(), context);
            var grant = await sessions.BeginAsync(user, new SignInOrigin("passkey", from.Address, from.UserAgent) { Remember = answer.RememberMe, Cookie = answer.Cookie }, context.RequestAborted);
            await trail.TellAsync("auth.login.succeeded", from, user.Id, user.Tenant, $"sessions/{grant.Session.Id}", detail: new JsonObject { ["method"] = "passkey" });
            return SignInRoutes.Send(context, grant, catalogue, time);
        }
        catch (NexusException error)
        {
            await trail.TellAsync("auth.login.failed", from, "anonymous", CallContext.DefaultTenant, null, AuditResult.Denied, new JsonObject { ["method"] = "passkey", ["code"] = error.Code });
            throw;
        }
    }
}

/// <summary>A device's answer, as <c>PublicKeyCredential.toJSON</c> gives it, with the state of its ceremony.</summary>
internal sealed record PasskeyAnswer
{
    /// <summary>State that the options came with.</summary>
    public string? State { get; init; }

    /// <summary>The credential.</summary>
    public JsonObject? Credential { get; init; }

    /// <summary>Name for people.</summary>
    public string? Name { get; init; }

    /// <summary>Remember the user for longer.</summary>
    public bool RememberMe { get; init; }

    /// <summary>Also set a cookie, for pages of this origin.</summary>
    public bool Cookie { get; init; }
}

/// <summary>A passkey as it is sent.</summary>
internal sealed record PasskeyView(string Id, string? Name, DateTimeOffset CreatedAt, bool BackedUp, ImmutableArray<string> Transports)
{
    /// <summary>A stored passkey as it is sent.</summary>
    public static PasskeyView Of(StoredPasskey passkey) => new(passkey.Id, passkey.Name, passkey.CreatedAt, passkey.BackedUp, passkey.Transports);
}

/// <summary>Own passkeys.</summary>
internal sealed record PasskeyList(ImmutableArray<PasskeyView> Items);
