using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.OpenId;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity;

/// <summary>Users, sign-in, API keys, roles, and the policy of the node.</summary>
public sealed class IdentityPlugin : IPlugin, IStart
{
    private IServiceProvider? services;

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.AddOptions<IdentityOptions>();
        plugin.Services
            .AddSingleton<Tree>()
            .AddSingleton<UserDirectory>()
            .AddSingleton<FirstUser>()
            .AddSingleton(_ => PasswordHashing.Default())
            .AddSingleton<SignInSessions>()
            .AddSingleton<Callers>()
            .AddSingleton<PasswordSignIn>()
            .AddSingleton<BearerStrategy>()
            .AddSingleton<AccessPolicy>()
            .ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, IdentityJson.Default));
        plugin.AddTokens().AddOpenId();
        plugin.AddAuthentication("bearer", (credentials, token) => Get<BearerStrategy>().AuthenticateAsync(credentials, token));
        plugin.UseAuthorization((context, permission, token) => Get<AccessPolicy>().DecideAsync(context, permission, token));
        plugin.MapEndpoints(SignInRoutes.Map);
    }

    /// <inheritdoc/>
    public async Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        this.services = services;
        await services.GetRequiredService<KeyRing>().StartAsync(cancellationToken);
        await services.GetRequiredService<UserDirectory>().LoadAsync(CallContext.DefaultTenant, cancellationToken);
        await services.GetRequiredService<SignInSessions>().LoadAsync(CallContext.DefaultTenant, cancellationToken);
        if (await services.GetRequiredService<FirstUser>().EnsureAsync(cancellationToken) is { } password)
            await Console.Error.WriteLineAsync($"\n  The first administrator is '{FirstUser.UserName}' with the one-time password  {password}\n  It is shown only here and must be changed at the first sign-in.\n");
    }

    private T Get<T>()
        where T : notnull => (services ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "Identity has not started yet.")).GetRequiredService<T>();
}
