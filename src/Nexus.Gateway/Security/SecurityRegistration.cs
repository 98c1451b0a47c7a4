using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Security.Callers;

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
        services.TryAddSingleton<IAuthorization, PolicyPoint>();
        // After the plugins in the order of registration: it looks at what they brought.
        services.AddSingleton<IHostedService, IdentityCheck>();
        return services;
    }
}
