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

/// <summary>Routes of groups, which are also the teams of records.</summary>
internal static class GroupRoutes
{
    private const string Update = "platform.groups:update";

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/groups", List).WithSummary("Groups").RequireAuthorization("platform.groups:read").Produces<ListView<GroupView>>();
        routes.MapPost("~/api/v1/groups", AddAsync).WithSummary("Make a group").RequireAuthorization("platform.groups:create").Accepts<GroupRequest>("application/json").Produces<GroupView>(201);
        routes.MapGet("~/api/v1/groups/{name}", Find).WithSummary("A group with its members").RequireAuthorization("platform.groups:read").Produces<GroupView>();
        routes.MapPut("~/api/v1/groups/{name}", ChangeAsync).WithSummary("Change a group").RequireAuthorization(Update).Accepts<GroupRequest>("application/json").Produces<GroupView>();
        routes.MapDelete("~/api/v1/groups/{name}", DeleteAsync).WithSummary("Delete a group; its members leave it").RequireAuthorization("platform.groups:delete").Produces(204);
        routes.MapPut("~/api/v1/groups/{name}/members/{user}", JoinAsync).WithSummary("Take a user into a group").RequireAuthorization(Update).Produces<GroupView>();
        routes.MapDelete("~/api/v1/groups/{name}/members/{user}", LeaveAsync).WithSummary("Take a user out of a group").RequireAuthorization(Update).Produces<GroupView>();
    }

    private static IResult List(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users) =>
        Asking.Answer(context, new ListView<GroupView>([.. catalogue.Groups.All(CallContext.Current.Tenant).OrderBy(g => g.Name, StringComparer.Ordinal).Select(g => View(g, users))]), IdentityJson.Default.ListViewGroupView);

    private static IResult Find(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users) =>
        Asking.Answer(context, View(Of(catalogue, name), users), IdentityJson.Default.GroupView);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.GroupRequest);
        if (!Catalogue.IsName(request.Name)) throw Asking.Invalid("/name", "form", "1 to 64 of a-z, 0-9, _ and -, beginning with a letter.");
        Check(request, guard);
        var group = new Group { Name = request.Name!, Description = request.Description, Roles = request.Roles ?? [] };
        await Catalogue.AddAsync(catalogue.Groups, Place(group.Name), group, "group", context.RequestAborted);
        await TellAsync(trail, context, "created", group);
        context.Response.Headers.Location = $"/api/v1/groups/{group.Name}";
        return Asking.Answer(context, View(group, users), IdentityJson.Default.GroupView, 201);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.GroupRequest);
        var old = Of(catalogue, name);
        if (request.Name is { } renamed && renamed != name) throw Asking.Invalid("/name", "read_only", "A group keeps its name, because records bear it.");
        guard.DemandRoles(old.Roles, "/roles");
        Check(request, guard);
        var changed = await catalogue.Groups.ChangeAsync(Place(name), g => g with { Description = request.Description ?? g.Description, Roles = request.Roles ?? g.Roles }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("group", name);
        await TellAsync(trail, context, "changed", changed);
        return Asking.Answer(context, View(changed, users), IdentityJson.Default.GroupView);
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string name, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] SecurityTrail trail)
    {
        var group = Of(catalogue, name);
        // Members first: a group of the same name that is made later must not come with members.
        foreach (var user in users.All(CallContext.Current.Tenant).Where(u => u.Groups.Contains(name)).ToList())
            await users.ChangeAsync(user.Place, u => u with { Groups = u.Groups.Remove(name) }, cancellationToken: context.RequestAborted);
        await catalogue.Groups.RemoveAsync(Place(name), cancellationToken: context.RequestAborted);
        await TellAsync(trail, context, "deleted", group);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> JoinAsync(HttpContext context, string name, string user, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var (group, member) = (Of(catalogue, name), Asking.User(users, user));
        guard.DemandGroups([name], "/name");
        await users.ChangeAsync(member.Place, u => u.Groups.Contains(name) ? u : u with { Groups = u.Groups.Add(name) }, cancellationToken: context.RequestAborted);
        await TellAsync(trail, context, "joined", group, member);
        return Asking.Answer(context, View(group, users), IdentityJson.Default.GroupView);
    }

    private static async Task<IResult> LeaveAsync(HttpContext context, string name, string user, [FromServices] Catalogue catalogue, [FromServices] UserDirectory users, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var (group, member) = (Of(catalogue, name), Asking.User(users, user));
        if (!member.Groups.Contains(name)) throw Asking.Missing("member", user);
        if (group.Roles.Contains(DefaultRoles.Admin)) guard.DemandOtherAdministrator(member);
        await users.ChangeAsync(member.Place, u => u with { Groups = u.Groups.Remove(name) }, cancellationToken: context.RequestAborted);
        await TellAsync(trail, context, "left", group, member);
        return Asking.Answer(context, View(group, users), IdentityJson.Default.GroupView);
    }

    private static void Check(GroupRequest request, Guard guard)
    {
        if (request.Description is { } text && !AccountFields.IsText(text, 500)) throw Asking.Invalid("/description", "max_length", "At most 500 characters.");
        guard.DemandRoles(request.Roles ?? [], "/roles");
    }

    private static Place Place(string name) => new(CallContext.Current.Tenant, name);

    private static Group Of(Catalogue catalogue, string name) => catalogue.Groups.Find(Place(name)) ?? throw Asking.Missing("group", name);

    private static GroupView View(Group group, UserDirectory users) =>
        new(group.Name, group.Description, group.Roles, [.. users.All(CallContext.Current.Tenant).Where(u => u.Groups.Contains(group.Name)).OrderBy(u => u.UserName, StringComparer.Ordinal).Select(u => new MemberView(u.Id, u.UserName, u.DisplayName))]);

    private static ValueTask TellAsync(SecurityTrail trail, HttpContext context, string what, Group group, User? member = null) =>
        trail.TellAsync($"auth.group.{what}", Asking.From(context), Asking.Actor, CallContext.Current.Tenant, $"groups/{group.Name}", detail: new JsonObject { ["roles"] = new JsonArray([.. group.Roles.Select(p => (JsonNode)p)]), ["member"] = member?.Id });
}
