namespace Nexus.Core.Identity.Mail;

/// <summary>Sends mail, or keeps it where a developer looks. Thread-safe.</summary>
internal interface IMailer
{
    /// <summary>Sends one letter.</summary>
    Task SendAsync(Letter letter, CancellationToken cancellationToken);
}

/// <summary>A letter in plain text.</summary>
/// <param name="To">Address.</param>
/// <param name="Subject">Subject.</param>
/// <param name="Text">Text.</param>
internal sealed record Letter(string To, string Subject, string Text);
