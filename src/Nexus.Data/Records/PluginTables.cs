namespace Nexus.Data.Records;

/// <summary>Which tables are a plugin's own.</summary>
internal static class PluginTables
{
    /// <summary>Whether the table is <c>{plugin}.{resource}</c>. Ids of plugins have dots and names of resources have none, so the tables of <c>shop.orders</c> are not those of <c>shop</c>.</summary>
    public static bool IsOf(string plugin, string table) =>
        table.Length > plugin.Length + 1 && table.StartsWith(plugin, StringComparison.Ordinal) && table[plugin.Length] == '.' && !table.AsSpan(plugin.Length + 1).Contains('.');
}
