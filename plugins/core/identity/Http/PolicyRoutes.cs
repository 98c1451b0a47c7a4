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

/// <summary>Routes of rules about resources by pattern, beside the roles.</summary>
internal static class PolicyRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/permissions", List).WithSummary("Rules about resources by pattern").RequireAuthorization("platform.permissions:read").Produces<ListView<ResourcePolicy>>();
        routes.MapGet("~/api/v1/permissions/{name}", Find).WithSummary("A rule about resources").RequireAuthorization("platform.permissions:read").Produces<ResourcePolicy>();
        routes.MapPut("~/api/v1/permissions/{name}", SetAsync).WithSummary("Make or replace a rule about resources").RequireAuthorization("platform.permissions:update").Accepts<PolicyRequest>("application/json").Produces<ResourcePolicy>();
        routes.MapPost("~/api/v1/permissions", AddAsync).WithSummary("Make a rule about resources").RequireAuthorization("platform.permissions:create").Accepts<PolicyRequest>("application/json").Produces<ResourcePolicy>(201);
        routes.MapDelete("~/api/v1/permissions/{name}", DeleteAsync).WithSummary("Delete a rule about resources").RequireAuthorization("platform.permissions:delete").Produces(204);
    }

    private static IResult List(HttpContext context, [FromServices] Catalogue catalogue) =>
        Asking.Answer(context, new ListView<ResourcePolicy>([.. catalogue.Policies.All(CallContext.Current.Tenant).OrderBy(p => p.Name, StringComparer.Ordinal)]), IdentityJson.Default.ListViewResourcePolicy);

    private static IResult Find(HttpContext context, string name, [FromServices] Catalogue catalogue) =>
        Asking.Answer(context, catalogue.Policies.Find(Place(name)) ?? throw Asking.Missing("permission", name), IdentityJson.Default.ResourcePolicy);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var policy = Checked(await Body.ReadAsync(context, RequestJson.Default.PolicyRequest), null, guard);
        await StoreNewAsync(policy, catalogue, context);
        await TellAsync(trail, context, "created", policy);
        context.Response.Headers.Location = $"/api/v1/permissions/{policy.Name}";
        return Asking.Answer(context, policy, IdentityJson.Default.ResourcePolicy, 201);
    }

    private static async Task<IResult> SetAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var policy = Checked(await Body.ReadAsync(context, RequestJson.Default.PolicyRequest), name, guard);
        if (catalogue.Policies.Find(Place(name)) is { } old) DemandGrants(old, guard);
        if (await catalogue.Policies.ChangeAsync(Place(name), _ => policy, cancellationToken: context.RequestAborted) is null) await StoreNewAsync(policy, catalogue, context);
        await TellAsync(trail, context, "changed", policy);
        return Asking.Answer(context, policy, IdentityJson.Default.ResourcePolicy);
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        // To take a denial away is to give what it denied.
        DemandGrants(catalogue.Policies.Find(Place(name)) ?? throw Asking.Missing("permission", name), guard);
        if (await catalogue.Policies.RemoveAsync(Place(name), cancellationToken: context.RequestAborted) is not { } policy) throw Asking.Missing("permission", name);
        await TellAsync(trail, context, "deleted", policy);
        return TypedResults.NoContent();
    }

    private static ValueTask StoreNewAsync(ResourcePolicy policy, Catalogue catalogue, HttpContext context) =>
        Catalogue.AddAsync(catalogue.Policies, Place(policy.Name), policy, "permission", context.RequestAborted);

    private static ResourcePolicy Checked(PolicyRequest request, string? name, Guard guard)
    {
        var policy = new ResourcePolicy
        {
            Name = name ?? request.Name ?? "",
            Description = request.Description,
            Effect = request.Effect ?? "allow",
            Resources = request.Resources ?? [],
            Actions = request.Actions ?? ["*"],
            Scope = request.Scope ?? "all",
            Roles = request.Roles ?? [],
            Groups = request.Groups ?? [],
            Users = request.Users ?? [],
        };
        var errors = new List<FieldError>();
        if (!Catalogue.IsName(policy.Name) || request.Name is { } inside && inside != policy.Name) errors.Add(new FieldError("/name", "form", "1 to 64 of a-z, 0-9, _ and -, beginning with a letter, and the same as in the address."));
        if (policy.Effect is not ("allow" or "deny")) errors.Add(new FieldError("/effect", "choice", "allow or deny."));
        if (Grant.ScopeOf(policy.Scope) is null) errors.Add(new FieldError("/scope", "choice", "own, team or all."));
        if (policy.Resources is not { Length: >= 1 and <= 200 }) errors.Add(new FieldError("/resources", "count", "1 to 200 patterns."));
        if (policy.Actions is not { Length: >= 1 and <= 100 }) errors.Add(new FieldError("/actions", "count", "1 to 100 actions."));
        errors.AddRange(policy.Resources.Select((r, i) => (r, i)).Where(r => Grant.Parse($"{RecordRule.ResourceOf(r.r)}:read") is []).Select(r => new FieldError($"/resources/{r.i}", "form", $"'{r.r}' is no pattern of resources, such as orders/* or finance.*, and no single record, such as finance.ledger.books/ and its id.")));
        if (policy.Effect == "deny" && policy.Resources.Any(r => RecordRule.Parse(r) is not null)) errors.Add(new FieldError("/resources", "record", "Single records can be shared, not denied: deny the resource to those who should not see it."));
        if (policy.Resources.Any(r => RecordRule.Parse(r) is not null) && policy is { Roles: [], Groups: [], Users: [] }) errors.Add(new FieldError("/users", "required", "A single record is shared with somebody: name users, groups or roles."));
        errors.AddRange(policy.Actions.Select((a, i) => (a, i)).Where(a => Grant.Parse($"x:{a.a}") is []).Select(a => new FieldError($"/actions/{a.i}", "form", $"'{a.a}' is no action.")));
        AccountFields.Throw(errors);
        DemandGrants(policy, guard);
        return policy;
    }

    private static void DemandGrants(ResourcePolicy policy, Guard guard) =>
        guard.DemandGrants(from resource in policy.Resources from action in policy.Actions from grant in Grant.Parse(RecordRule.Parse(resource) is { } rule ? $"{rule.Resource}:{action}:all" : $"{resource}:{action}:{policy.Scope}") select grant);

    private static Place Place(string name) => new(CallContext.Current.Tenant, name);

    private static ValueTask TellAsync(SecurityTrail trail, HttpContext context, string what, ResourcePolicy policy) =>
        trail.TellAsync($"auth.permission.{what}", Asking.From(context), Asking.Actor, CallContext.Current.Tenant, $"permissions/{policy.Name}", detail: new JsonObject { ["effect"] = policy.Effect, ["resources"] = Texts(policy.Resources), ["actions"] = Texts(policy.Actions) });

    private static JsonArray Texts(ImmutableArray<string> texts) => [.. texts.Select(t => (JsonNode)t)];
}
