using System.Collections.Immutable;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Books;

/// <summary>A household's or a company's books.</summary>
internal sealed record Book(string Id, string Name, string BaseCommodity, long LastSeq);

/// <summary>An account of a book.</summary>
/// <param name="Id">UUIDv7.</param>
/// <param name="Book">Its book.</param>
/// <param name="Path">Its place in the tree: <c>Assets:Bank:Checking</c>.</param>
/// <param name="Type"><c>asset</c>, <c>liability</c>, <c>equity</c>, <c>income</c> or <c>expense</c>.</param>
/// <param name="Commodity">The one commodity that it holds; null for any.</param>
/// <param name="Number">Account number or IBAN, by which statements find it.</param>
/// <param name="ClosedOn">Last day on which it can be posted to; null while it is open.</param>
/// <param name="Revision">Grows with each change of the account's own fields.</param>
internal sealed record Account(string Id, string Book, string Path, string Type, string? Commodity, string? Number, DateOnly? ClosedOn, long Revision)
{
    /// <summary>The side on which its balance normally is.</summary>
    public string NormalSide => Side(Type);

    /// <summary>The side of a type.</summary>
    public static string Side(string type) => type is "asset" or "expense" ? "debit" : "credit";
}

/// <summary>A journal to be posted.</summary>
internal sealed record JournalDraft
{
    /// <summary>Its id; made here so that a caller can name it before it is stored.</summary>
    public string Id { get; init; } = Guid.CreateVersion7().ToString();

    /// <summary>Day of booking.</summary>
    public required DateOnly BookedOn { get; init; }

    /// <summary>Day from which it counts, or null.</summary>
    public DateOnly? ValueOn { get; init; }

    /// <summary><c>entry</c>, <c>import</c>, <c>reversal</c> or <c>edit</c>.</summary>
    public string Kind { get; init; } = "entry";

    /// <summary>Who was paid or paid.</summary>
    public string? Payee { get; init; }

    /// <summary>Free text.</summary>
    public string? Narration { get; init; }

    /// <summary>Import batch that it comes from.</summary>
    public string? Source { get; init; }

    /// <summary>The caller's key of this request, unique in the book.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Hash of the request that the key stands for.</summary>
    public string? IdempotencyHash { get; init; }

    /// <summary>Journal that it undoes.</summary>
    public string? Reverses { get; init; }

    /// <summary>Journal whose successor it is.</summary>
    public string? Replaces { get; init; }

    /// <summary>Two or more, summing to zero in each commodity.</summary>
    public required ImmutableArray<PostingDraft> Postings { get; init; }
}

/// <summary>One leg of a journal.</summary>
/// <param name="Account">Account id.</param>
/// <param name="Amount">Above zero debits the account, below zero credits it.</param>
/// <param name="Memo">Free text of the leg.</param>
/// <param name="Reference">The bank's id of the line, on the leg of the statement's account.</param>
/// <param name="Origin">Key of the text of the imported line, which stays through edits.</param>
internal sealed record PostingDraft(string Account, Amount Amount, string? Memo = null, string? Reference = null, string? Origin = null);

/// <summary>A journal as it is stored.</summary>
internal sealed record Journal
{
    /// <summary>UUIDv7.</summary>
    public required string Id { get; init; }

    /// <summary>Its book.</summary>
    public required string Book { get; init; }

    /// <summary>Position in the book, from 1, without gaps.</summary>
    public required long Seq { get; init; }

    /// <summary>When it was stored.</summary>
    public required string RecordedAt { get; init; }

    /// <summary>What was posted.</summary>
    public required JournalDraft Draft { get; init; }

    /// <summary>The journal that undid it, or null.</summary>
    public string? ReversedBy { get; init; }

    /// <summary>The journal that took its place in an edit, or null.</summary>
    public string? ReplacedBy { get; init; }
}
