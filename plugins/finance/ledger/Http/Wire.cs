using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Asks for a book.</summary>
/// <param name="Name">Its name.</param>
/// <param name="BaseCommodity">Code of its base commodity.</param>
/// <param name="Scale">Digits after the mark; those of ISO 4217 when absent.</param>
internal sealed record BookRequest(string? Name, string? BaseCommodity, int? Scale);

/// <summary>A book.</summary>
internal sealed record BookView(string Id, string Name, string BaseCommodity, long Journals);

/// <summary>Asks for a commodity, or is one.</summary>
internal sealed record CommodityView(string? Code, int? Scale, string? Name = null);

/// <summary>Asks for an account.</summary>
internal sealed record AccountRequest(string? Path, string? Type, string? Commodity, string? Number);

/// <summary>Asks for a change of an account; what is absent is cleared.</summary>
internal sealed record AccountChange(string? Number, string? ClosedOn);

/// <summary>An account.</summary>
internal sealed record AccountView(string Id, string Book, string Path, string Type, string NormalSide, string? Commodity, string? Number, string? ClosedOn, long Revision);

/// <summary>Asks for a journal.</summary>
internal sealed record JournalRequest(string? Book, string? BookedOn, string? ValueOn, string? Payee, string? Narration, ImmutableArray<PostingRequest>? Postings, string? IdempotencyKey);

/// <summary>A leg of a journal; the amount is text, above zero debits.</summary>
internal sealed record PostingRequest(string? Account, string? Amount, string? Commodity, string? Memo);

/// <summary>Asks for a reversal.</summary>
internal sealed record ReversalRequest(string? BookedOn, string? Reason);

/// <summary>A journal.</summary>
internal sealed record JournalView(string Id, string Book, long Seq, string BookedOn, string? ValueOn, string RecordedAt, string Kind, string? Payee, string? Narration, string? Import, string? Reverses, string? ReversedBy, string? Replaces, string? ReplacedBy, ImmutableArray<PostingView> Postings);

/// <summary>A leg of a journal.</summary>
internal sealed record PostingView(string Account, string Amount, string Commodity, string? Memo, string? Reference);

/// <summary>An amount with its commodity.</summary>
internal sealed record AmountView(string Amount, string Commodity);

/// <summary>An amount as fields of the kind money have it.</summary>
internal sealed record MoneyView(string Amount, string Currency);

/// <summary>Figures of a book in one commodity; see <see cref="Books.Overview"/>.</summary>
internal sealed record OverviewView(string Book, string Name, string Commodity, MoneyView Assets, MoneyView Liabilities, MoneyView NetWorth, MoneyView Income, MoneyView Expenses);

/// <summary>A month of a book in one commodity.</summary>
internal sealed record MonthView(string Month, MoneyView Income, MoneyView Expenses, MoneyView NetWorth);

/// <summary>A page of a register.</summary>
internal sealed record RegisterView(AccountView Account, ImmutableArray<AmountView> Opening, ImmutableArray<RegisterLineView> Lines, string? NextCursor);

/// <summary>A line of a register.</summary>
internal sealed record RegisterLineView(string Journal, string BookedOn, long Seq, string Amount, string Commodity, string Balance, string? Payee, string? Memo, string Kind, string? Reference, string? Reverses, string? ReversedBy);

/// <summary>A balance of an account.</summary>
internal sealed record BalanceView(string Account, string Path, string Type, string Amount, string Commodity);

/// <summary>Balances of a book.</summary>
internal sealed record BalancesView(string Book, string? On, ImmutableArray<BalanceView> Balances);

/// <summary>The result of an audit.</summary>
internal sealed record AuditView(string Book, bool Sound, ImmutableArray<AuditCheckView> Checks);

/// <summary>The result of one check.</summary>
internal sealed record AuditCheckView(string Name, bool Holds, ImmutableArray<string> Broken);

/// <summary>A list.</summary>
internal sealed record ListView<T>(ImmutableArray<T> Items, string? NextCursor = null);

/// <summary>A proposed import.</summary>
internal sealed record PreviewView(string Format, ImmutableSortedDictionary<string, string> Dialect, ImmutableArray<StatementView> Statements, ImmutableArray<ReadingNote> Problems, ImmutableArray<ReadingQuestion> Questions, ImmutableArray<ReadingNote> Skipped, ImmutableArray<ReadingNote> Notes, int Added, int Duplicates, int Ignored, ImmutableArray<DecisionView> Lines);

/// <summary>A statement of a file.</summary>
internal sealed record StatementView(string? Account, string? Bank, string? AccountType, string? Currency, string? From, string? To, string? LedgerBalance, string? BalanceOn, int Lines, string? FirstDate, ImmutableArray<LineView> Sample);

/// <summary>A line as it was read.</summary>
internal sealed record LineView(int Line, string Date, string? ValueDate, string Amount, string? Currency, string? Payee, string? Memo, string? Reference, string? Category, string? Balance);

/// <summary>A decision on a line.</summary>
internal sealed record DecisionView(long N, long Line, string Account, string Date, string Amount, string Commodity, string? Text, string? Reference, long Occurrence, string Decision, string Reason, long? Score, string? Candidate, string? Journal, string? Raw);

/// <summary>An import with its decisions.</summary>
internal sealed record ImportView(string Id, string Book, string? FileName, string Sha256, string Format, string? Profile, string CreatedAt, string? UndoneAt, long Added, long Duplicates, long Ignored, ImmutableDictionary<string, string> Dialect, ImmutableArray<DecisionView> Lines, string? NextCursor);

/// <summary>The result of an undo.</summary>
internal sealed record UndoView(string Import, int Reversed);

/// <summary>Answers of a profile.</summary>
internal sealed record ProfileRequest(ImmutableDictionary<string, string>? Answers);

/// <summary>A profile.</summary>
internal sealed record ProfileView(string Name, long Version, ImmutableDictionary<string, string> Answers);

/// <summary>Compile-time JSON of everything above. An unknown member of a request is an error: a misspelt field must not be lost in silence.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(BookRequest))]
[JsonSerializable(typeof(BookView))]
[JsonSerializable(typeof(CommodityView))]
[JsonSerializable(typeof(AccountRequest))]
[JsonSerializable(typeof(AccountChange))]
[JsonSerializable(typeof(AccountView))]
[JsonSerializable(typeof(JournalRequest))]
[JsonSerializable(typeof(ReversalRequest))]
[JsonSerializable(typeof(JournalView))]
[JsonSerializable(typeof(RegisterView))]
[JsonSerializable(typeof(BalancesView))]
[JsonSerializable(typeof(AuditView))]
[JsonSerializable(typeof(PreviewView))]
[JsonSerializable(typeof(ImportView))]
[JsonSerializable(typeof(UndoView))]
[JsonSerializable(typeof(ProfileRequest))]
[JsonSerializable(typeof(ProfileView))]
[JsonSerializable(typeof(ListView<CommodityView>))]
[JsonSerializable(typeof(ListView<OverviewView>))]
[JsonSerializable(typeof(ListView<MonthView>))]
[JsonSerializable(typeof(ListView<AccountView>))]
[JsonSerializable(typeof(ListView<ImportView>))]
[JsonSerializable(typeof(ListView<ProfileView>))]
internal sealed partial class LedgerJson : JsonSerializerContext;
