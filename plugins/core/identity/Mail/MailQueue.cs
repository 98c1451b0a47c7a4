using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net.Mail;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Mail;

/// <summary>
/// Letters on their way, at <c>letters/{id}</c>: one is written in the commit that makes its token, so that a crash loses none. Whoever writes one does not
/// wait for it: the time of an answer must not tell whether a letter was sent.
/// 1. A letter that is due is claimed for a while, so that of several nodes one sends it. 2. It is sent. 3. It is removed; a crash between 2 and 3 sends it
/// once more, under the same <c>Message-ID</c>. 4. What fails is tried again, later each time, for as long as the letter is of use.
/// </summary>
internal sealed partial class MailQueue(Tree tree, IMailer mailer, TimeProvider time, ILogger<MailQueue> log, IFieldProtection? protection = null) : BackgroundService
{
    /// <summary>Where letters on their way are.</summary>
    public const string Folder = "letters";

    private const int AtOnce = 4;
    private const int Page = 200;
    private static readonly TimeSpan Claim = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(30);

    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>The write that queues a letter, for the commit of what it tells; <see cref="Wake"/> follows it.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="useful">How long it is of use.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <param name="sender">Id of the plugin whose letter it is, and which is kept as a dead letter when it cannot be delivered; null for identity's own, whose tokens are worth nothing then.</param>
    public async ValueTask<DocumentWrite> WriteAsync(Letter letter, TimeSpan useful, CancellationToken cancellationToken, string? sender = null)
    {
        var now = time.GetUtcNow();
        var node = new JsonObject { ["due"] = now.ToUnixTimeMilliseconds(), ["until"] = (now + useful).ToUnixTimeMilliseconds(), ["tries"] = 0 };
        if (sender is not null)
            node["sender"] = sender;
        var path = $"{Folder}/{Guid.CreateVersion7(now)}";
        var text = JsonSerializer.SerializeToUtf8Bytes(letter, IdentityJson.Default.Letter);
        // A letter holds a token that opens an account: whoever reads the database must not find it there.
        var closed = await SealAsync(path, text, cancellationToken);
        node[closed is null ? "letter" : "sealed"] = closed ?? Base64Url.EncodeToString(text);
        return new DocumentWrite(path, node, 0);
    }

    /// <summary>Looks for letters now.</summary>
    public void Wake() => wake.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = Look;
            try
            {
                pause = await RoundAsync(stoppingToken);
            }
            catch (NexusException e)
            {
                Unreadable(log, e.Message);
            }

            using var over = new CancellationTokenSource(pause, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, stoppingToken);
            try
            {
                await wake.Reader.ReadAsync(either.Token);
            }
            catch (OperationCanceledException)
            {
                // Time to look again, or to stop.
            }
        }
    }

    /// <summary>How long an operator's mail server is left alone after so many tries: 5 s, doubled each time, at most half an hour.</summary>
    internal static TimeSpan Pause(int tries) => TimeSpan.FromSeconds(Math.Min(5 * Math.Pow(2, tries - 1), LongestPause.TotalSeconds));

    /// <summary>Sends what is due; how long until the next letter is.</summary>
    private async Task<TimeSpan> RoundAsync(CancellationToken stoppingToken)
    {
        var due = await tree.AllAsync(CallContext.DefaultTenant, Folder, stoppingToken, Tree.Over("due", time.GetUtcNow()), Page);
        // What was begun is finished when the node stops: a letter that was cut off may have arrived.
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stoppingToken }, async (letter, _) => await DeliverAsync(letter));
        var next = await tree.FirstAsync(CallContext.DefaultTenant, Folder, "due", stoppingToken);
        var pause = next is null ? Look : DateTimeOffset.FromUnixTimeMilliseconds((long)next.Value!["due"]!) - time.GetUtcNow();
        return pause > Look ? Look : pause < Rest ? Rest : pause;
    }

    private async Task DeliverAsync(Document document)
    {
        var now = time.GetUtcNow();
        var (tries, until) = ((int)document.Value!["tries"]! + 1, DateTimeOffset.FromUnixTimeMilliseconds((long)document.Value["until"]!));
        var claimed = document.Value.DeepClone();
        (claimed["due"], claimed["tries"]) = ((now + Claim).ToUnixTimeMilliseconds(), tries);
        var subject = "?";
        try
        {
            await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite(document.Path, claimed, document.Revision)]);
            var letter = await OpenAsync(document);
            subject = letter.Subject;
            await mailer.SendAsync(letter, document.Path[(Folder.Length + 1)..], CancellationToken.None);
            await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite(document.Path, null, Delete: true)]);
        }
        catch (StorageConflictException)
        {
            // Another node has claimed it.
        }
        catch (Exception e)
        {
            var pause = Pause(tries);
            var given = IsFinal(e) || now + pause >= until;
            if (given) GivenUp(log, subject, tries, e.Message);
            else NotSent(log, subject, tries, e.Message, pause);
            claimed["due"] = (now + pause).ToUnixTimeMilliseconds();
            ImmutableArray<DocumentWrite> writes = !given ? [new DocumentWrite(document.Path, claimed)]
                : claimed["sender"] is null ? [new DocumentWrite(document.Path, null, Delete: true)]
                : [new DocumentWrite(document.Path, null, Delete: true), DeadLetters.Write(document.Path, claimed, now, e.Message)];
            await tree.CommitAsync(CallContext.DefaultTenant, writes);
        }
    }

    // RFC 5321 section 4.2.1: 5xx of a recipient will be the same the next time. Other refusals are the server's state or the operator's settings, which can be mended.
    private static bool IsFinal(Exception error) => error is SmtpFailedRecipientException refused && (int)refused.StatusCode is >= 500 and < 600;

    private async ValueTask<string?> SealAsync(string path, byte[] text, CancellationToken cancellationToken)
    {
        if (protection is null) return null;
        try
        {
            return await SealedText.SealAsync(protection, CallContext.DefaultTenant, text, Place(path), cancellationToken);
        }
        catch (NexusException error) when (error.Code == ErrorCodes.ProtectionFailed)
        {
            // A node without a master key; that is said where its signing keys are stored.
            return null;
        }
    }

    /// <summary>The letter of a document of the queue, or of a dead letter that was one.</summary>
    public async ValueTask<Letter> OpenAsync(Document document)
    {
        var path = $"{Folder}/{document.Path[(document.Path.LastIndexOf('/') + 1)..]}";
        var text = (string?)document.Value!["letter"] is { } open ? Base64Url.DecodeFromChars(open)
            : protection is null ? throw new NexusException(ErrorCodes.ServiceUnavailable, "The letter is stored encrypted and this node has no field protection to open it with.")
            : await SealedText.OpenAsync(protection, CallContext.DefaultTenant, (string)document.Value["sealed"]!, Place(path), CancellationToken.None);
        return JsonSerializer.Deserialize(text.Span, IdentityJson.Default.Letter)!;
    }

    private static string Place(string path) => $"{CallContext.DefaultTenant}/core.identity/{path}/letter";

    [LoggerMessage(1, LogLevel.Warning, "The letter \"{Subject}\" was not sent (try {Attempt}): {Reason} It is tried again in {Pause}.")]
    private static partial void NotSent(ILogger log, string subject, int attempt, string reason, TimeSpan pause);

    [LoggerMessage(2, LogLevel.Error, "The letter \"{Subject}\" is given up after {Attempt} tries: {Reason}")]
    private static partial void GivenUp(ILogger log, string subject, int attempt, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Letters that wait cannot be read: {Reason}")]
    private static partial void Unreadable(ILogger log, string reason);
}
