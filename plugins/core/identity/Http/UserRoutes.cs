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

namespace Nexus.Core.Identity.Http;

/// <summary>Routes by which administrators manage users.</summary>
internal static class UserRoutes
{
    private const string Read = "platform.users:read";
    private const string Update = "platform.users:update";

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/users", List).WithSummary("Users, by name").RequireAuthorization(Read).WithQuery("q", "part of the name, the address or the displayed name").WithQuery("limit", "users a page, 1 to 1000; 100 unless asked otherwise").WithQuery("cursor", "nextCursor of an earlier page").Produces<ListView<UserView>>();
        routes.MapPost("~/api/v1/users", AddAsync).WithSummary("Make a user").RequireAuthorization("platform.users:create").Accepts<UserRequest>("application/json").Produces<UserView>(201);
        routes.MapGet("~/api/v1/users/{id}", Find).WithSummary("A user, by id or name").RequireAuthorization(Read).Produces<UserView>();
        routes.MapPatch("~/api/v1/users/{id}", ChangeAsync).WithSummary("Change a user").RequireAuthorization(Update).Accepts<UserRequest>("application/json").Produces<UserView>();
        routes.MapPut("~/api/v1/users/{id}", ChangeAsync).WithSummary("Change a user").RequireAuthorization(Update).Accepts<UserRequest>("application/json").Produces<UserView>();
        routes.MapDelete("~/api/v1/users/{id}", DeleteAsync).WithSummary("Delete a user with its sessions and keys").RequireAuthorization("platform.users:delete").Produces(204);
        routes.MapPut("~/api/v1/users/{id}/roles", SetRolesAsync).WithSummary("Replace the roles of a user").RequireAuthorization(Update).Accepts<RolesRequest>("application/json").Produces<UserView>();
        routes.MapPost("~/api/v1/users/{id}/roles/{role}", GiveRoleAsync).WithSummary("Give a user a role").RequireAuthorization(Update).Produces<UserView>();
        routes.MapDelete("~/api/v1/users/{id}/roles/{role}", TakeRoleAsync).WithSummary("Take a role from a user").RequireAuthorization(Update).Produces<UserView>();
        routes.MapPut("~/api/v1/users/{id}/password", SetPasswordAsync).WithSummary("Set a password that must be changed at the next sign-in").RequireAuthorization(Update).Accepts<ConfirmRequest>("application/json").Produces(204);
        routes.MapPost("~/api/v1/users/{id}/unlock", UnlockAsync).WithSummary("Open an account that wrong passwords locked").RequireAuthorization(Update).Produces<UserView>();
        routes.MapGet("~/api/v1/users/{id}/sessions", Sessions).WithSummary("Sign-in sessions of a user").RequireAuthorization(Read).Produces<ListView<SessionView>>();
        routes.MapDelete("~/api/v1/users/{id}/sessions", EndSessionsAsync).WithSummary("End all sign-in sessions of a user").RequireAuthorization(Update).Produces<EndedView>();
        routes.MapDelete("~/api/v1/users/{id}/sessions/{session}", EndSessionAsync).WithSummary("End a sign-in session of a user").RequireAuthorization(Update).Produces(204);
    }

    private static IResult List(HttpContext context, [FromServices] UserDirectory users, [FromServices] Catalogue catalogue, [FromServices] Lockouts lockouts)
    {
        var limit = Asking.Number(context, "limit", 100, 1_000);
        var (after, q) = (context.Request.Query["cursor"].FirstOrDefault(), Names.Key(context.Request.Query["q"].FirstOrDefault()));
        var all = users.All(CallContext.Current.Tenant)
            .Where(u => q is null || (Names.Key(u.UserName)?.Contains(q, StringComparison.Ordinal) ?? false) || (Names.Key(u.Email)?.Contains(q, StringComparison.Ordinal) ?? false) || (Names.Key(u.DisplayName)?.Contains(q, StringComparison.Ordinal) ?? false))
            .OrderBy(u => u.UserName, StringComparer.Ordinal).ToList();
        var page = all.Where(u => after is null || string.CompareOrdinal(u.UserName, after) > 0).Take(limit + 1).ToList();
        return Asking.Answer(context, new ListView<UserView>([.. page.Take(limit).Select(u => UserView.Of(u, catalogue, lockouts.LockedUntil(u.Place)))], page.Count > limit ? page[limit - 1].UserName : null, all.Count), IdentityJson.Default.ListViewUserView);
    }

    private static IResult Find(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] Catalogue catalogue, [FromServices] Lockouts lockouts)
    {
        var user = Asking.User(users, id);
        return Asking.Answer(context, UserView.Of(user, catalogue, lockouts.LockedUntil(user.Place)), IdentityJson.Default.UserView);
    }

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] Registration registration, [FromServices] Guard guard, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.UserRequest);
        var user = await MakeAsync(request, CallContext.Current.Tenant, registration, guard, context.RequestAborted);
        await trail.TellAsync("auth.user.created", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}", detail: new JsonObject { ["userName"] = user.UserName, ["roles"] = Array(user.Roles) });
        context.Response.Headers.Location = $"/api/v1/users/{user.Id}";
        return Asking.Answer(context, UserView.Of(user, catalogue), IdentityJson.Default.UserView, 201);
    }

    /// <summary>Makes a user as an administrator asks for; its roles are no wider than the administrator's own.</summary>
    private static Task<User> MakeAsync(UserRequest request, string tenant, Registration registration, Guard guard, CancellationToken cancellationToken)
    {
        var roles = request.Roles ?? [DefaultRoles.User];
        guard.DemandRoles(roles, "/roles");
        guard.DemandGroups(request.Groups ?? [], "/groups");
        return registration.AddAsync(tenant, new NewAccount
        {
            UserName = request.Username,
            Email = request.Email,
            Password = request.Password,
            DisplayName = request.DisplayName ?? request.Name,
            EmailVerified = request.EmailVerified ?? true,
            MustChangePassword = request.MustChangePassword ?? false,
            Roles = [.. roles.Distinct(StringComparer.Ordinal)],
            Groups = [.. (request.Groups ?? []).Distinct(StringComparer.Ordinal)],
        }, emailNeeded: false, cancellationToken);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] SignInSessions sessions, [FromServices] Guard guard, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.UserRequest);
        var user = Asking.User(users, id);
        guard.DemandOver(user);
        var name = request.DisplayName ?? request.Name;
        var errors = new List<FieldError>();
        if (request.Username is { } wanted && !Names.IsUserName(wanted)) errors.Add(new FieldError("/username", "form", "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit."));
        if (request.Email is { } email && !Names.IsEmail(email)) errors.Add(new FieldError("/email", "form", "An e-mail address such as ada@example.org."));
        if (name is not null && (string.IsNullOrWhiteSpace(name) || !AccountFields.IsText(name, 200))) errors.Add(new FieldError("/displayName", "form", "1 to 200 characters."));
        if (request.Password is not null) errors.Add(new FieldError("/password", "elsewhere", $"Passwords are set at /api/v1/users/{user.Id}/password."));
        AccountFields.Throw(errors);
        if (request.Roles is { } roles) guard.DemandRoles([.. roles.Except(user.Roles)], "/roles");
        if (request.Groups is { } groups) guard.DemandGroups([.. groups.Except(user.Groups)], "/groups");
        if (request.Disabled == true || request.Roles is { } kept && !kept.Contains(DefaultRoles.Admin)) guard.DemandOtherAdministrator(user);
        var changed = await users.ChangeAsync(user.Place, u => u with
        {
            UserName = request.Username ?? u.UserName,
            Email = request.Email ?? u.Email,
            EmailVerified = request.EmailVerified ?? u.EmailVerified,
            DisplayName = name?.Trim() ?? u.DisplayName,
            Roles = request.Roles is { } r ? [.. r.Distinct(StringComparer.Ordinal)] : u.Roles,
            Groups = request.Groups is { } g ? [.. g.Distinct(StringComparer.Ordinal)] : u.Groups,
            Disabled = request.Disabled ?? u.Disabled,
            MustChangePassword = request.MustChangePassword ?? u.MustChangePassword,
            Profile = request.Profile is { } profile ? AccountFields.Merge(u.Profile, profile, "/profile") : u.Profile,
        }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("user", id);
        if (changed.Disabled) await sessions.EndAllAsync(user.Place, null, context.RequestAborted);
        await trail.TellAsync("auth.user.changed", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}", detail: new JsonObject { ["disabled"] = changed.Disabled, ["rolesBefore"] = Array(user.Roles), ["roles"] = Array(changed.Roles), ["groups"] = Array(changed.Groups) });
        return Asking.Answer(context, UserView.Of(changed, catalogue), IdentityJson.Default.UserView);
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] AccountRemoval removal, [FromServices] Guard guard)
    {
        var user = Asking.User(users, id);
        guard.DemandOver(user);
        guard.DemandOtherAdministrator(user);
        return await removal.RemoveAsync(user.Place, Asking.Actor, Asking.From(context), context.RequestAborted) ? TypedResults.NoContent() : throw Asking.Missing("user", id);
    }

    private static async Task<IResult> SetRolesAsync(HttpContext context, string id, [FromServices] RoleGiving giving, [FromServices] Catalogue catalogue)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.RolesRequest);
        var wanted = request.Roles ?? throw new NexusException(ErrorCodes.ValidationError, "Send roles.") { Errors = [new FieldError("/roles", "required", "A list of roles, which may be empty.")] };
        return Asking.Answer(context, UserView.Of(await giving.ChangeAsync(context, id, _ => wanted), catalogue), IdentityJson.Default.UserView);
    }

    private static async Task<IResult> GiveRoleAsync(HttpContext context, string id, string role, [FromServices] RoleGiving giving, [FromServices] Catalogue catalogue) =>
        Asking.Answer(context, UserView.Of(await giving.ChangeAsync(context, id, roles => roles.Contains(role) ? roles : roles.Add(role)), catalogue), IdentityJson.Default.UserView);

    private static async Task<IResult> TakeRoleAsync(HttpContext context, string id, string role, [FromServices] RoleGiving giving, [FromServices] Catalogue catalogue) =>
        Asking.Answer(context, UserView.Of(await giving.ChangeAsync(context, id, roles => roles.Remove(role)), catalogue), IdentityJson.Default.UserView);

    private static async Task<IResult> SetPasswordAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] PasswordChanges passwords, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.ConfirmRequest);
        var user = Asking.User(users, id);
        guard.DemandOver(user);
        await passwords.SetByAdministratorAsync(user, request.Password, context.RequestAborted);
        await trail.TellAsync("auth.password.set", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> UnlockAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] Lockouts lockouts, [FromServices] Catalogue catalogue, [FromServices] SecurityTrail trail)
    {
        var user = Asking.User(users, id);
        if (await lockouts.UnlockAsync(user.Place)) await trail.TellAsync("auth.user.unlocked", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}");
        return Asking.Answer(context, UserView.Of(user, catalogue), IdentityJson.Default.UserView);
    }

    private static IResult Sessions(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] SignInSessions sessions) =>
        Asking.Answer(context, new ListView<SessionView>([.. sessions.Of(Asking.User(users, id).Place).Select(s => SessionView.Of(s, null))]), IdentityJson.Default.ListViewSessionView);

    private static async Task<IResult> EndSessionsAsync(HttpContext context, string id, [FromServices] UserDirectory users, [FromServices] SignInSessions sessions, [FromServices] SecurityTrail trail)
    {
        var user = Asking.User(users, id);
        var ended = await sessions.EndAllAsync(user.Place, null, context.RequestAborted);
        await trail.TellAsync("auth.session.revoked", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}/sessions", detail: new JsonObject { ["ended"] = ended });
        return Asking.Answer(context, new EndedView(ended), IdentityJson.Default.EndedView);
    }

    private static async Task<IResult> EndSessionAsync(HttpContext context, string id, string session, [FromServices] UserDirectory users, [FromServices] SignInSessions sessions, [FromServices] SecurityTrail trail)
    {
        var user = Asking.User(users, id);
        if (sessions.Find(session) is not { } found || found.UserId != user.Id || found.Tenant != user.Tenant || !await sessions.EndAsync(found.Place, context.RequestAborted)) throw Asking.Missing("sign-in session", session);
        await trail.TellAsync("auth.session.revoked", Asking.From(context), Asking.Actor, user.Tenant, $"sessions/{session}");
        return TypedResults.NoContent();
    }

    private static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];
}
