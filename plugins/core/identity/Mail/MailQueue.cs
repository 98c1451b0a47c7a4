using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Core.Identity.Mail;

/// <summary>Letters on their way. Whoever writes one does not wait for it: the time of an answer must not tell whether a letter was sent. What was not sent when the process ends is lost; every letter can be asked for again.</summary>
internal sealed partial class MailQueue(IMailer mailer, TimeProvider time, ILogger<MailQueue> log) : BackgroundService
{
    private const int Tries = 4;
    private readonly Channel<Letter> letters = Channel.CreateBounded<Letter>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Adds a letter; when ten thousand wait already it is dropped.</summary>
    public void Post(Letter letter)
    {
        if (!letters.Writer.TryWrite(letter)) Dropped(log);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var letter in letters.Reader.ReadAllAsync(stoppingToken))
        {
            for (var attempt = 1; attempt <= Tries; attempt++)
            {
                try
                {
                    await mailer.SendAsync(letter, stoppingToken);
                    break;
                }
                catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
                {
                    NotSent(log, letter.Subject, attempt, e.Message);
                    if (attempt < Tries) await Task.Delay(TimeSpan.FromSeconds(1 << attempt), time, stoppingToken);
                }
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The letter \"{Subject}\" was not sent (try {Attempt}): {Reason}")]
    private static partial void NotSent(ILogger log, string subject, int attempt, string reason);

    [LoggerMessage(2, LogLevel.Error, "Ten thousand letters wait to be sent; one more was dropped.")]
    private static partial void Dropped(ILogger log);
}
