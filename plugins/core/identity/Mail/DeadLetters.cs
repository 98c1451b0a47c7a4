using System.Collections.Immutable;
using System.Net.Mail;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Mail;

/// <summary>The mail of all plugins: takes their letters into the queue and keeps those that could not be delivered at <c>dead-letters/{id}</c>.</summary>
internal sealed class DeadLetters(Tree tree, MailQueue queue)
{
    private const string Folder = "dead-letters";
    private const int LongestSubject = 900;
    private const int LongestText = 1 << 20;
    private static readonly TimeSpan Useful = TimeSpan.FromDays(3);

    /// <summary>Queues a letter of a plugin; durable when it returns.</summary>
    public async ValueTask QueueAsync(string plugin, Letter letter, CancellationToken cancellationToken)
    {
        Check(letter);
        await tree.CommitAsync(CallContext.DefaultTenant, [await queue.WriteAsync(letter, letter.Useful ?? Useful, cancellationToken, plugin)], cancellationToken: cancellationToken);
        queue.Wake();
    }

    /// <summary>The dead letters, oldest first, without their texts.</summary>
    public async Task<ImmutableArray<DeadLetter>> ListAsync(CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<DeadLetter>();
        foreach (var document in await tree.AllAsync(CallContext.DefaultTenant, Folder, cancellationToken))
        {
            var letter = await queue.OpenAsync(document);
            found.Add(new DeadLetter(document.Path[(Folder.Length + 1)..], (string)document.Value!["sender"]!, letter.To, letter.Subject, (int)document.Value["tries"]!, (string)document.Value["reason"]!, DateTimeOffset.FromUnixTimeMilliseconds((long)document.Value["at"]!)));
        }

        return found.DrainToImmutable();
    }

    /// <summary>Queues one again, as if it were new; false when there is none.</summary>
    public async Task<bool> RetryAsync(string id, CancellationToken cancellationToken)
    {
        if (await tree.FindAsync(CallContext.DefaultTenant, $"{Folder}/{id}", cancellationToken) is not { } document)
            return false;
        var letter = await queue.OpenAsync(document);
        await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite(document.Path, null, document.Revision, Delete: true), await queue.WriteAsync(letter, letter.Useful ?? Useful, cancellationToken, (string)document.Value!["sender"]!)], cancellationToken: cancellationToken);
        queue.Wake();
        return true;
    }

    /// <summary>Removes one; false when there is none.</summary>
    public async Task<bool> DeleteAsync(string id, CancellationToken cancellationToken)
    {
        if (await tree.FindAsync(CallContext.DefaultTenant, $"{Folder}/{id}", cancellationToken) is not { } document)
            return false;
        await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite(document.Path, null, Delete: true)], cancellationToken: cancellationToken);
        return true;
    }

    /// <summary>The write that keeps a letter which was given up.</summary>
    /// <param name="path">Its path in the queue.</param>
    /// <param name="queued">What the queue kept of it.</param>
    /// <param name="now">Now.</param>
    /// <param name="reason">Why the last try failed.</param>
    public static DocumentWrite Write(string path, JsonNode queued, DateTimeOffset now, string reason)
    {
        var dead = queued.DeepClone().AsObject();
        dead.Remove("due");
        dead.Remove("until");
        (dead["at"], dead["reason"]) = (now.ToUnixTimeMilliseconds(), reason);
        return new DocumentWrite($"{Folder}/{path[(MailQueue.Folder.Length + 1)..]}", dead);
    }

    // A line break in an address or subject would be a header of the sender's choice.
    private static void Check(Letter letter)
    {
        if (letter.To is not { Length: > 2 and <= 320 } to || to.Any(char.IsControl) || !MailAddress.TryCreate(to, out var address) || address.Address != to)
            throw Wrong("/to", "email", "One address such as ada@example.com.");
        if (letter.Subject is not { Length: > 0 and <= LongestSubject } subject || subject.Any(char.IsControl))
            throw Wrong("/subject", "form", $"One line of 1 to {LongestSubject} characters.");
        if (letter.Text is not { Length: <= LongestText })
            throw Wrong("/text", "length", $"At most {LongestText} characters.");
        if (letter.Useful is { } useful && (useful <= TimeSpan.Zero || useful > TimeSpan.FromDays(30)))
            throw Wrong("/useful", "range", "Up to 30 days.");
    }

    private static NexusException Wrong(string field, string rule, string message) => new(ErrorCodes.ValidationError, $"The letter cannot be sent: {field[1..]}: {message}") { Errors = [new FieldError(field, rule, message)] };
}

/// <summary>A letter that could not be delivered.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Plugin">The plugin whose letter it is.</param>
/// <param name="To">Address.</param>
/// <param name="Subject">Subject.</param>
/// <param name="Tries">How often it was tried.</param>
/// <param name="Reason">Why the last try failed.</param>
/// <param name="GivenUpAt">When it was given up, UTC.</param>
internal sealed record DeadLetter(string Id, string Plugin, string To, string Subject, int Tries, string Reason, DateTimeOffset GivenUpAt);
