using System.Collections.Immutable;
using System.Globalization;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Books, their commodities and their accounts.</summary>
/// <param name="database">The plugin's database.</param>
/// <param name="time">The clock.</param>
internal sealed class Chart(ISqlDatabase database, TimeProvider time)
{
    /// <summary>Greatest number of segments of an account's path.</summary>
    public const int MaxDepth = 12;

    /// <summary>Makes a book with its base commodity.</summary>
    public ValueTask<Book> AddBookAsync(string name, Commodity commodity, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7().ToString();
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        return database.WriteAsync(async (session, _) =>
        {
            await session.ExecuteAsync("INSERT INTO book (id, name, base_commodity, created_at) VALUES (@id, @name, @commodity, @now)", With(("id", id), ("name", name), ("commodity", commodity.Code), ("now", now)));
            await AddCommodityAsync(session, id, commodity, null);
            return new Book(id, name, commodity.Code, 0);
        }, cancellationToken);
    }

    /// <summary>All books, by name.</summary>
    public async ValueTask<ImmutableArray<Book>> BooksAsync(CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT * FROM book ORDER BY name, id LIMIT 1000", null, cancellationToken)).Select(ToBook)];

    /// <summary>A book.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public async ValueTask<Book> BookAsync(string id, CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT * FROM book WHERE id = @id", With(("id", id)), cancellationToken)).Select(ToBook).FirstOrDefault()
        ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no book {id}.");

    /// <summary>Adds a commodity; one of the same code and scale is left as it is.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c> when the code has another scale.</exception>
    public ValueTask<Commodity> AddCommodityAsync(string book, Commodity commodity, string? name, CancellationToken cancellationToken) =>
        database.WriteAsync(async (session, _) =>
        {
            await NeedBookAsync(session, book);
            return await AddCommodityAsync(session, book, commodity, name);
        }, cancellationToken);

    /// <summary>Adds a commodity within a unit of work.</summary>
    public static async ValueTask<Commodity> AddCommodityAsync(ISqlSession session, string book, Commodity commodity, string? name)
    {
        var there = await session.QueryAsync("SELECT scale FROM commodity WHERE book = @book AND code = @code", With(("book", book), ("code", commodity.Code)));
        if (there.Length > 0 && there[0].Long("scale") != commodity.Scale) throw new NexusException(ErrorCodes.Conflict, $"{commodity.Code} has {there[0].Long("scale")} digits after the mark in this book, and a scale is fixed. Use another code.");
        if (there.Length == 0) await session.ExecuteAsync("INSERT INTO commodity (book, code, scale, name) VALUES (@book, @code, @scale, @name)", With(("book", book), ("code", commodity.Code), ("scale", (long)commodity.Scale), ("name", name)));
        return commodity;
    }

    /// <summary>The commodities of a book, by code.</summary>
    public async ValueTask<ImmutableArray<Commodity>> CommoditiesAsync(string book, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT code, scale FROM commodity WHERE book = @book ORDER BY code", With(("book", book)), cancellationToken)).Select(ToCommodity)];

    /// <summary>The commodities of a book as a unit of work sees them.</summary>
    public static async ValueTask<Dictionary<string, Commodity>> CommoditiesAsync(ISqlSession session, string book) =>
        (await session.QueryAsync("SELECT code, scale FROM commodity WHERE book = @book", With(("book", book)))).Select(ToCommodity).ToDictionary(c => c.Code, StringComparer.Ordinal);

    /// <summary>Adds an account, and those above it in the tree that are missing.</summary>
    /// <exception cref="NexusException"><c>UNIQUE_VIOLATION</c> or <c>VALIDATION_ERROR</c>.</exception>
    public ValueTask<Account> AddAccountAsync(string book, string path, string type, string? commodity, string? number, CancellationToken cancellationToken) =>
        database.WriteAsync(async (session, _) =>
        {
            await NeedBookAsync(session, book);
            if (await FindAccountAsync(session, book, path) is not null) throw new NexusException(ErrorCodes.UniqueViolation, $"The book has an account {path} already.");
            return await AddAccountAsync(session, book, path, type, commodity, number);
        }, cancellationToken);

    /// <summary>Adds an account within a unit of work, and those above it that are missing.</summary>
    public static async ValueTask<Account> AddAccountAsync(ISqlSession session, string book, string path, string type, string? commodity, string? number)
    {
        CheckPath(path);
        if (commodity is not null && !(await CommoditiesAsync(session, book)).ContainsKey(commodity)) throw Invalid("/commodity", "unknown", $"The book has no commodity {commodity}; add it first.");
        string? parent = null;
        if (path.LastIndexOf(':') is var colon and > 0)
        {
            var above = await FindAccountAsync(session, book, path[..colon]) ?? await AddAccountAsync(session, book, path[..colon], type, null, null);
            if (above.Type != type) throw Invalid("/type", "parent", $"{above.Path} is of type {above.Type}; what is below it is too.");
            parent = above.Id;
        }
        var account = new Account(Guid.CreateVersion7().ToString(), book, path, type, commodity, number, null, 1);
        await session.ExecuteAsync(
            "INSERT INTO account (id, book, path, parent, type, normal_side, commodity, number) VALUES (@id, @book, @path, @parent, @type, @side, @commodity, @number)",
            With(("id", account.Id), ("book", book), ("path", path), ("parent", parent), ("type", type), ("side", account.NormalSide), ("commodity", commodity), ("number", number)));
        return account;
    }

    /// <summary>Changes the account number and the closing day.</summary>
    /// <param name="id">The account.</param>
    /// <param name="number">New number, or null for none.</param>
    /// <param name="closedOn">New closing day, or null to open it.</param>
    /// <param name="revision">Revision that the caller saw, or null for any.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public ValueTask<Account> ChangeAccountAsync(string id, string? number, DateOnly? closedOn, long? revision, CancellationToken cancellationToken) =>
        database.WriteAsync(async (session, _) =>
        {
            var account = await NeedAccountAsync(session, id);
            if (revision is { } seen && seen != account.Revision) throw new NexusException(ErrorCodes.PreconditionFailed, $"{account.Path} is at revision {account.Revision}, not {seen}.");
            var last = (await session.QueryAsync("SELECT MAX(day) AS day FROM posting WHERE account = @id", With(("id", id))))[0].Day("day");
            if (closedOn is { } day && last > day) throw new RuleViolationException($"{account.Path} has a posting on {last.Value.Stored()}; it cannot be closed on {day.Stored()}. Close it on that day or later.");
            await session.ExecuteAsync("UPDATE account SET number = @number, closed_on = @closed, revision = revision + 1 WHERE id = @id", With(("number", number), ("closed", closedOn?.Stored()), ("id", id)));
            return account with { Number = number, ClosedOn = closedOn, Revision = account.Revision + 1 };
        }, cancellationToken);

    /// <summary>The accounts of a book, by path.</summary>
    public async ValueTask<ImmutableArray<Account>> AccountsAsync(string book, CancellationToken cancellationToken) =>
        [.. (await database.QueryAsync("SELECT * FROM account WHERE book = @book ORDER BY path", With(("book", book)), cancellationToken)).Select(ToAccount)];

    /// <summary>An account.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public async ValueTask<Account> AccountAsync(string id, CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT * FROM account WHERE id = @id", With(("id", id)), cancellationToken)).Select(ToAccount).FirstOrDefault() ?? throw NoAccount(id);

    /// <summary>An account of a book by id or path, or null.</summary>
    public static async ValueTask<Account?> FindAccountAsync(ISqlSession session, string book, string idOrPath) =>
        (await session.QueryAsync("SELECT * FROM account WHERE book = @book AND (id = @key OR path = @key)", With(("book", book), ("key", idOrPath)))).Select(ToAccount).FirstOrDefault();

    /// <summary>An account by id.</summary>
    public static async ValueTask<Account> NeedAccountAsync(ISqlSession session, string id) =>
        (await session.QueryAsync("SELECT * FROM account WHERE id = @id", With(("id", id)))).Select(ToAccount).FirstOrDefault() ?? throw NoAccount(id);

    /// <summary>Refuses an unknown book.</summary>
    public static async ValueTask NeedBookAsync(ISqlSession session, string book)
    {
        if ((await session.QueryAsync("SELECT 1 AS one FROM book WHERE id = @id", With(("id", book)))).Length == 0) throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no book {book}.");
    }

    /// <summary>An account of a row.</summary>
    public static Account ToAccount(SqlRow row) => new(row.Needed("id"), row.Needed("book"), row.Needed("path"), row.Needed("type"), row.Text("commodity"), row.Text("number"), row.Day("closed_on"), row.Long("revision"));

    /// <summary>An error of one field.</summary>
    public static NexusException Invalid(string pointer, string code, string message) => new(ErrorCodes.ValidationError, message) { Errors = [new FieldError(pointer, code, message)] };

    private static NexusException NoAccount(string id) => new(ErrorCodes.ResourceNotFound, $"There is no account {id}.");

    private static Book ToBook(SqlRow row) => new(row.Needed("id"), row.Needed("name"), row.Needed("base_commodity"), row.Long("last_seq"));

    private static Commodity ToCommodity(SqlRow row) => new(row.Needed("code"), (int)row.Long("scale"));

    private static void CheckPath(string path)
    {
        var segments = path.Split(':');
        if (path.Length > 400 || segments.Length > MaxDepth || segments.Any(s => s.Length is 0 or > 80 || s.Trim() != s || s.Any(char.IsControl)))
            throw Invalid("/path", "form", $"A path is 1 to {MaxDepth} names of 1 to 80 characters with colons between, such as Assets:Bank:Checking.");
    }
}
