using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Policy;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of the keys of programs. Users keep their own; who may change users sees and revokes all.</summary>
internal static class KeyRoutes
{
    private const string Use = "core.identity:use";

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/api-keys", List).WithSummary("Own keys, or with ?user=all those of everybody").RequireAuthorization(Use).WithQuery("user", "whose: an id or a name, or all").Produces<ListView<KeyView>>();
        routes.MapPost("~/api/v1/api-keys", AddAsync).WithSummary("Make a key; the answer is the only place where it is shown").RequireAuthorization(Use).Accepts<KeyRequest>("application/json").Produces<KeyView>(201);
        routes.MapGet("~/api/v1/api-keys/{id}", Find).WithSummary("A key").RequireAuthorization(Use).Produces<KeyView>();
        routes.MapDelete("~/api/v1/api-keys/{id}", RevokeAsync).WithSummary("Revoke a key").RequireAuthorization(Use).Produces(204);
    }

    private static IResult List(HttpContext context, [FromServices] KeyRegister keys, [FromServices] UserDirectory users, [FromServices] AccessPolicy policy)
    {
        var call = CallContext.Current;
        var named = context.Request.Query["user"].FirstOrDefault();
        var whose = named is null && users.Find(new Place(call.Tenant, call.Caller.Id)) is { } me ? me.Id : named is null or "all" ? null : Asking.User(users, named).Id;
        if (whose != call.Caller.Id) DemandUsers(policy, "read");
        return Asking.Answer(context, new ListView<KeyView>([.. keys.Of(call.Tenant, whose).Select(k => KeyView.Of(k))]), IdentityJson.Default.ListViewKeyView);
    }

    private static IResult Find(HttpContext context, string id, [FromServices] KeyRegister keys, [FromServices] AccessPolicy policy) =>
        Asking.Answer(context, KeyView.Of(Visible(id, "read", keys, policy)), IdentityJson.Default.KeyView);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] KeyRegister keys, [FromServices] UserDirectory users, [FromServices] AccessPolicy policy, [FromServices] Guard guard, [FromServices] SecurityTrail trail, [FromServices] TimeProvider time)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.KeyRequest);
        var user = request.User is { } named ? Asking.User(users, named) : Asking.Me(users);
        if (user.Id != CallContext.Current.Caller.Id)
        {
            DemandUsers(policy, "update");
            guard.DemandOver(user);
        }

        var scopes = (request.Scopes ?? request.Permissions ?? []).Distinct(StringComparer.Ordinal).ToList();
        var now = time.GetUtcNow();
        var expires = request.ExpiresAt ?? (request.ExpiresInDays is { } days and >= 1 and <= 3_650 ? now.AddDays(days) : null);
        var errors = new List<FieldError>();
        if (request.Name is not { Length: >= 1 and <= 100 } name || !AccountFields.IsText(name, 100)) errors.Add(new FieldError("/name", "required", "What the key is for, 1 to 100 characters."));
        if (scopes.Count > 100) errors.Add(new FieldError("/scopes", "count", "At most 100 scopes."));
        errors.AddRange(scopes.Select((s, i) => (s, i)).Where(s => Grant.Parse(s.s) is []).Select(s => new FieldError($"/scopes/{s.i}", "form", $"'{s.s}' is not resource:action, nor one of {string.Join(", ", Grant.Named.Keys.Order(StringComparer.Ordinal))}.")));
        if (request.ExpiresInDays is < 1 or > 3_650) errors.Add(new FieldError("/expires_in_days", "range", "1 to 3650."));
        if (expires <= now) errors.Add(new FieldError("/expires_at", "range", "A time to come."));
        if (request.RequestsPerMinute is < 1 or > 1_000_000) errors.Add(new FieldError("/requests_per_minute", "range", "1 to 1000000."));
        AccountFields.Throw(errors);
        // A key that was made with a key or a narrowed token is no wider than that.
        if (!CallContext.Current.Caller.Scopes.IsDefaultOrEmpty) guard.DemandGrants(scopes.SelectMany(Grant.Parse));
        var (text, key) = await keys.AddAsync(user, request.Name!, [.. scopes], expires, request.RequestsPerMinute, context.RequestAborted);
        await trail.TellAsync("auth.key.created", Asking.From(context), Asking.Actor, user.Tenant, $"keys/{key.Id}", detail: new JsonObject { ["name"] = key.Name, ["preview"] = key.Preview, ["scopes"] = new JsonArray([.. key.Scopes.Select(s => (JsonNode)s)]) });
        context.Response.Headers.Location = $"/api/v1/api-keys/{key.Id}";
        return Asking.Answer(context, KeyView.Of(key, text), IdentityJson.Default.KeyView, 201);
    }

    private static async Task<IResult> RevokeAsync(HttpContext context, string id, [FromServices] KeyRegister keys, [FromServices] AccessPolicy policy, [FromServices] SecurityTrail trail)
    {
        var key = Visible(id, "update", keys, policy);
        if (!await keys.RevokeAsync(key.Place, context.RequestAborted)) throw Asking.Missing("key", id);
        await trail.TellAsync("auth.key.revoked", Asking.From(context), Asking.Actor, key.Tenant, $"keys/{key.Id}", detail: new JsonObject { ["name"] = key.Name, ["preview"] = key.Preview });
        return TypedResults.NoContent();
    }

    private static ApiKey Visible(string id, string action, KeyRegister keys, AccessPolicy policy)
    {
        var call = CallContext.Current;
        return keys.Find(new Place(call.Tenant, id)) is { } key && (key.UserId == call.Caller.Id || policy.Explain(call, $"platform.users:{action}").Scope == AccessScope.All) ? key : throw Asking.Missing("key", id);
    }

    private static void DemandUsers(AccessPolicy policy, string action)
    {
        if (policy.Explain(CallContext.Current, $"platform.users:{action}").Scope != AccessScope.All) throw new NexusException(ErrorCodes.PermissionDenied, $"The keys of others need the permission platform.users:{action}.");
    }
}
