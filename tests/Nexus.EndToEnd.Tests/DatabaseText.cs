using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Nexus.EndToEnd.Tests;

/// <summary>An SQLite file as text: its schema as written, and every row.</summary>
internal static class DatabaseText
{
    static DatabaseText() => SQLitePCL.Batteries_V2.Init();

    /// <summary>Reads a file that a running host has open.</summary>
    /// <param name="file">The file.</param>
    /// <param name="without">Tables whose rows are left out.</param>
    public static string Read(string file, params string[] without)
    {
        using var connection = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False");
        connection.Open();
        var text = new StringBuilder();
        var tables = new List<string>();
        using (var schema = connection.CreateCommand())
        {
            schema.CommandText = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name";
            using var rows = schema.ExecuteReader();
            while (rows.Read())
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{rows[0]} {rows[1]} {rows[2]} {rows[3]}");
                if ((string)rows[0] == "table") tables.Add((string)rows[1]);
            }
        }

        foreach (var table in tables.Except(without))
        {
            using var command = connection.CreateCommand();
            command.CommandText = $"SELECT * FROM \"{table}\"";
            using var rows = command.ExecuteReader();
            while (rows.Read())
            {
                text.Append(table);
                for (var column = 0; column < rows.FieldCount; column++)
                    text.Append('|').Append(rows[column] is byte[] bytes ? Convert.ToHexString(bytes) : Convert.ToString(rows[column], CultureInfo.InvariantCulture));
                text.AppendLine();
            }
        }

        return text.ToString();
    }
}
