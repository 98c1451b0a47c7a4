using Nexus.Data.Search;
using SQLitePCL;

namespace Nexus.Data.Sqlite;

/// <summary>A connection to one database file with a cache of prepared statements. Used by one thread at a time.</summary>
internal sealed class Connection : IDisposable
{
    /// <summary>SQL function from the text of a decimal to a text that sorts as the number; NULL for what is none.</summary>
    public const string DecimalFunction = "nexus_decimal";

    /// <summary>SQL function from the text of an instant to its microseconds since the epoch; NULL for what is none.</summary>
    public const string InstantFunction = "nexus_instant";

    /// <summary>SQL function from a text and its language to the stems of its words.</summary>
    public const string StemsFunction = "nexus_stems";

    private const int MaxCached = 256;

    private static readonly delegate_function_scalar DecimalKey = static (context, _, arguments) =>
    {
        if (DecimalText.OrderKey(raw.sqlite3_value_text(arguments[0]).utf8_to_string()) is { } key)
            raw.sqlite3_result_text(context, key);
        else
            raw.sqlite3_result_null(context);
    };

    private static readonly delegate_function_scalar InstantOf = static (context, _, arguments) =>
    {
        if (raw.sqlite3_value_type(arguments[0]) == raw.SQLITE_TEXT && DateTimeOffset.TryParse(raw.sqlite3_value_text(arguments[0]).utf8_to_string(), System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var instant))
            raw.sqlite3_result_int64(context, Records.RecordColumns.ToMicroseconds(instant));
        else
            raw.sqlite3_result_null(context);
    };

    private static readonly delegate_function_scalar StemsOf = static (context, _, arguments) =>
    {
        if (raw.sqlite3_value_type(arguments[0]) == raw.SQLITE_TEXT)
            raw.sqlite3_result_text(context, Stems.Text(raw.sqlite3_value_text(arguments[0]).utf8_to_string(), raw.sqlite3_value_text(arguments[1]).utf8_to_string()));
        else
            raw.sqlite3_result_null(context);
    };

    private readonly Dictionary<string, Statement> _statements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Statement> _guarded = new(StringComparer.Ordinal);

    private Connection(sqlite3 handle, string file)
    {
        Handle = handle;
        File = file;
    }

    public sqlite3 Handle { get; }

    public string File { get; }

    /// <summary>Statements compiled now are a plugin's and are asked about.</summary>
    public bool Guarded { get; set; }

    /// <summary>Rows changed by the last statement.</summary>
    public int Changes => raw.sqlite3_changes(Handle);

    /// <summary>Rows changed since the connection was opened.</summary>
    public int TotalChanges => raw.sqlite3_total_changes(Handle);

    /// <summary>Whether a unit of work is open.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(Handle) == 0;

    public static Connection OpenWriter(string file, bool durable = true)
    {
        var connection = Open(file, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        try
        {
            connection.Execute(
                $"PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous={(durable ? "FULL" : "OFF")}; PRAGMA wal_autocheckpoint=4000; "
                + "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static Connection OpenReader(string file)
    {
        var connection = Open(file, raw.SQLITE_OPEN_READWRITE);
        connection.Execute("PRAGMA busy_timeout=5000; PRAGMA query_only=ON; PRAGMA cache_size=-4096; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY;");
        return connection;
    }

    /// <summary>The statement of a text, ready to bind; disposing it gives it back.</summary>
    public Statement Prepare(string sql)
    {
        // A plugin's COMMIT must not find the platform's, which was compiled without a question.
        var statements = Guarded ? _guarded : _statements;
        if (statements.TryGetValue(sql, out var cached))
        {
            if (!cached.InUse)
            {
                cached.InUse = true;
                return cached;
            }

            return new Statement(this, PrepareHandle(sql, persistent: false), cached: false) { InUse = true };
        }

        if (statements.Count >= MaxCached)
            Forget(statements);
        var statement = new Statement(this, PrepareHandle(sql, persistent: true), cached: true) { InUse = true };
        statements.Add(sql, statement);
        return statement;
    }

    /// <summary>Runs statements without results.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(Handle, sql));

    /// <summary>Runs one cached statement without parameters or results.</summary>
    public void Run(string sql)
    {
        using var statement = Prepare(sql);
        statement.Step();
    }

    /// <summary>The first column of the first row as a whole number, or null.</summary>
    public long? Scalar(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() && !statement.IsNull(0) ? statement.Integer(0) : null;
    }

    public void RollbackIfOpen()
    {
        if (InTransaction)
            _ = raw.sqlite3_exec(Handle, "ROLLBACK");
    }

    public void Check(int code)
    {
        if (code is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
            throw new SqliteFailure(raw.sqlite3_extended_errcode(Handle), raw.sqlite3_errmsg(Handle).utf8_to_string());
    }

    public void Dispose()
    {
        Forget(_statements);
        Forget(_guarded);
        Handle.Dispose();
    }

    internal sqlite3_stmt PrepareHandle(string sql, bool persistent)
    {
        Check(raw.sqlite3_prepare_v3(Handle, sql, persistent ? 1u : 0u, out var handle));
        return handle;
    }

    private static Connection Open(string file, int flags)
    {
        NativeLibrarySelection.EnsureSelected();
        var code = raw.sqlite3_open_v2(file, out var handle, flags | raw.SQLITE_OPEN_NOMUTEX, null);
        if (code == raw.SQLITE_OK)
        {
            _ = raw.sqlite3_extended_result_codes(handle, 1);
            _ = raw.sqlite3_create_function(handle, DecimalFunction, 1, raw.SQLITE_DETERMINISTIC, null, DecimalKey);
            _ = raw.sqlite3_create_function(handle, InstantFunction, 1, raw.SQLITE_DETERMINISTIC, null, InstantOf);
            _ = raw.sqlite3_create_function(handle, StemsFunction, 2, raw.SQLITE_DETERMINISTIC, null, StemsOf);
            return new Connection(handle, file);
        }

        var message = raw.sqlite3_errstr(code).utf8_to_string();
        handle?.Dispose();
        throw new SqliteFailure(code, message);
    }

    private static void Forget(Dictionary<string, Statement> statements)
    {
        foreach (var statement in statements.Values)
            statement.Forget();
        statements.Clear();
    }
}
