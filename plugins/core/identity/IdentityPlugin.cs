using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.External;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.OpenId;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.Passkeys;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity;

/// <summary>Users, sign-in, API keys, roles, and the policy of the node.</summary>
public sealed class IdentityPlugin : IPlugin, IStart
{
    private IServiceProvider? services;

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.AddOptions<IdentityOptions>().AddOptions<PasswordOptions>("password").AddOptions<MailOptions>("mail");
        AddAccounts(plugin.Services);
        plugin.Services
            .AddSingleton<DeclaredResources>()
            .AddSingleton<AccessPolicy>()
            .AddSingleton<Guard>()
            .AddSingleton<Questions>()
            .AddSingleton<RoleGiving>()
            .AddHostedService<BroughtRoles>()
            .ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, IdentityJson.Default));
        plugin.AddTokens().AddOpenId().AddTwoFactor().AddPasskeys().AddExternal();
        plugin.AddAuthentication("bearer", (credentials, token) => Get<BearerStrategy>().AuthenticateAsync(credentials, token));
        plugin.AddAuthentication("api-key", (credentials, token) => Get<KeyStrategy>().AuthenticateAsync(credentials, token), 1);
        plugin.AddAuthentication("cookie", (credentials, token) => Get<CookieStrategy>().AuthenticateAsync(credentials, token), 2);
        plugin.AddAuthentication("local", (credentials, token) => Get<AdministratorToken>().AuthenticateAsync(credentials, token), 3);
        plugin.CarryMail((sender, letter, token) => Get<DeadLetters>().QueueAsync(sender, letter, token));
        plugin.UseAuthorization((context, permission, token) => Get<AccessPolicy>().DecideAsync(context, permission, token));
        plugin.MapEndpoints(SignInRoutes.Map).MapEndpoints(AccountRoutes.Map).MapEndpoints(UserRoutes.Map).MapEndpoints(RoleRoutes.Map).MapEndpoints(GroupRoutes.Map)
            .MapEndpoints(PolicyRoutes.Map).MapEndpoints(KeyRoutes.Map).MapEndpoints(TenantRoutes.Map).MapEndpoints(MailRoutes.Map).MapEndpoints(StatusRoutes.Map);
    }

    /// <inheritdoc/>
    public async Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        this.services = services;
        var following = services.GetRequiredService<Following>();
        following.Begin();
        await services.GetRequiredService<KeyRing>().StartAsync(cancellationToken);
        await services.GetRequiredService<Accounts.Tenants>().StartAsync(cancellationToken);
        await services.GetRequiredService<AdministratorToken>().StartAsync(cancellationToken);
        following.Loaded();
        var sessions = services.GetRequiredService<SignInSessions>();
        services.GetRequiredService<IMeterFactory>().Create("core.identity").CreateObservableGauge("active_users", () => sessions.Count, description: "Live sign-in sessions.");
        if (await services.GetRequiredService<FirstUser>().EnsureAsync(cancellationToken) is { } password)
            await Console.Error.WriteLineAsync($"\n  The first administrator is '{FirstUser.UserName}' with the one-time password  {password}\n  It is shown only here and must be changed at the first sign-in.\n");
    }

    private static void AddAccounts(IServiceCollection services) => services
        .AddSingleton(s => new SiteAddress(s.GetRequiredService<IOptions<IdentityOptions>>(), s.GetService<INodeAddress>()))
        .AddSingleton<Tree>()
        .AddSingleton<AwayTenants>()
        .AddSingleton<UserDirectory>()
        .AddSingleton<Catalogue>()
        .AddSingleton<Accounts.Tenants>()
        .AddSingleton(s => new Following(s.GetRequiredService<Accounts.Tenants>(), s.GetRequiredService<KeyRing>(), s.GetService<IChanges>()))
        .AddSingleton<FirstUser>()
        .AddSingleton<Registration>()
        .AddSingleton<AccountParts>()
        .AddSingleton<AccountRemoval>()
        .AddSingleton<SecurityTrail>()
        .AddSingleton(_ => PasswordHashing.Default())
        .AddSingleton(s => new PasswordPolicy(s.GetRequiredService<IOptions<PasswordOptions>>().Value))
        .AddSingleton(s => new Lockouts(s.GetRequiredService<IOptions<PasswordOptions>>().Value, s.GetRequiredService<TimeProvider>(), s.GetRequiredService<LockStore>()))
        .AddSingleton<LockStore>()
        .AddSingleton<PasswordChanges>()
        .AddSingleton<SignInSessions>()
        .AddSingleton<Callers>()
        .AddSingleton<PasswordSignIn>()
        .AddSingleton<BearerStrategy>()
        .AddSingleton<CookieStrategy>()
        .AddSingleton<AdministratorToken>()
        .AddSingleton<KeyRegister>()
        .AddSingleton<KeyStrategy>()
        .AddSingleton<Letters>()
        .AddSingleton<IMailer>(s => s.GetRequiredService<IOptions<MailOptions>>().Value is { Host: not null } mail ? new SmtpMailer(mail, s.GetRequiredService<TimeProvider>()) : new CapturedMailer(Path.Combine(s.GetRequiredService<NodeFolders>().Data, "mail"), s.GetRequiredService<TimeProvider>()))
        .AddSingleton(s => new MailQueue(s.GetRequiredService<Tree>(), s.GetRequiredService<IMailer>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<MailQueue>>(), s.GetService<IFieldProtection>()))
        .AddSingleton<DeadLetters>()
        .AddHostedService(s => s.GetRequiredService<MailQueue>())
        .AddHostedService<Latecomers>()
        .AddHostedService<Housekeeping>();

    private T Get<T>()
        where T : notnull => (services ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "Identity has not started yet.")).GetRequiredService<T>();
}
