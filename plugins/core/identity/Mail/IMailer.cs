namespace Nexus.Core.Identity.Mail;

/// <summary>Sends mail, or keeps it where a developer looks. Thread-safe.</summary>
internal interface IMailer
{
    /// <summary>Sends one letter.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="id">The same for every try of one letter, so that who gets it twice can tell.</param>
    /// <param name="cancellationToken">Stops the work; the letter may have been sent.</param>
    Task SendAsync(Letter letter, string id, CancellationToken cancellationToken);
}
