using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Finance.Ledger.Books;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Posting and reversing as operations of every surface that has operations: tools of models, mutations of GraphQL.</summary>
internal static class JournalTools
{
    /// <summary>Declares them.</summary>
    public static void Add(IPluginBuilder plugin) => plugin
        .AddTool<NewJournal, JournalView>(
            "post-journal",
            "Posts a journal to a book: two or more legs that sum to zero in each commodity. It is never changed afterwards, only reversed.",
            (services, journal, token) => JournalRoutes.PostAsync(services.GetRequiredService<Journals>(), journal.ToRequest(), token),
            tool => tool with { Writes = true, Permission = JournalRoutes.Create, Returns = "journals" })
        .AddTool<JournalReversal, JournalView>(
            "reverse-journal",
            "Undoes a journal by posting its negation.",
            (services, reversal, token) => JournalRoutes.ReverseAsync(services.GetRequiredService<Journals>(), reversal.Journal, new ReversalRequest(reversal.BookedOn?.Stored(), reversal.Reason), token),
            tool => tool with { Writes = true, Destructive = true, Permission = JournalRoutes.Undo, Returns = "journals" });
}

/// <summary>A journal to be posted.</summary>
internal sealed record NewJournal(
    [property: Description("Id of the book.")] string Book,
    DateOnly BookedOn,
    [property: Description("Two or more, summing to zero in each commodity."), MinLength(2), MaxLength(1000)] ImmutableArray<NewPosting> Postings,
    [property: StringLength(500)] string? Payee = null,
    [property: StringLength(4000)] string? Narration = null,
    [property: Description("Day from which it counts, where that is another.")] DateOnly? ValueOn = null,
    [property: Description("A key of the caller: the same request with it is posted once."), StringLength(200)] string? IdempotencyKey = null)
{
    /// <summary>The same as the route reads it.</summary>
    public JournalRequest ToRequest() => new(Book, BookedOn.Stored(), ValueOn?.Stored(), Payee, Narration, [.. Postings.Select(p => new PostingRequest(p.Account, p.Amount, p.Commodity, p.Memo))], IdempotencyKey);
}

/// <summary>A leg of a journal to be posted.</summary>
internal sealed record NewPosting(
    [property: Description("Id or path of the account.")] string Account,
    [property: Description("Exact decimal such as -12.50; above zero debits, below zero credits.")] string Amount,
    [property: Description("Code of the commodity; that of the account when absent.")] string? Commodity = null,
    [property: StringLength(1000)] string? Memo = null);

/// <summary>A journal to be undone.</summary>
internal sealed record JournalReversal(
    [property: Description("Id of the journal.")] string Journal,
    [property: Description("Day of the reversal; that of the journal when absent.")] DateOnly? BookedOn = null,
    [property: Description("Why, for readers."), StringLength(1000)] string? Reason = null);
