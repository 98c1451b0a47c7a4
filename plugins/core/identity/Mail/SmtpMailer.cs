using System.Net;
using System.Net.Mail;

namespace Nexus.Core.Identity.Mail;

/// <summary>Sends by SMTP.</summary>
internal sealed class SmtpMailer(MailOptions options) : IMailer
{
    public async Task SendAsync(Letter letter, CancellationToken cancellationToken)
    {
        using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.Tls, Timeout = 20_000 };
        if (options.UserName is { } name) client.Credentials = new NetworkCredential(name, options.Password);
        using var message = new MailMessage(options.From, letter.To, letter.Subject, letter.Text) { BodyEncoding = System.Text.Encoding.UTF8, SubjectEncoding = System.Text.Encoding.UTF8 };
        await client.SendMailAsync(message, cancellationToken);
    }
}
