using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of tenants, for administrators of the node's own.</summary>
internal static class TenantRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/tenants", List).WithSummary("Tenants").RequireAuthorization("platform.tenants:read").Produces<ListView<Tenant>>();
        routes.MapPost("~/api/v1/tenants", AddAsync).WithSummary("Make a tenant, with its first administrator").RequireAuthorization("platform.tenants:create").Accepts<TenantRequest>("application/json").Produces<Tenant>(201);
    }

    private static IResult List(HttpContext context, [FromServices] Catalogue catalogue) =>
        Asking.Answer(context, new ListView<Tenant>([new Tenant { Name = CallContext.DefaultTenant, Description = "The node's own" }, .. catalogue.Tenants.All(CallContext.DefaultTenant).OrderBy(t => t.Name, StringComparer.Ordinal)]), IdentityJson.Default.ListViewTenant);

    private static async Task<IResult> AddAsync(HttpContext context, [FromServices] Tenants tenants, [FromServices] Registration registration, [FromServices] Guard guard, [FromServices] SecurityTrail trail)
    {
        var request = await Body.ReadAsync(context, RequestJson.Default.TenantRequest);
        if (!Catalogue.IsName(request.Name)) throw Asking.Invalid("/name", "form", "1 to 64 of a-z, 0-9, _ and -, beginning with a letter.");
        guard.DemandRoles([DefaultRoles.Admin], "/administrator");
        var tenant = await tenants.AddAsync(request.Name!, request.Description, context.RequestAborted);
        if (request.Administrator is { } first)
            await registration.AddAsync(tenant.Name, new NewAccount { UserName = first.Username, Email = first.Email, Password = first.Password, DisplayName = first.DisplayName ?? first.Name, EmailVerified = true, MustChangePassword = first.MustChangePassword ?? false, Roles = [DefaultRoles.Admin] }, emailNeeded: false, context.RequestAborted);
        await trail.TellAsync("auth.tenant.created", Asking.From(context), Asking.Actor, CallContext.Current.Tenant, $"tenants/{tenant.Name}");
        return Asking.Answer(context, tenant, IdentityJson.Default.Tenant, 201);
    }
}
