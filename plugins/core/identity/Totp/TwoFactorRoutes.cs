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
using QRCoder;

namespace Nexus.Core.Identity.Totp;

/// <summary>Puts the second factor into the plugin.</summary>
internal static class TwoFactorRoutes
{
    private const string Use = "core.identity:use";

    /// <summary>Adds the parts and routes.</summary>
    public static IPluginBuilder AddTwoFactor(this IPluginBuilder plugin)
    {
        plugin.Services
            .AddSingleton(s => new TwoFactor(s.GetRequiredService<IDocuments>(), s.GetRequiredService<TimeProvider>(), s.GetService<IFieldProtection>()))
            .AddSingleton<TwoFactorChallenges>()
            .AddSingleton<ISecondFactor, TotpFactor>();
        return plugin.MapEndpoints(Map);
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/auth/2fa", StateAsync).WithSummary("Whether the own second factor is enabled").RequireAuthorization(Use).Produces<TwoFactorState>();
        routes.MapPost("~/api/v1/auth/2fa/enable", BeginAsync).WithSummary("Get a secret for an authenticator application; it counts once a code was verified").RequireAuthorization(Use).Produces<TwoFactorSecret>();
        routes.MapPost("~/api/v1/auth/2fa/verify", VerifyAsync).WithSummary("Show a code and so enable the second factor; answers with backup codes, this once").RequireAuthorization(Use).Accepts<CodeRequest>("application/json").Produces<BackupCodes>();
        routes.MapPost("~/api/v1/auth/2fa/disable", DisableAsync).WithSummary("Disable the own second factor with one of its codes").RequireAuthorization(Use).Accepts<CodeRequest>("application/json").Produces(204);
        routes.MapPost("~/api/v1/auth/2fa/backup-codes", RenewAsync).WithSummary("Replace the backup codes; needs a code").RequireAuthorization(Use).Accepts<CodeRequest>("application/json").Produces<BackupCodes>();
        routes.MapPost("~/api/v1/auth/2fa/challenge", AnswerAsync).WithSummary("Complete a sign-in that asked for a second factor").AllowAnonymous().Accepts<ChallengeRequest>("application/json").Produces<TokenView>();
        routes.MapDelete("~/api/v1/users/{user}/2fa", ResetAsync).WithSummary("Take a user's second factor away, when it is lost").RequireAuthorization("platform.users:update").Produces(204);
    }

    private static async Task<IResult> StateAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] TwoFactor factor)
    {
        var (enabledAt, left) = await factor.StateAsync(Asking.Me(users).Id, context.RequestAborted);
        return Asking.Answer(context, new TwoFactorState(enabledAt is not null, enabledAt, left), TotpJson.Default.TwoFactorState);
    }

    private static async Task<IResult> BeginAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] TwoFactor factor)
    {
        var me = Asking.Me(users);
        var secret = await factor.BeginAsync(me.Id, context.RequestAborted);
        var address = OneTimeCode.Address("Nexus", me.Email ?? me.UserName, secret);
        using var code = QRCodeGenerator.GenerateQrCode(address, QRCodeGenerator.ECCLevel.M);
        using var svg = new SvgQRCode(code);
        using var png = new PngByteQRCode(code);
        return Asking.Answer(context, new TwoFactorSecret(OneTimeCode.ToBase32(secret), address, svg.GetGraphic(4), $"data:image/png;base64,{Convert.ToBase64String(png.GetGraphic(4))}"), TotpJson.Default.TwoFactorSecret);
    }

    private static async Task<IResult> VerifyAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] TwoFactor factor, [FromServices] SecurityTrail trail)
    {
        var me = Asking.Me(users);
        var request = await Body.ReadAsync(context, TotpJson.Default.CodeRequest);
        if (await factor.ConfirmAsync(me.Id, request.Code ?? "", context.RequestAborted) is not { } codes)
            throw Wrong();
        await trail.TellAsync("auth.two-factor.enabled", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return Asking.Answer(context, new BackupCodes(codes), TotpJson.Default.BackupCodes);
    }

    private static async Task<IResult> DisableAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] TwoFactor factor, [FromServices] SecurityTrail trail)
    {
        var me = await ProveAsync(context, users, factor);
        await factor.DisableAsync(me.Id, context.RequestAborted);
        await trail.TellAsync("auth.two-factor.disabled", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> RenewAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] TwoFactor factor, [FromServices] SecurityTrail trail)
    {
        var me = await ProveAsync(context, users, factor);
        var codes = await factor.RenewBackupCodesAsync(me.Id, context.RequestAborted);
        await trail.TellAsync("auth.backup-codes.renewed", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return Asking.Answer(context, new BackupCodes(codes), TotpJson.Default.BackupCodes);
    }

    private static async Task<IResult> AnswerAsync(HttpContext context, [FromServices] TwoFactorChallenges challenges, [FromServices] SignInSessions sessions, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail, [FromServices] TimeProvider time)
    {
        var request = await Body.ReadAsync(context, TotpJson.Default.ChallengeRequest);
        if (string.IsNullOrEmpty(request.Challenge) || string.IsNullOrEmpty(request.Code))
            throw new NexusException(ErrorCodes.ValidationError, "Send the challenge and a code.") { Errors = [new FieldError(string.IsNullOrEmpty(request.Challenge) ? "/challenge" : "/code", "required", "A challenge and a code are needed.")] };
        var from = Asking.From(context);
        try
        {
            var (user, origin) = await challenges.AnswerAsync(request.Challenge, request.Code, new SignInOrigin("password", from.Address, from.UserAgent), context.RequestAborted);
            var grant = await sessions.BeginAsync(user, origin, context.RequestAborted);
            await trail.TellAsync("auth.login.succeeded", from, user.Id, user.Tenant, $"sessions/{grant.Session.Id}", detail: new JsonObject { ["method"] = origin.Method, ["secondFactor"] = true });
            return SignInRoutes.Send(context, grant, catalogue, time);
        }
        catch (NexusException error)
        {
            await trail.TellAsync("auth.login.failed", from, "anonymous", CallContext.DefaultTenant, null, AuditResult.Denied, new JsonObject { ["method"] = "two-factor", ["code"] = error.Code });
            throw;
        }
    }

    private static async Task<IResult> ResetAsync(HttpContext context, string user, [FromServices] UserDirectory users, [FromServices] TwoFactor factor, [FromServices] SecurityTrail trail)
    {
        var found = Asking.User(users, user);
        await factor.DisableAsync(found.Id, context.RequestAborted);
        await trail.TellAsync("auth.two-factor.disabled", Asking.From(context), Asking.Actor, found.Tenant, $"users/{found.Id}");
        return TypedResults.NoContent();
    }

    /// <summary>The caller, who has shown a code: a session that was left open is not enough to take the factor away.</summary>
    private static async Task<User> ProveAsync(HttpContext context, UserDirectory users, TwoFactor factor)
    {
        var me = Asking.Me(users);
        var request = await Body.ReadAsync(context, TotpJson.Default.CodeRequest);
        if (!await factor.IsEnabledAsync(me.Id, context.RequestAborted))
            throw new NexusException(ErrorCodes.Conflict, "Two-factor sign-in is not enabled.");
        return request.Code is { Length: > 0 } code && await factor.UseAsync(me.Id, code, context.RequestAborted) ? me : throw Wrong();
    }

    private static NexusException Wrong() => new(ErrorCodes.ValidationError, "The code is wrong or was used before.") { Errors = [new FieldError("/code", "wrong", "The code is wrong or was used before.")] };
}

/// <summary>Whether a second factor is enabled.</summary>
internal sealed record TwoFactorState(bool Enabled, DateTimeOffset? EnabledAt, int BackupCodesLeft);

/// <summary>A secret for an authenticator application, in base32, as an address and as its QR code.</summary>
internal sealed record TwoFactorSecret(string Secret, string Address, string QrSvg, string QrPng);

/// <summary>A code of the application, or a backup code.</summary>
internal sealed record CodeRequest(string? Code);

/// <summary>A code for a sign-in that waits.</summary>
internal sealed record ChallengeRequest(string? Challenge, string? Code);

/// <summary>Backup codes, told once.</summary>
internal sealed record BackupCodes(ImmutableArray<string> Codes);
