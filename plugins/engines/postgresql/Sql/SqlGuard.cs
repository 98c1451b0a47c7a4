using System.Collections.Frozen;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>
/// Refuses what a plugin's statement may not do. What it may see is decided by its role in the database; this keeps it from leaving the role,
/// the unit of work and the schema in the first place, which the server would allow to whoever is connected.
/// </summary>
internal static class SqlGuard
{
    private static readonly FrozenSet<string> Verbs = FrozenSet.ToFrozenSet(
        ["select", "with", "values", "table", "insert", "update", "delete", "merge", "create", "alter", "drop", "truncate", "comment", "analyze", "refresh", "reindex", "explain"]);

    private static readonly FrozenSet<string> Things = FrozenSet.ToFrozenSet(["table", "index", "view", "sequence", "type", "domain", "trigger", "function", "statistics", "policy"]);

    private static readonly FrozenSet<string> Adjectives = FrozenSet.ToFrozenSet(["or", "replace", "unique", "temp", "temporary", "unlogged", "materialized", "constraint", "recursive", "local", "global"]);

    private static readonly FrozenSet<string> Functions = FrozenSet.ToFrozenSet(
        ["set_config", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_notify", "pg_switch_wal", "lo_import", "lo_export", "dblink", "dblink_connect", "dblink_exec", "query_to_xml", "database_to_xml", "schema_to_xml"]);

    /// <exception cref="NexusException"><c>PLUGIN_PERMISSION_DENIED</c>.</exception>
    public static void Check(SqlStatement statement)
    {
        var words = statement.Words;
        if (words.IsEmpty || !Verbs.Contains(words[0]))
            throw Denied(words.IsEmpty ? statement.Text : words[0].ToUpperInvariant());
        if (words[0] is "create" or "alter" or "drop" or "comment" or "reindex" or "refresh")
        {
            var thing = words.Skip(1).FirstOrDefault(w => !Adjectives.Contains(w) && w is not ("on" or "concurrently")) ?? "";
            // An index may be called anything: CREATE INDEX CONCURRENTLY and COMMENT ON COLUMN are as good as the thing itself.
            if (!Things.Contains(thing) && !(words[0] == "comment" && thing == "column"))
                throw Denied($"{words[0]} {thing}".ToUpperInvariant());
        }

        if (words.Concat(statement.Bodies).FirstOrDefault(w => Functions.Contains(w) || w.StartsWith("pg_advisory", StringComparison.Ordinal) || w.StartsWith("pg_try_advisory", StringComparison.Ordinal) || w.StartsWith("pg_read_", StringComparison.Ordinal) || w.StartsWith("pg_ls_", StringComparison.Ordinal)) is { } function)
            throw Denied(function);
        if (statement.Bodies.Contains("execute"))
            throw Denied("EXECUTE within a function");
        if (words.Contains("function") || !statement.Bodies.IsEmpty)
            CheckRole([.. words, .. statement.Bodies]);
    }

    private static void CheckRole(string[] words)
    {
        for (var i = 0; i + 1 < words.Length; i++)
        {
            if (words[i] is "set" or "reset" or "local" or "session" && words[i + 1] is "role" or "authorization" or "session_authorization" or "search_path")
                throw Denied($"{words[i]} {words[i + 1]}".ToUpperInvariant());
        }
    }

    private static NexusException Denied(string what) =>
        new(ErrorCodes.PluginPermissionDenied, $"The statement leaves the plugin's own database or changes its settings ({what}); units of work, settings, roles, locks and what belongs to the server are the platform's.");
}
