using Microsoft.Extensions.DependencyInjection;
using Nexus;

namespace Analytics;

/// <summary>Third of three: one record for each welcomed user.</summary>
public sealed class AnalyticsPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<Registration>("registrations", registrations => registrations.Unique(r => r.UserId));
        plugin.On<MailSent>(TrackAsync);
    }

    private static async Task TrackAsync(IServiceProvider services, MailSent mail, CancellationToken cancellationToken)
    {
        await services.GetRequiredService<IRepository<Registration>>().CreateAsync(new Registration(mail.UserId), cancellationToken);
        await services.GetRequiredService<IEvents>().PublishAsync(new Tracked("registration", mail.UserId), cancellationToken: cancellationToken);
    }
}

public sealed record Registration(Guid UserId) : Resource;

[Event("email.sent")]
public sealed record MailSent(Guid UserId, string To);

[Event("analytics.tracked")]
public sealed record Tracked(string What, Guid UserId);
