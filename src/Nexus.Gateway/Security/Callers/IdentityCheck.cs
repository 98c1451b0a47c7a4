using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Security.Callers;

/// <summary>Runs after the plugins have started and before the port opens: production does not serve without a policy, also when its plugin failed to load.</summary>
internal sealed class IdentityCheck(IAuthorization authorization, IHostEnvironment environment, IOptionsMonitor<SecurityOptions> options) : IHostedService
{
    /// <inheritdoc/>
    /// <exception cref="NexusException"><c>IDENTITY_REQUIRED</c>, or <c>CONFIG_VALIDATION_ERROR</c> when production is told to trust its own machine.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!environment.IsProduction())
            return Task.CompletedTask;
        if (options.CurrentValue.LocalAdministrator)
        {
            throw new NexusException(ErrorCodes.ConfigurationError, "1 setting is not valid.")
            {
                Errors = [new FieldError("security.localAdministrator", "unsafe", "security.localAdministrator is for development; production refuses it. Remove it, or set the environment to development.")],
            };
        }
        if (authorization is PolicyPoint { HasPolicy: false })
            throw new NexusException(ErrorCodes.IdentityRequired, "A production host needs identity and no active plugin brings a policy: enable an identity plugin (`nexus plugin list` shows why one is not active), or set DOTNET_ENVIRONMENT=Development to serve callers of this machine as the local administrator.");
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
