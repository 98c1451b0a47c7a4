using System.Collections.Immutable;
using System.Text;
using Nexus.Finance.Ledger.Imports;
using Nexus.Finance.Ledger.Tests.Books;

namespace Nexus.Finance.Ledger.Tests.Imports;

/// <summary>Others write to the book while a file is compared with it.</summary>
public sealed class ConcurrentImportTests
{
    private const string File = "Date,Description,Amount\n2024-01-05,Coffee,-3.50\n2024-01-05,Coffee,-3.50\n";

    [Fact]
    public async Task A_line_that_another_import_brought_meanwhile_is_a_duplicate()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        var database = new Interrupted(ledger, async () => await ledger.ImportAsync(book, File));

        var result = await new Importer(database, TimeProvider.System).ImportAsync(new ImportRequest(book.Id, "Assets:Bank", null, Statements.Answers(), "late", Encoding.UTF8.GetBytes(File)), default);

        Assert.Equal(["duplicate", "duplicate"], result.Decisions.Select(d => d.Decision.Kind));
        Assert.Equal("-7.00 EUR", await ledger.BalanceAsync(book, "Assets:Bank"));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task A_commodity_that_another_added_meanwhile_keeps_its_scale()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        var database = new Interrupted(ledger, async () => await ledger.Chart.AddCommodityAsync(book.Id, new Ledger.Money.Commodity("USD", 4), null, default));
        var file = Encoding.UTF8.GetBytes("Date,Description,Amount,Currency\n2024-01-05,Coffee,-3.50,USD\n2024-01-06,Tea,-2.50,USD\n");

        await new Importer(database, TimeProvider.System).ImportAsync(new ImportRequest(book.Id, "Assets:Bank", null, Statements.Answers(), "late", file), default);

        Assert.Equal("-6.0000 USD", await ledger.BalanceAsync(book, "Assets:Bank"));
    }

    /// <summary>Lets something happen just before the first unit of work begins.</summary>
    private sealed class Interrupted(ISqlDatabase inner, Func<Task> happening) : ISqlDatabase
    {
        private Func<Task>? _happening = happening;

        public string Dialect => inner.Dialect;

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) => inner.QueryAsync(sql, parameters, cancellationToken);

        public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Exchange(ref _happening, null) is { } first) await first();
            return await inner.WriteAsync(work, cancellationToken);
        }
    }
}
