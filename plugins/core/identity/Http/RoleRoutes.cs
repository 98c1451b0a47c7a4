using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of roles and of questions about permissions.</summary>
internal static class RoleRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("~/api/v1/auth/check-permissions", CheckAsync).WithSummary("May I, or somebody, do this? Which role decides?").RequireAuthorization("core.identity:use").Accepts<CheckRequest>("application/json").Produces<CheckView>();
        routes.MapGet("~/api/v1/auth/roles", Overview).WithSummary("Roles and the names of scopes").RequireAuthorization("core.identity:use").Produces<RolesView>();
        routes.MapGet("~/api/v1/roles", List).WithSummary("Roles").RequireAuthorization("platform.roles:read").Produces<ListView<RoleView>>();
        routes.MapPost("~/api/v1/roles", AddAsync).WithSummary("Make a role").RequireAuthorization("platform.roles:create").Accepts<RoleRequest>("application/json").Produces<RoleView>(201);
        routes.MapGet("~/api/v1/roles/{name}", Find).WithSummary("A role").RequireAuthorization("platform.roles:read").Produces<RoleView>();
        routes.MapPut("~/api/v1/roles/{name}", ChangeAsync).WithSummary("Change a role").RequireAuthorization("platform.roles:update").Accepts<RoleRequest>("application/json").Produces<RoleView>();
        routes.MapDelete("~/api/v1/roles/{name}", DeleteAsync).WithSummary("Delete a role; who has it loses it").RequireAuthorization("platform.roles:delete").Produces(204);
    }

    private static async Task<IResult> CheckAsync(HttpContext context, [FromServices] Questions questions) =>
        Asking.Answer(context, questions.Answer(await Body.ReadAsync(context, RequestJson.Default.CheckRequest)), IdentityJson.Default.CheckView);

    private static IResult Overview(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users) =>
        Asking.Answer(context, new RolesView(Views(catalogue, users), Grant.Named.ToImmutableSortedDictionary(StringComparer.Ordinal)), IdentityJson.Default.RolesView);

    private static IResult List(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users) =>
        Asking.Answer(context, new ListView<RoleView>(Views(catalogue, users)), IdentityJson.Default.ListViewRoleView);

    private static IResult Find(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users) =>
        Asking.Answer(context, View(Of(catalogue, name), users), IdentityJson.Default.RoleView);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.RoleRequest);
        if (!Catalogue.IsName(request.Name) || request.Name is "system" or "administrator" or "anonymous") throw Asking.Invalid("/name", "form", "1 to 64 of a-z, 0-9, _ and -, beginning with a letter; system, administrator and anonymous are taken.");
        var role = Checked(new Role { Name = request.Name! }, request, catalogue, guard);
        await Catalogue.AddAsync(catalogue.Roles, new Place(CallContext.Current.Tenant, role.Name), role, "role", context.RequestAborted);
        await TellAsync(trail, context, "created", role);
        context.Response.Headers.Location = $"/api/v1/roles/{role.Name}";
        return Asking.Answer(context, View(role, users), IdentityJson.Default.RoleView, 201);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.RoleRequest);
        var old = Of(catalogue, name);
        if (name == DefaultRoles.Admin) throw new RuleViolationException("The role admin may do everything and stays so.");
        if (request.Name is { } renamed && renamed != name) throw Asking.Invalid("/name", "read_only", "A role keeps its name; make another one.");
        guard.DemandGrants(old.Permissions.SelectMany(Grant.Parse));
        var wanted = Checked(old, request, catalogue, guard);
        var changed = await catalogue.Roles.ChangeAsync(new Place(CallContext.Current.Tenant, name), r => r with { Description = wanted.Description, Permissions = wanted.Permissions, Inherits = wanted.Inherits }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("role", name);
        await TellAsync(trail, context, "changed", changed);
        return Asking.Answer(context, View(changed, users), IdentityJson.Default.RoleView);
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] SecurityTrail trail)
    {
        var role = Of(catalogue, name);
        if (role.BuiltIn) throw new RuleViolationException($"The role {name} came with Nexus or a plugin and cannot be deleted; take it from its users, or change what it allows.");
        var tenant = CallContext.Current.Tenant;
        // From whoever has it first: a role of the same name that is made later must not come with users.
        foreach (var user in users.All(tenant).Where(u => u.Roles.Contains(name)).ToList())
            await users.ChangeAsync(user.Place, u => u with { Roles = u.Roles.Remove(name) }, cancellationToken: context.RequestAborted);
        foreach (var group in catalogue.Groups.All(tenant).Where(g => g.Roles.Contains(name)).ToList())
            await catalogue.Groups.ChangeAsync(new Place(tenant, group.Name), g => g with { Roles = g.Roles.Remove(name) }, cancellationToken: context.RequestAborted);
        foreach (var heir in catalogue.Roles.All(tenant).Where(r => r.Inherits.Contains(name)).ToList())
            await catalogue.Roles.ChangeAsync(new Place(tenant, heir.Name), r => r with { Inherits = r.Inherits.Remove(name) }, cancellationToken: context.RequestAborted);
        await catalogue.Roles.RemoveAsync(new Place(tenant, name), cancellationToken: context.RequestAborted);
        await TellAsync(trail, context, "deleted", role);
        return TypedResults.NoContent();
    }

    private static Role Checked(Role old, RoleRequest request, Catalogue catalogue, Guard guard)
    {
        var tenant = CallContext.Current.Tenant;
        var permissions = request.Permissions ?? old.Permissions;
        var inherits = request.Inherits ?? old.Inherits;
        var errors = new List<FieldError>();
        if (request.Description is { } text && !AccountFields.IsText(text, 500)) errors.Add(new FieldError("/description", "max_length", "At most 500 characters."));
        if (permissions.Length > 500) errors.Add(new FieldError("/permissions", "count", "At most 500 permissions."));
        errors.AddRange(permissions.Select((p, i) => (p, i)).Where(p => Grant.Parse(p.p) is []).Select(p => new FieldError($"/permissions/{p.i}", "form", $"'{p.p}' is not resource:action or resource:action:own|team|all.")));
        errors.AddRange(inherits.Where(r => catalogue.Roles.Find(new Place(tenant, r)) is null).Select(r => new FieldError("/inherits", "unknown_role", $"There is no role {r}.")));
        if (Reaches(inherits, old.Name, tenant, catalogue)) errors.Add(new FieldError("/inherits", "cycle", $"{old.Name} would inherit itself."));
        AccountFields.Throw(errors);
        guard.DemandGrants(permissions.SelectMany(Grant.Parse));
        guard.DemandRoles(inherits, "/inherits");
        return old with { Description = request.Description ?? old.Description, Permissions = [.. permissions.Distinct(StringComparer.Ordinal)], Inherits = [.. inherits.Distinct(StringComparer.Ordinal)] };
    }

    private static bool Reaches(ImmutableArray<string> from, string name, string tenant, Catalogue catalogue)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(from);
        while (waiting.TryDequeue(out var next))
        {
            if (next == name) return true;
            if (!seen.Add(next) || catalogue.Roles.Find(new Place(tenant, next)) is not { } role) continue;
            foreach (var parent in role.Inherits) waiting.Enqueue(parent);
        }

        return false;
    }

    private static Role Of(Catalogue catalogue, string name) => catalogue.Roles.Find(new Place(CallContext.Current.Tenant, name)) ?? throw Asking.Missing("role", name);

    private static ImmutableArray<RoleView> Views(Catalogue catalogue, UserDirectory users) =>
        [.. catalogue.Roles.All(CallContext.Current.Tenant).OrderBy(r => r.Name, StringComparer.Ordinal).Select(r => View(r, users))];

    private static RoleView View(Role role, UserDirectory users) =>
        new(role.Name, role.Description, role.Permissions, role.Inherits, role.BuiltIn, users.All(CallContext.Current.Tenant).Count(u => u.Roles.Contains(role.Name)));

    private static ValueTask TellAsync(SecurityTrail trail, HttpContext context, string what, Role role) =>
        trail.TellAsync($"auth.role.{what}", Asking.From(context), Asking.Actor, CallContext.Current.Tenant, $"roles/{role.Name}", detail: new JsonObject { ["permissions"] = new JsonArray([.. role.Permissions.Select(p => (JsonNode)p)]), ["inherits"] = new JsonArray([.. role.Inherits.Select(p => (JsonNode)p)]) });
}
