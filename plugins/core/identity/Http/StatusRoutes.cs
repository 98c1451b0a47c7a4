using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Http;

/// <summary>How one can sign in here.</summary>
internal static class StatusRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("~/api/v1/auth/status", Status).WithSummary("How one can sign in here").AllowAnonymous().Produces<StatusView>();

    private static IResult Status(HttpContext context, [FromServices] IPlugins plugins, [FromServices] IOptions<IdentityOptions> options, [FromServices] AdministratorToken administrator)
    {
        // The command line on this machine finds the file by it; who cannot read the file learns a path.
        var local = context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address) ? administrator.File : null;
        // A stranger learns what a sign-in page needs, and not which methods there are to try or how passwords are kept.
        if (ReferenceEquals(CallContext.Current.Caller, Caller.Anonymous)) return Asking.Answer(context, new StatusView(options.Value.Registration, null, null, null, null, local), IdentityJson.Default.StatusView);
        ImmutableArray<string> strategies = [.. plugins.Current.Plugins.SelectMany(p => p.Authentication).OrderBy(a => a.Order).Select(a => a.Name)];
        return Asking.Answer(context, new StatusView(options.Value.Registration, "core.identity", strategies, options.Value.EmailVerification, Argon2id.IsAvailable ? "argon2id" : "pbkdf2-sha512", local), IdentityJson.Default.StatusView);
    }
}
