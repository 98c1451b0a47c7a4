using System.Text;
using Nexus.Finance.Ledger.Tests.Imports;

namespace Nexus.Finance.Ledger.Tests.Http;

/// <summary>Damaged statements through the route that people use.</summary>
public sealed class ImportFuzzTests
{
    [Fact]
    public async Task Two_thousand_damaged_statements_are_imported_whole_or_refused_with_place_and_rule()
    {
        var folder = Statements.Folder();
        Assert.SkipWhen(folder is null, "SKIPPED fuzzing: the folder of real statements is missing; set NEXUS_STATEMENTS to it.");
        var files = Directory.GetFiles(folder!, "*.*", SearchOption.AllDirectories).Where(f => Path.GetExtension(f) is ".ofx" or ".qfx" or ".qif" or ".csv").Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Where(f => f.Length is > 0 and < 30_000).ToArray();
        var random = new Random(2026);
        var (imported, refused) = (0, 0);
        await using var server = await LedgerServer.StartAsync();
        await server.BookAsync();

        for (var i = 0; i < 2_000; i++)
        {
            var before = await StateAsync(server);
            using var content = new ByteArrayContent(FuzzTests.Mutate(random, files[random.Next(files.Length)]));
            var (status, body) = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank", content);
            if (status == 201)
            {
                imported++;
                if (imported % 10 == 0) Assert.Equal(200, (await server.SendAsync(HttpMethod.Post, $"imports/{(string)body["id"]!}/undo")).Status);
                continue;
            }
            refused++;
            Assert.True(status is >= 400 and < 500, $"Round {i}: {status} {body}");
            Assert.NotNull(ErrorCodes.Find((string)body["code"]!));
            Assert.True(((string)body["detail"]!).Length > 20, $"Round {i}: {body}");
            if ((string)body["code"]! is ErrorCodes.ImportUnreadable or ErrorCodes.ImportAmbiguous) Assert.All(body["errors"]!.AsArray(), e => Assert.True(((string)e!["pointer"]!).Length > 0 && ((string)e["message"]!).Length > 10, $"Round {i}: {e}"));
            Assert.Equal(before, await StateAsync(server));
        }

        Assert.True(imported > 200 && refused > 200, $"{imported} imported and {refused} refused are not a mixture");
        Assert.All((await server.GetAsync($"books/{await BookAsync(server)}/audit"))["checks"]!.AsArray(), c => Assert.Empty(c!["broken"]!.AsArray()));
    }

    private static async Task<string> BookAsync(LedgerServer server) => (string)(await server.Database.QueryAsync("SELECT id FROM book"))[0]["id"]!;

    private static async Task<string> StateAsync(LedgerServer server)
    {
        var book = await BookAsync(server);
        return new StringBuilder().Append((await server.Database.QueryAsync("SELECT last_seq FROM book"))[0]["last_seq"]).Append((await server.GetAsync($"books/{book}/accounts")).ToJsonString()).Append((await server.GetAsync($"books/{book}/commodities")).ToJsonString()).ToString();
    }
}
