using System.ComponentModel;

namespace Nexus.Finance.Ledger.Views;

/// <summary>A book.</summary>
internal sealed record Book(string Name, [property: Description("Code of the commodity in which it is kept.")] string BaseCommodity, [property: Description("Number of its journals.")] long Journals) : Resource;

/// <summary>An account of a book.</summary>
internal sealed record Account(
    Ref<Book> Book,
    [property: Description("Its place in the tree, such as Assets:Bank:Checking.")] string Path,
    [property: Description("The account above it.")] Ref<Account>? Parent,
    [property: Description("asset, liability, equity, income or expense.")] string Type,
    [property: Description("debit or credit: the side on which its balance normally is.")] string NormalSide,
    [property: Description("The one commodity that it holds; null for any.")] string? Commodity,
    [property: Description("Account number or IBAN, by which statements find it.")] string? Number,
    [property: Description("Last day on which it can be posted to; null while it is open.")] DateOnly? ClosedOn) : Resource;

/// <summary>A journal.</summary>
internal sealed record Journal(
    Ref<Book> Book,
    [property: Description("Position in the book, from 1, without gaps.")] long Seq,
    DateOnly BookedOn,
    [property: Description("Day from which it counts.")] DateOnly? ValueOn,
    string? Payee,
    string? Narration,
    [property: Description("entry, import, reversal or edit.")] string Kind,
    [property: Description("The import that it comes from.")] string? Import,
    [property: Description("The journal that it undoes.")] Ref<Journal>? Reverses,
    [property: Description("The journal in whose place it stands.")] Ref<Journal>? Replaces) : Resource;

/// <summary>A leg of a journal.</summary>
internal sealed record Posting(
    Ref<Journal> Journal,
    [property: Description("Its place in the journal.")] long Number,
    Ref<Book> Book,
    Ref<Account> Account,
    DateOnly BookedOn,
    [property: Description("Above zero debits the account, below zero credits it.")] Nexus.Money Amount,
    string? Memo,
    [property: Description("The bank's id of the line.")] string? Reference) : Resource;

/// <summary>What an account holds of a commodity.</summary>
internal sealed record Balance(
    Ref<Account> Account,
    string Commodity,
    Ref<Book> Book,
    [property: Description("Type of the account: of income and expense the balance is the total of a category.")] string Type,
    [property: Description("Above zero is a debit, below zero a credit.")] Nexus.Money Amount) : Resource;
