using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Security.Limits;
using Nexus.Gateway.Security.Scan;
using Nexus.Gateway.Security.Status;
using Nexus.Gateway.Security.Transport;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security;

/// <summary>Puts the security of the gateway together.</summary>
internal static class SecurityRegistration
{
    /// <summary>Adds the policy point, the stages' state and the options.</summary>
    public static IServiceCollection AddGatewaySecurity(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<SecurityOptions>(configuration.GetSection("security"));
        services.TryAddSingleton(host =>
        {
            var identity = ActivatorUtilities.CreateInstance<ActiveIdentity>(host);
            ChangeToken.OnChange(configuration.GetReloadToken, identity.Forget);
            return identity;
        });
        services.TryAddSingleton<LocalAdministrator>();
        services.TryAddSingleton<OpenCallers>();
        services.TryAddSingleton<IAuthorization, PolicyPoint>();
        services.Configure<HttpsOptions>(configuration.GetSection("server:https"));
        services.TryAddSingleton<SecuritySettings>();
        services.TryAddSingleton<AddressRules>();
        services.TryAddSingleton<BlockStore>();
        services.TryAddSingleton<AddressBlocks>();
        services.AddSingleton<IHostedService, BlockKeeper>();
        services.TryAddSingleton<SharedLimits>();
        services.TryAddSingleton<RequestLimits>();
        services.TryAddSingleton<RouteLimits>();
        services.TryAddSingleton<SecurityTrail>();
        services.TryAddSingleton<Refusals>();
        services.TryAddSingleton<Alerts>();
        services.TryAddSingleton<AbuseWatch>();
        services.TryAddSingleton<ConnectionGuard>();
        services.TryAddSingleton<KestrelShell>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>>(host => host.GetRequiredService<KestrelShell>());
        services.AddSingleton<IConfigureOptions<FormOptions>>(host => host.GetRequiredService<KestrelShell>());
        services.TryAddSingleton<NodeAddress>();
        services.TryAddSingleton<INodeAddress>(host => host.GetRequiredService<NodeAddress>());
        services.AddSingleton<IPluginPorts>(host => host.GetRequiredService<NodeAddress>());
        services.TryAddSingleton<SecurityControls>();
        services.TryAddSingleton<SecurityScan>();
        services.AddSingleton<IPluginPorts, ScanPort>();
        services.AddSingleton<ISecurityCheck, ConfigurationCheck>();
        services.AddSingleton<ISecurityCheck, PermissionCheck>();
        services.AddSingleton<ISecurityCheck, DependencyCheck>();
        services.AddSingleton<ISecurityCheck, FileCheck>();
        services.AddSingleton<IPlatformRoutes, SecurityRoutes>();
        services.AddSingleton<IPlatformRoutes, Keys.KeyRoutes>();
        // After the plugins in the order of registration: it looks at what they brought.
        services.AddSingleton<IHostedService, IdentityCheck>();
        return services;
    }
}
