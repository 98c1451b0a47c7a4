using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Accounts;

/// <summary>What can wait a minute: when keys were last used, sessions that nobody renewed, and locks whose time is over.</summary>
internal sealed partial class Housekeeping(SignInSessions sessions, KeyRegister keys, Lockouts lockouts, TimeProvider time, ILogger<Housekeeping> log) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await keys.SaveUsesAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(1), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await keys.SaveUsesAsync(stoppingToken);
                await sessions.SweepAsync(stoppingToken);
                await lockouts.SweepAsync(stoppingToken);
            }
            catch (NexusException e)
            {
                Failed(log, e.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Housekeeping of identity is tried again in a minute: {Reason}")]
    private static partial void Failed(ILogger log, string reason);
}
