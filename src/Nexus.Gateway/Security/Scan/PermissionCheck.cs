using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Security.Scan;

/// <summary>Routes that are open to more callers than they should be, and rights of plugins.</summary>
internal sealed class PermissionCheck(IAuthorization authorization, PluginRoutes routes, PlatformEndpoints platform, IPlugins plugins, LocalAdministrator local) : ISecurityCheck
{
    private const string Area = "permissions";

    /// <inheritdoc/>
    public string Name => Area;

    /// <inheritdoc/>
    public async Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (authorization is PolicyPoint { HasPolicy: false })
            findings.Add(One("no-policy", Severity.High, "node", local.IsServed ? "No identity plugin is active; callers of this machine may do all." : "No identity plugin is active; nothing is served.", "Enable an identity plugin."));
        var all = routes.Endpoints.Concat(platform.Endpoints).Select(e => e.Metadata.GetMetadata<RouteFacts>()!).ToArray();
        // The plugin of the policy has to have public routes that change something: those by which callers sign in.
        var identity = plugins.Current.Plugins.FirstOrDefault(p => p.Authorization is not null)?.Manifest.Name;
        foreach (var route in all.Where(r => r.Permission is null && r.Plugin != identity && (r.Methods.IsEmpty || r.Methods.Any(IsUnsafe))))
            findings.Add(One("public-change", Severity.Medium, $"{string.Join(' ', route.Methods)} {route.Pattern}", $"Anybody may call this route of {route.Plugin}, and it may change something.", "Give it a permission by RequireAuthorization, unless it checks its callers itself."));
        foreach (var permission in all.Select(r => r.Permission).OfType<string>().Distinct())
        {
            if (await IsOpenAsync(permission, cancellationToken))
                findings.Add(One("anonymous-permission", permission.StartsWith("platform.", StringComparison.Ordinal) ? Severity.High : Severity.Medium, permission, "The policy gives this permission to callers who did not sign in.", "Take it from the role that anonymous callers have."));
        }
        foreach (var status in plugins.List().Where(p => p is { State: PluginState.Failed or PluginState.Quarantined }))
            findings.Add(One("plugin-failed", Severity.Low, status.Id, $"The plugin is {status.State}: {status.Cause}", status.Remedy ?? "Mend or remove it."));
        return findings.ToImmutable();
    }

    private async Task<bool> IsOpenAsync(string permission, CancellationToken cancellationToken)
    {
        try
        {
            return (await authorization.DecideAsync(new CallContext(Caller.Anonymous, CallContext.DefaultTenant, "scan"), permission, cancellationToken)).Scope != AccessScope.None;
        }
        catch (NexusException)
        {
            return false;
        }
    }

    private static bool IsUnsafe(string method) => !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method));

    private static Finding One(string id, Severity severity, string subject, string detail, string remedy) => new("permission." + id, severity, Area, subject, detail, remedy);
}
