using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes by which people make, keep and delete their own account.</summary>
internal static class AccountRoutes
{
    private const string Use = "core.identity:use";
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("~/api/v1/auth/register", RegisterAsync).WithSummary("Register").AllowAnonymous().LimitRate(60, Minute).Accepts<RegisterRequest>("application/json").Produces<UserView>(201);
        routes.MapGet("~/api/v1/auth/verify-email", VerifyLinkAsync).WithSummary("Confirm an e-mail address by the link of a letter").AllowAnonymous().Produces<MessageView>();
        routes.MapPost("~/api/v1/auth/verify-email", VerifyAsync).WithSummary("Confirm an e-mail address by the token of a letter").AllowAnonymous().Accepts<TokenRequest>("application/json").Produces<MessageView>();
        routes.MapPost("~/api/v1/auth/verify-email/resend", ResendAsync).WithSummary("Send the letter again").AllowAnonymous().LimitRate(10, Minute).Accepts<AddressRequest>("application/json").Produces<MessageView>(202);
        routes.MapPost("~/api/v1/auth/password/forgot", ForgotAsync).WithSummary("Ask for a letter that sets a new password").AllowAnonymous().LimitRate(30, Minute).Accepts<AddressRequest>("application/json").Produces<MessageView>(202);
        routes.MapPost("~/api/v1/auth/password/reset", ResetAsync).WithSummary("Set a new password by the token of a letter").AllowAnonymous().LimitRate(30, Minute).Accepts<PasswordResetRequest>("application/json").Produces<MessageView>();
        routes.MapPost("~/api/v1/auth/password/change", ChangePasswordAsync).WithSummary("Change the own password").RequireAuthorization(Use).ServeForPasswordChange().Accepts<PasswordChangeRequest>("application/json").Produces<MessageView>();
        routes.MapPut("~/api/v1/auth/password", ChangePasswordAsync).WithSummary("Change the own password").RequireAuthorization(Use).ServeForPasswordChange().Accepts<PasswordChangeRequest>("application/json").Produces<MessageView>();
        routes.MapGet("~/api/v1/auth/password/policy", Rules).WithSummary("What a password must be").AllowAnonymous().Produces<PasswordRulesView>();
        routes.MapGet("~/api/v1/auth/me", Me).WithSummary("Who is signed in").RequireAuthorization(Use).ServeForPasswordChange().Produces<UserView>();
        routes.MapPut("~/api/v1/auth/me", ChangeAsync).WithSummary("Change the own profile").RequireAuthorization(Use).Accepts<ProfileRequest>("application/json").Produces<UserView>();
        routes.MapPatch("~/api/v1/auth/me", ChangeAsync).WithSummary("Change the own profile").RequireAuthorization(Use).Accepts<ProfileRequest>("application/json").Produces<UserView>();
        routes.MapDelete("~/api/v1/auth/me", DeleteAsync).WithSummary("Delete the own account; the body repeats the password").RequireAuthorization(Use).Accepts<ConfirmRequest>("application/json").Produces(204);
        routes.MapGet("~/api/v1/auth/me/preferences", Preferences).WithSummary("Own preferences").RequireAuthorization(Use).WithAnswer("""{"type":"object","additionalProperties":true}""");
        routes.MapPut("~/api/v1/auth/me/preferences", (HttpContext context, [FromServices] UserDirectory users) => SetPreferencesAsync(context, users, replace: true)).WithSummary("Replace the own preferences").RequireAuthorization(Use).Accepts<JsonObject>("application/json").WithAnswer("""{"type":"object","additionalProperties":true}""");
        routes.MapPatch("~/api/v1/auth/me/preferences", (HttpContext context, [FromServices] UserDirectory users) => SetPreferencesAsync(context, users, replace: false)).WithSummary("Change some of the own preferences").RequireAuthorization(Use).Accepts<JsonObject>("application/json").WithAnswer("""{"type":"object","additionalProperties":true}""");
    }

    private static async Task<IResult> RegisterAsync(HttpContext context, [FromServices] Registration registration, [FromServices] Catalogue catalogue)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.RegisterRequest);
        var tenant = Asking.Tenant(request.Tenant, catalogue);
        if (!catalogue.HasTenant(tenant)) throw Asking.Missing("tenant", request.Tenant!);
        var user = await registration.RegisterAsync(tenant, new NewAccount { UserName = request.Username, Email = request.Email, Password = request.Password, DisplayName = request.DisplayName ?? request.Name }, Asking.From(context), context.RequestAborted);
        return Asking.Answer(context, UserView.Of(user, catalogue), IdentityJson.Default.UserView, 201);
    }

    private static Task<IResult> VerifyLinkAsync(HttpContext context, string? token, [FromServices] Registration registration) => ConfirmAsync(context, token, registration);

    private static async Task<IResult> VerifyAsync(HttpContext context, [FromServices] Registration registration) =>
        await ConfirmAsync(context, (await Body.ReadAsync(context, RequestJson.Default.TokenRequest)).Token, registration);

    private static async Task<IResult> ConfirmAsync(HttpContext context, string? token, Registration registration)
    {
        await registration.VerifyAsync(token, Asking.From(context), context.RequestAborted);
        return Asking.Answer(context, new MessageView("The e-mail address is confirmed; you can sign in."), IdentityJson.Default.MessageView);
    }

    private static async Task<IResult> ResendAsync(HttpContext context, [FromServices] Registration registration, [FromServices] Catalogue catalogue)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.AddressRequest);
        await registration.ResendAsync(Asking.Tenant(request.Tenant, catalogue), request.Email, context.RequestAborted);
        return Asking.Answer(context, new MessageView("If the address waits to be confirmed, a letter is on its way."), IdentityJson.Default.MessageView, 202);
    }

    private static async Task<IResult> ForgotAsync(HttpContext context, [FromServices] PasswordChanges passwords, [FromServices] Catalogue catalogue)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.AddressRequest);
        if ((request.Email ?? request.Username) is not { Length: > 0 } who) throw new NexusException(ErrorCodes.ValidationError, "Send an e-mail address.") { Errors = [new FieldError("/email", "required", "An e-mail address is needed.")] };
        await passwords.ForgotAsync(Asking.Tenant(request.Tenant, catalogue), who, context.RequestAborted);
        return Asking.Answer(context, new MessageView("If there is an account of that address, a letter is on its way."), IdentityJson.Default.MessageView, 202);
    }

    private static async Task<IResult> ResetAsync(HttpContext context, [FromServices] PasswordChanges passwords, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.PasswordResetRequest);
        var user = await passwords.ResetAsync(request.Token, request.NewPassword ?? request.Password, context.RequestAborted);
        await trail.TellAsync("auth.password.reset", Asking.From(context), user.Id, user.Tenant, $"users/{user.Id}");
        return Asking.Answer(context, new MessageView("The password is set; all sign-in sessions have ended."), IdentityJson.Default.MessageView);
    }

    private static async Task<IResult> ChangePasswordAsync(HttpContext context, [FromServices] PasswordChanges passwords, [FromServices] UserDirectory users, [FromServices] SignInSessions sessions, [FromServices] IAccessTokens tokens, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.PasswordChangeRequest);
        var me = Asking.Me(users);
        await passwords.ChangeAsync(me, request.CurrentPassword ?? request.OldPassword, request.NewPassword, Asking.Session(context, sessions, tokens), context.RequestAborted);
        await trail.TellAsync("auth.password.changed", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return Asking.Answer(context, new MessageView("The password is changed; all other sign-in sessions have ended."), IdentityJson.Default.MessageView);
    }

    private static IResult Rules(HttpContext context, [FromServices] PasswordPolicy policy)
    {
        var o = policy.Options;
        return Asking.Answer(context, new PasswordRulesView(o.MinimumLength, PasswordPolicy.MaximumLength, o.Classes, o.PassphraseLength, o.History, o.Attempts, (int)o.Lockout.TotalSeconds), IdentityJson.Default.PasswordRulesView);
    }

    private static IResult Me(HttpContext context, [FromServices] UserDirectory users, [FromServices] Catalogue catalogue)
    {
        var call = CallContext.Current;
        // A page that was opened anew has the cookie and not what the sign-in answered.
        if (context.Request.Cookies[SignedIn.CookieName] is { } text && SessionCookie.Parse(text) is { } cookie) context.Response.Headers["X-CSRF-Token"] = SessionCookie.CsrfToken(cookie.Secret);
        // The machine's own administrator has no account.
        var view = users.Find(new Place(call.Tenant, call.Caller.Id)) is { } user ? UserView.Of(user, catalogue) : new UserView(call.Caller.Id, call.Caller.Id, null, false, call.Caller.Name, call.Caller.Roles, call.Caller.Teams) { EffectiveRoles = call.Caller.Roles, Tenant = call.Tenant };
        return Asking.Answer(context, view, IdentityJson.Default.UserView);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] Registration registration, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.ProfileRequest);
        var me = Asking.Me(users);
        var name = request.DisplayName ?? request.Name;
        var errors = new List<FieldError>();
        if (name is not null && (string.IsNullOrWhiteSpace(name) || !AccountFields.IsText(name, 200))) errors.Add(new FieldError("/displayName", "form", "1 to 200 characters."));
        if (request.Email is { } wanted && !Names.IsEmail(wanted)) errors.Add(new FieldError("/email", "form", "An e-mail address such as ada@example.org."));
        AccountFields.Throw(errors);
        var moved = request.Email is { } email && Names.Key(email) != Names.Key(me.Email);
        var changed = await users.ChangeAsync(me.Place, u => u with
        {
            DisplayName = name?.Trim() ?? u.DisplayName,
            Email = request.Email ?? u.Email,
            EmailVerified = u.EmailVerified && !moved,
            Profile = request.Profile is { } profile ? AccountFields.Merge(u.Profile, profile, "/profile") : u.Profile,
        }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("user", me.Id);
        if (moved) await registration.SendAsync(changed, context.RequestAborted);
        await trail.TellAsync("auth.profile.changed", Asking.From(context), me.Id, me.Tenant, $"users/{me.Id}");
        return Asking.Answer(context, UserView.Of(changed, catalogue), IdentityJson.Default.UserView);
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, [FromServices] UserDirectory users, [FromServices] PasswordChanges passwords, [FromServices] AccountRemoval removal, [FromServices] Guard guard)
    {
        var request = await Body.ReadOrEmptyAsync(context, RequestJson.Default.ConfirmRequest);
        var me = Asking.Me(users);
        guard.DemandOtherAdministrator(me);
        if (me.PasswordHash is not null) await passwords.ConfirmAsync(me, request.Password, context.RequestAborted);
        await removal.RemoveAsync(me.Place, me.Id, Asking.From(context), context.RequestAborted);
        return TypedResults.NoContent();
    }

    private static IResult Preferences(HttpContext context, [FromServices] UserDirectory users) =>
        Asking.Answer(context, Asking.Me(users).Preferences ?? [], IdentityJson.Default.JsonObject);

    private static async Task<IResult> SetPreferencesAsync(HttpContext context, UserDirectory users, bool replace)
    {
        var sent = await Body.ObjectAsync(context);
        var me = Asking.Me(users);
        var changed = await users.ChangeAsync(me.Place, u => u with { Preferences = AccountFields.Merge(replace ? null : u.Preferences, sent, "/preferences") }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("user", me.Id);
        return Asking.Answer(context, changed.Preferences ?? [], IdentityJson.Default.JsonObject);
    }
}
