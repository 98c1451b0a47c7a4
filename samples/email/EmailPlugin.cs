using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus;

namespace Email;

/// <summary>Second of three: hears of new users, keeps the mail in its outbox, says that it was sent.</summary>
public sealed class EmailPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddOptions<EmailOptions>();
        plugin.AddResource<Mail>("mails", mails => mails.Unique(m => m.UserId, m => m.Letter));
        plugin.On<UserCreated>(WelcomeAsync);
        plugin.On<VerificationAsked>(VerifyAsync);
    }

    private static Task WelcomeAsync(IServiceProvider services, UserCreated user, CancellationToken cancellationToken) =>
        SendAsync(services, user.UserId, user.Email, Template.Welcome, cancellationToken, ("name", user.Name));

    private static Task VerifyAsync(IServiceProvider services, VerificationAsked user, CancellationToken cancellationToken) =>
        SendAsync(services, user.UserId, user.Email, Template.Verification, cancellationToken, ("name", user.Name), ("code", user.Code));

    private static async Task SendAsync(IServiceProvider services, Guid userId, string to, Template template, CancellationToken cancellationToken, params (string Name, string Value)[] values)
    {
        var options = services.GetRequiredService<IOptionsMonitor<EmailOptions>>().CurrentValue;
        var (subject, body) = await template.FillAsync(options.TemplatesDir, values, cancellationToken);
        await services.GetRequiredService<IRepository<Mail>>().CreateAsync(new Mail(userId, to, template.Name, subject, body, options.Provider), cancellationToken);
        await services.GetRequiredService<IEvents>().PublishAsync(new MailSent(userId, to), cancellationToken: cancellationToken);
    }
}

/// <summary>Section <c>plugins.email</c>; its form and its texts for people stand in the manifest.</summary>
public sealed class EmailOptions
{
    public string Provider { get; set; } = "outbox";

    public string? TemplatesDir { get; set; }
}

public sealed record Mail(Guid UserId, string To, [property: StringLength(40)] string Letter, [property: StringLength(200)] string Subject, [property: Multiline] string Body, [property: StringLength(40)] string Provider) : Resource;

// This plugin's own view of events of another: only the parts that it needs.
[Event("user.created")]
public sealed record UserCreated(Guid UserId, string Name, string Email);

[Event("user.verification.asked")]
public sealed record VerificationAsked(Guid UserId, string Name, string Email, string Code);

[Event("email.sent")]
public sealed record MailSent(Guid UserId, string To);
