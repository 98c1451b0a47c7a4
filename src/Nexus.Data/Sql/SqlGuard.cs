using Nexus.Data.Sqlite;
using SQLitePCL;

namespace Nexus.Data.Sql;

/// <summary>While it lives, statements that are compiled on the connection are a plugin's, and SQLite asks here what they may do.</summary>
internal sealed class SqlGuard : IDisposable
{
    // Action codes of sqlite3_set_authorizer (https://www.sqlite.org/c3ref/c_alter_table.html).
    private const int Delete = 9, Insert = 18, Update = 23, DropTable = 11, AlterTable = 26, Pragma = 19, Transaction = 22, Attach = 24, Detach = 25, Function = 31, Savepoint = 32;

    private static readonly HashSet<string> ReadingPragmas = new(StringComparer.OrdinalIgnoreCase)
    {
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list", "foreign_key_check", "data_version", "user_version",
    };

    private readonly Connection _connection;

    public SqlGuard(Connection connection)
    {
        _connection = connection;
        connection.Guarded = true;
    }

    /// <summary>Installs the question on a connection, once.</summary>
    public static void Install(Connection connection) =>
        _ = raw.sqlite3_set_authorizer(connection.Handle, (object _, int action, string first, string second, string _, string _) => connection.Guarded && Refuses(action, first, second) ? raw.SQLITE_DENY : raw.SQLITE_OK, null);

    public void Dispose() => _connection.Guarded = false;

    private static bool Refuses(int action, string? first, string? second) => action switch
    {
        Attach or Detach or Transaction or Savepoint => true,
        Pragma => first is null || !ReadingPragmas.Contains(first) || (first == "user_version" && second is not null),
        Function => second is "load_extension" or "writefile" or "readfile",
        Insert or Update or Delete or DropTable => first?.StartsWith("nexus_", StringComparison.OrdinalIgnoreCase) == true,
        AlterTable => second?.StartsWith("nexus_", StringComparison.OrdinalIgnoreCase) == true,
        _ => false,
    };
}
