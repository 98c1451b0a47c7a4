using System.Net;
using System.Net.Mail;
using System.Text;

namespace Nexus.Core.Identity.Mail;

/// <summary>Sends by SMTP. With TLS asked for, a server that offers none gets neither the letter nor the password.</summary>
internal sealed class SmtpMailer(MailOptions options, TimeProvider time) : IMailer
{
    /// <exception cref="SmtpException">The server refused.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public async Task SendAsync(Letter letter, string id, CancellationToken cancellationToken)
    {
        using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.Tls };
        if (options.UserName is { } name) client.Credentials = new NetworkCredential(name, options.Password);
        using var message = new MailMessage(options.From, letter.To, letter.Subject, letter.Text) { BodyEncoding = Encoding.UTF8, SubjectEncoding = Encoding.UTF8 };
        message.Headers.Add("Message-ID", $"<{id}@{message.From!.Host}>");
        // What a machine wrote is answered by no machine (RFC 3834).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        using var over = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        try
        {
            // The client does not hear of the token while it waits for some answers of a server.
            await client.SendMailAsync(message, either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{options.Host}:{options.Port} did not take the letter within {options.Timeout.TotalSeconds:0.#} s.");
        }
    }
}
