using System.Security.Cryptography;
using System.Text;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>Names in the database. PostgreSQL cuts names at 63 bytes without a word; here longer ones end in a digest instead.</summary>
internal static class Names
{
    private const int MaxLength = 63;

    /// <summary>The name, or its beginning with a digest.</summary>
    public static string Fit(string name) =>
        Encoding.UTF8.GetByteCount(name) <= MaxLength ? name : $"{name[..Math.Min(name.Length, 40)]}~{Digest(name)}";

    /// <summary>A quoted name.</summary>
    public static string Quote(string name) => $"\"{Fit(name).Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A text literal.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];

    /// <summary>Schema of a plugin's own database.</summary>
    public static string Own(string plugin, string tenant)
    {
        Check(plugin);
        Check(tenant);
        return Fit("plugin." + (tenant == CallContext.DefaultTenant ? plugin : $"{plugin}@{tenant}"));
    }

    private static void Check(string name)
    {
        if (name.Length is 0 or > 100 || name.Contains("..", StringComparison.Ordinal) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
            throw new NexusException(ErrorCodes.PathForbidden, $"'{name}' cannot name a database: letters, digits, '.', '-' and '_' are allowed.");
    }
}
