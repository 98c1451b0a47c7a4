using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Nexus;

namespace Email;

/// <summary>Second of three: hears of new users, keeps the mail in its outbox, says that it was sent.</summary>
public sealed class EmailPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<Mail>("mails", mails => mails.Unique(m => m.UserId));
        plugin.On<UserCreated>(WelcomeAsync);
    }

    private static async Task WelcomeAsync(IServiceProvider services, UserCreated user, CancellationToken cancellationToken)
    {
        await services.GetRequiredService<IRepository<Mail>>().CreateAsync(new Mail(user.UserId, user.Email, "Welcome", $"Hello {user.Name}, welcome!"), cancellationToken);
        await services.GetRequiredService<IEvents>().PublishAsync(new MailSent(user.UserId, user.Email), cancellationToken: cancellationToken);
    }
}

public sealed record Mail(Guid UserId, string To, [property: StringLength(200)] string Subject, [property: Multiline] string Body) : Resource;

// This plugin's own view of an event of another: only the parts that it needs.
[Event("user.created")]
public sealed record UserCreated(Guid UserId, string Name, string Email);

[Event("email.sent")]
public sealed record MailSent(Guid UserId, string To);
