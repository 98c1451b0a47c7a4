using System.Collections.Concurrent;
using System.Net.Mail;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.Tests.Tokens;

namespace Nexus.Core.Identity.Tests.Mail;

public sealed class MailQueueTests
{
    private static readonly Letter Hello = new("ada@example.com", "Hello", "token=t0p-s3cret");
    private readonly MemoryDocuments documents = new();
    private readonly ShiftedClock clock = new ShiftedClock().Hold();

    [Fact]
    public async Task A_letter_whose_sender_crashed_is_sent_by_the_next_one_under_the_same_id()
    {
        var dying = new FakeMailer { Behaviour = _ => new TaskCompletionSource().Task };
        var crashed = Queue(dying);
        await crashed.StartAsync(default);
        await PostAsync(crashed);
        await UntilAsync(() => dying.Tried.Count == 1);

        var mailer = new FakeMailer();
        using var next = Queue(mailer);
        await next.StartAsync(default);
        await Task.Delay(100);
        Assert.Empty(mailer.Tried);
        clock.Advance(TimeSpan.FromMinutes(2.1));
        next.Wake();
        await UntilAsync(() => mailer.Tried.Count == 1 && !documents.Texts.Any());

        Assert.Equal(dying.Tried.Single(), mailer.Tried.Single());
        await next.StopAsync(default);
    }

    [Fact]
    public async Task Of_two_nodes_one_sends_each_letter()
    {
        var mailer = new FakeMailer { Behaviour = _ => Task.Delay(2) };
        using var one = Queue(mailer);
        using var other = Queue(mailer);
        for (var i = 0; i < 50; i++) await documents.CommitAsync([await one.WriteAsync(Hello with { Subject = $"{i}" }, TimeSpan.FromHours(1), default)]);

        await Task.WhenAll(one.StartAsync(default), other.StartAsync(default));
        await UntilAsync(() => !documents.Texts.Any());

        Assert.Equal(50, mailer.Tried.Count);
        Assert.Equal(50, mailer.Tried.Distinct().Count());
        await Task.WhenAll(one.StopAsync(default), other.StopAsync(default));
    }

    [Fact]
    public async Task Failures_are_tried_again_later_each_time_until_the_letter_is_of_no_use()
    {
        var mailer = new FakeMailer { Behaviour = _ => throw new SmtpException(SmtpStatusCode.ServiceNotAvailable) };
        using var queue = Queue(mailer);
        await queue.StartAsync(default);
        await PostAsync(queue, TimeSpan.FromMinutes(10));
        await UntilAsync(() => mailer.Tried.Count == 1 && Due() > clock.GetUtcNow());

        Assert.Equal([5, 10, 20, 40, 1800], [.. new[] { 1, 2, 3, 4, 30 }.Select(t => (int)MailQueue.Pause(t).TotalSeconds)]);
        Assert.InRange((Due() - clock.GetUtcNow()).TotalSeconds, 4.9, 5);
        for (var tries = 2; documents.Texts.Any() && tries < 20; tries++)
        {
            clock.Advance(MailQueue.Pause(tries - 1));
            queue.Wake();
            await UntilAsync(() => mailer.Tried.Count == tries && (!documents.Texts.Any() || Due() > clock.GetUtcNow() + TimeSpan.FromSeconds(1)));
        }

        // 5 + 10 + 20 + 40 + 80 + 160 s have gone; 320 s more would be beyond the ten minutes.
        Assert.Equal(7, mailer.Tried.Count);
        await queue.StopAsync(default);
    }

    [Fact]
    public async Task An_address_that_the_server_knows_not_is_given_up_at_once_and_others_go_on()
    {
        var mailer = new FakeMailer { Behaviour = l => l.To == "gone@example.com" ? throw new SmtpFailedRecipientException(SmtpStatusCode.MailboxUnavailable, l.To) : Task.CompletedTask };
        using var queue = Queue(mailer);
        await documents.CommitAsync([await queue.WriteAsync(Hello with { To = "gone@example.com" }, TimeSpan.FromHours(1), default), await queue.WriteAsync(Hello, TimeSpan.FromHours(1), default)]);

        await queue.StartAsync(default);
        await UntilAsync(() => !documents.Texts.Any());

        Assert.Equal(2, mailer.Tried.Count);
        await queue.StopAsync(default);
    }

    [Fact]
    public async Task A_letter_lies_sealed_in_the_database()
    {
        var mailer = new FakeMailer();
        using var queue = new MailQueue(new Tree(documents), mailer, clock, NullLogger<MailQueue>.Instance, new XorProtection());
        await PostAsync(queue);

        var stored = Assert.Single(documents.Texts);
        var node = JsonNode.Parse(stored[stored.IndexOf('{', StringComparison.Ordinal)..])!.AsObject();
        Assert.Equal(["due", "until", "tries", "sealed"], node.Select(n => n.Key));
        Assert.Equal(-1, SealedText.Read((string)node["sealed"]!)!.Value.Sealed.AsSpan().IndexOf("s3cret"u8));
        await queue.StartAsync(default);
        await UntilAsync(() => mailer.Texts.Contains(Hello.Text));
        await queue.StopAsync(default);
    }

    private MailQueue Queue(FakeMailer mailer) => new(new Tree(documents), mailer, clock, NullLogger<MailQueue>.Instance);

    private DateTimeOffset Due() => DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(System.Text.RegularExpressions.Regex.Match(documents.Texts.FirstOrDefault() ?? "\"due\":0", "\"due\":(\\d+)").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));

    private async Task PostAsync(MailQueue queue, TimeSpan? useful = null)
    {
        await documents.CommitAsync([await queue.WriteAsync(Hello, useful ?? TimeSpan.FromHours(1), default)]);
        queue.Wake();
    }

    private static async Task UntilAsync(Func<bool> isDone)
    {
        for (var i = 0; i < 6000 && !isDone(); i++) await Task.Delay(10);
        Assert.True(isDone());
    }

    private sealed class FakeMailer : IMailer
    {
        public Func<Letter, Task> Behaviour { get; init; } = _ => Task.CompletedTask;

        public ConcurrentQueue<string> Tried { get; } = new();

        public ConcurrentQueue<string> Texts { get; } = new();

        public Task SendAsync(Letter letter, string id, CancellationToken cancellationToken)
        {
            Tried.Enqueue(id);
            Texts.Enqueue(letter.Text);
            return Behaviour(letter);
        }
    }
}
