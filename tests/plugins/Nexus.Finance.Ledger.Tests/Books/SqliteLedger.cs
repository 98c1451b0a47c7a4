using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Imports;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Tests.Books;

/// <summary>A ledger on a SQLite file of its own: one connection, one unit of work at a time.</summary>
internal sealed class SqliteLedger : ISqlDatabase, IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-ledger-").FullName;
    private readonly SqliteConnection _connection;
    private readonly SemaphoreSlim _turn = new(1, 1);

    static SqliteLedger() => SQLitePCL.Batteries_V2.Init();

    public SqliteLedger()
    {
        _connection = new SqliteConnection($"Data Source={Path.Combine(_folder, "ledger.db")};Pooling=False;Foreign Keys=True");
        _connection.Open();
        Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
        Run(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "migrations", "0001_ledger.sql")));
        Chart = new Chart(this, TimeProvider.System);
        Journals = new Journals(this, TimeProvider.System);
        Registers = new Registers(this);
        Auditor = new Auditor(this);
        Importer = new Importer(this, TimeProvider.System);
    }

    public Chart Chart { get; }

    public Journals Journals { get; }

    public Registers Registers { get; }

    public Auditor Auditor { get; }

    public Importer Importer { get; }

    public List<EventMessage> Published { get; } = [];

    public string Dialect => "sqlite";

    public async ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return new Unit(this, null).Rows(sql, parameters);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await using var transaction = _connection.BeginTransaction();
            var unit = new Unit(this, transaction);
            var result = await work(unit, cancellationToken);
            transaction.Commit();
            Published.AddRange(unit.Events);
            return result;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Run(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public async Task<(Book Book, Account Bank)> BookAsync(string commodity = "EUR", int scale = 2)
    {
        var book = await Chart.AddBookAsync("Home", new Commodity(commodity, scale), default);
        return (book, await Chart.AddAccountAsync(book.Id, "Assets:Bank", "asset", null, null, default));
    }

    public async Task<ImportResult> ImportAsync(Book book, string content, params (string Id, string Value)[] answers) =>
        await Importer.ImportAsync(new ImportRequest(book.Id, "Assets:Bank", null, Imports.Statements.Answers(answers), "file", System.Text.Encoding.UTF8.GetBytes(content)), default);

    public async Task AssertSoundAsync(Book book) => Assert.All(await Auditor.RunAsync(book.Id, default), c => Assert.True(c.Broken.Length == 0, $"{c.Name}: {string.Join(", ", c.Broken)}"));

    public async Task<string> BalanceAsync(Book book, string path) =>
        string.Join(" ", (await Registers.BalancesAsync(book.Id, null, default)).Where(b => b.Path == path).Select(b => $"{b.Amount} {b.Amount.Commodity.Code}"));

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        _turn.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class Unit(SqliteLedger owner, SqliteTransaction? transaction) : ISqlSession
    {
        public List<EventMessage> Events { get; } = [];

        public async ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null)
        {
            await using var command = Command(sql, parameters);
            return command.ExecuteNonQuery();
        }

        public ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
        {
            using var command = Command(sql, null);
            foreach (var name in parameters) command.Parameters.Add(new SqliteParameter("@" + name, null));
            var changed = 0;
            foreach (var row in rows)
            {
                for (var i = 0; i < row.Length; i++) command.Parameters[i].Value = row[i] ?? DBNull.Value;
                changed += command.ExecuteNonQuery();
            }
            return ValueTask.FromResult(changed);
        }

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) => ValueTask.FromResult(Rows(sql, parameters));

        public void Publish(EventMessage message) => Events.Add(message);

        public ImmutableArray<SqlRow> Rows(string sql, IReadOnlyDictionary<string, object?>? parameters)
        {
            using var command = Command(sql, parameters);
            using var reader = command.ExecuteReader();
            ImmutableArray<string> columns = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
            var rows = ImmutableArray.CreateBuilder<SqlRow>();
            while (reader.Read()) rows.Add(new SqlRow(columns, [.. Enumerable.Range(0, columns.Length).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]));
            Assert.True(rows.Count <= 100_000, "The engine refuses queries of more than 100,000 rows.");
            return rows.ToImmutable();
        }

        private SqliteCommand Command(string sql, IReadOnlyDictionary<string, object?>? parameters)
        {
            var command = owner._connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = sql;
            foreach (var (name, value) in parameters ?? new Dictionary<string, object?>()) command.Parameters.AddWithValue("@" + name, value ?? DBNull.Value);
            return command;
        }
    }
}
