using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Events;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Whatever a plugin names, it reaches its own data only.</summary>
public sealed class DataBoundaryTests : IDisposable
{
    private const string Secret = "B-SECRET";

    private static readonly string[] Segments =
    [
        "..", ".", "...", "plugins", "custom", "b", "a", "secret", "one", "data", "config", "metadata", "core", "users", "settings", "shared", "",
        // What looks like a dot, a slash or a letter, and what is one only for a decoder.
        "\uFF0E\uFF0E", "\u2024\u2024", "\u2025", "%2e%2e", "..%2f", "%252e", "\uFF0F", "\u2215", "\u2044", "b\0", "\uFF42", "\u0431", "b\u200B", "B", "*", "%", "_", "b'", "\"b\"",
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-boundary-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task No_document_path_that_a_plugin_names_reads_or_changes_another_plugins()
    {
        await using var host = await StartAsync();
        var (a, b) = (Port<IDocuments>(host, "a"), Port<IDocuments>(host, "b"));
        foreach (var path in new[] { "secret/one", "one", "b", "data/one" }) await b.CommitAsync([new DocumentWrite(path, JsonValue.Create(Secret + path))]);
        var before = await StateAsync(b);
        var random = new Random(20260101);
        for (var round = 0; round < 4000; round++)
        {
            var path = Hostile(random);
            try
            {
                var seen = (round % 4) switch
                {
                    0 => (await a.FindAsync(path))?.Value?.ToJsonString(),
                    1 => string.Concat((await a.QueryAsync(new DocumentQuery { Prefix = path })).Documents.Select(d => d.Path + d.Value?.ToJsonString())),
                    2 => await ChangeAsync(a, new DocumentWrite(path, JsonValue.Create("A-WAS-HERE"))),
                    _ => await ChangeAsync(a, new DocumentWrite(path, null, Delete: true)),
                };
                Assert.False(seen?.Contains(Secret, StringComparison.Ordinal) == true, $"round {round}: '{path}' shows {seen}");
            }
            catch (NexusException)
            {
                // Refused, which is as good.
            }
        }

        Assert.Equal(before, await StateAsync(b));
        Assert.Equal(Secret + "secret/one", (string?)(await b.FindAsync("secret/one"))!.Value);
    }

    [Fact]
    public async Task No_statement_of_a_plugin_reads_or_changes_another_plugins_database_or_any_file()
    {
        await using var host = await StartAsync();
        var (a, b) = (Port<ISqlDatabase>(host, "a"), Port<ISqlDatabase>(host, "b"));
        foreach (var sql in new[] { "CREATE TABLE secrets (text TEXT)", $"INSERT INTO secrets VALUES ('{Secret}')" }) await b.WriteAsync(async (session, _) => await session.ExecuteAsync(sql));
        await a.WriteAsync(async (session, _) => await session.ExecuteAsync("CREATE TABLE own (text TEXT)"));
        var sqlFolder = Path.Combine(folder, "data", "sql");
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith("-wal", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        var others = Directory.EnumerateFiles(sqlFolder, "b*.db").Single();
        string[] attacks =
        [
            $"ATTACH DATABASE '{others}' AS x", $"ATTACH 'file:{others}?mode=ro' AS x", $"ATTACH DATABASE '{folder}/new.db' AS y", "ATTACH ':memory:' AS m", "DETACH DATABASE main",
            "SELECT * FROM x.secrets", "SELECT * FROM b.secrets", "SELECT * FROM secrets", "SELECT text FROM main.secrets", "UPDATE x.secrets SET text = 'A'", "DROP TABLE x.secrets",
            $"VACUUM INTO '{folder}/out.db'", $"VACUUM INTO '{others}'", "SELECT load_extension('libc.so.6')", $"SELECT readfile('{others}')", $"SELECT writefile('{folder}/w', 'x')", "SELECT * FROM pragma_database_list", $"SELECT edit('{others}')",
            "PRAGMA database_list", $"PRAGMA temp_store_directory = '{folder}'", $"PRAGMA data_store_directory = '{folder}'", "PRAGMA writable_schema = ON", "PRAGMA journal_mode = DELETE", "PRAGMA trusted_schema = ON", "PRAGMA key = 'x'",
            $"CREATE VIRTUAL TABLE v USING csv(filename='{others}')", $"CREATE VIRTUAL TABLE v2 USING fsdir('{folder}')", "CREATE VIRTUAL TABLE v3 USING dbstat", "INSERT INTO sqlite_master VALUES ('table','t','t',1,'x')",
        ];
        var random = new Random(20260102);
        for (var round = 0; round < 1500; round++)
        {
            var sql = Disguised(attacks[round % attacks.Length], random);
            try
            {
                var rows = random.Next(2) == 0 ? await a.QueryAsync(sql) : await a.WriteAsync(async (session, _) => await session.QueryAsync(sql));
                var seen = string.Concat(rows.SelectMany(r => r.Values).Select(v => v is byte[] bytes ? Encoding.Latin1.GetString(bytes) : v?.ToString()));
                Assert.False(seen.Contains(Secret, StringComparison.Ordinal), $"round {round}: {sql} shows {seen}");
            }
            catch (Exception error) when (error is NexusException or InvalidOperationException)
            {
                // Refused or not understood, which is as good.
            }
        }

        Assert.Equal([Secret], (await b.QueryAsync("SELECT text FROM secrets")).Select(r => (string?)r["text"]));
        Assert.Equal(files, Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith("-wal", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(1, await a.WriteAsync(async (session, _) => await session.ExecuteAsync("INSERT INTO own VALUES ('still mine')")));
    }

    [Fact]
    public async Task No_blob_name_of_a_plugin_reads_or_deletes_another_plugins()
    {
        await using var host = await StartAsync();
        var (a, b) = (Port<IBlobs>(host, "a"), Port<IBlobs>(host, "b"));
        var reference = await b.PutAsync(new MemoryStream(Encoding.UTF8.GetBytes(Secret)));
        var mine = await a.PutAsync(new MemoryStream("mine"u8.ToArray()));
        var random = new Random(20260103);
        string[] names =
        [
            reference.Sha256, reference.Sha256.ToUpperInvariant(), $"../b/{reference.Sha256}", $"../../b/{reference.Sha256[..2]}/{reference.Sha256}", $"/{reference.Sha256}", $"{reference.Sha256}\0", $"..\\b\\{reference.Sha256}", $"b/{reference.Sha256}",
            .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => f.Contains(reference.Sha256, StringComparison.OrdinalIgnoreCase) || f.EndsWith(".db", StringComparison.Ordinal)),
        ];
        for (var round = 0; round < 500; round++)
        {
            var name = round < names.Length ? names[round] : Hostile(random) + (random.Next(2) == 0 ? "/" + reference.Sha256 : "");
            try
            {
                await using var read = await a.OpenAsync(name);
                Assert.True(read is null, $"'{name}' opens something");
                await a.DeleteAsync(name);
            }
            catch (NexusException)
            {
                // Refused, which is as good.
            }
        }

        await using var kept = await b.OpenAsync(reference.Sha256);
        Assert.Equal(Secret, await new StreamReader(kept!).ReadToEndAsync(TestContext.Current.CancellationToken));
        await using var own = await a.OpenAsync(mine.Sha256);
        Assert.NotNull(own);
    }

    private static T Port<T>(KernelHost host, string plugin)
        where T : notnull => host.Kernel.Current.Find(plugin)!.Lease.Services.GetRequiredService<T>();

    private static async Task<string?> ChangeAsync(IDocuments documents, DocumentWrite write)
    {
        await documents.CommitAsync([write]);
        return null;
    }

    private static async Task<IReadOnlyList<string>> StateAsync(IDocuments documents) =>
        [.. (await documents.QueryAsync(new DocumentQuery { Limit = 500 })).Documents.Select(d => $"{d.Path} {d.Value?.ToJsonString()} {d.Revision}").Order(StringComparer.Ordinal)];

    private static string Hostile(Random random)
    {
        var path = new StringBuilder();
        for (var n = random.Next(1, 7); n > 0; n--)
            path.Append(Segments[random.Next(Segments.Length)]).Append(((string[])["/", ".", "//", "\\", "", "/./"])[random.Next(6)]);
        return random.Next(3) == 0 ? "/" + path : path.ToString();
    }

    /// <summary>The same statement as a filter on words would not see it.</summary>
    private static string Disguised(string sql, Random random)
    {
        var text = string.Concat(sql.Select(c => random.Next(3) == 0 && char.IsAsciiLetter(c) && !sql.Contains('/', StringComparison.Ordinal) ? char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c) : c));
        text = random.Next(2) == 0 ? text.Replace(" ", random.Next(2) == 0 ? "\n\t" : "/*x*/ ", StringComparison.Ordinal) : text;
        return random.Next(4) switch
        {
            0 => $"SELECT 1; {text}",
            1 => $"/* */ {text};",
            2 => $"EXPLAIN {text}",
            _ => text,
        };
    }

    private async Task<KernelHost> StartAsync()
    {
        var host = await NodeHost.StartAsync(folder, add: services => services.AddNexusEvents());
        foreach (var id in new[] { "a", "b" }) await host.RunAsync(new PluginCommand.Install(host.Version(id, "1.0.0", PluginCompiler.Answering(id))));
        return host;
    }
}
