using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Audit.Chain;
using Nexus.Testing;

namespace Nexus.Core.Audit.Tests.Chain;

public sealed class SealerTests
{
    [Fact]
    public async Task Each_tenant_has_a_trail_of_its_own()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(Trail.Entry(1), Trail.Entry(2, tenant: "t2"), Trail.Entry(3), Trail.Entry(4, tenant: "t2"));

        var page = await trail.GetAsync("/api/v1/audit");
        var other = await trail.Host.Services.GetRequiredService<ISqlDatabases>().Get("core.audit", "t2").QueryAsync("SELECT entries FROM batches ORDER BY seal");

        Assert.Equal(["orders/3", "orders/1"], page["items"]!.AsArray().Select(i => (string)i!["subject"]!));
        var batch = Batch.Parse(1, (byte[])other[0].Values[0]!);
        Assert.Equal(["orders/2", "orders/4"], Enumerable.Range(0, batch.Count).Select(i => batch.Find(i)!.Entry.Subject));
    }

    [Fact]
    public async Task Sealing_happens_by_itself_and_empties_the_queue()
    {
        await using var trail = await Trail.StartAsync(options => options.Settings["plugins:core.audit:sealMilliseconds"] = "10");
        await trail.RecordAsync(Trail.Entry(1));

        var file = Path.Combine(trail.Folder, "audit", "anchor.jsonl");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!File.Exists(file) || new FileInfo(file).Length == 0)
            await Task.Delay(20, limit.Token);

        var line = JsonNode.Parse(Lines(file)[0])!;
        Assert.Equal(("default", 1L, 1L), ((string)line["tenant"]!, (long)line["number"]!, (long)line["last"]!));
    }

    [Fact]
    public async Task A_restart_continues_the_trail_and_a_cut_last_line_of_the_anchor_is_made_good()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-audit-").FullName;
        await using (var first = await Trail.StartAsync(folder: folder, durable: true))
            await first.FillAsync(10, 5);
        var anchor = Path.Combine(folder, "audit", "anchor.jsonl");
        await using (var file = new FileStream(anchor, FileMode.Open))
            file.SetLength(file.Length - 40);

        await using (var second = await Trail.StartAsync(folder: folder, durable: true))
        {
            await second.RecordAsync(Trail.Entry(11));
            var report = await second.PostAsync("/api/v1/audit/verify");
            Assert.Equal((true, 11L, 3L, 0L), ((bool)report["sound"]!, (long)report["entries"]!, (long)report["seals"]!, (long)report["unanchored"]!));
        }

        Assert.Equal(["1", "2", "3"], Lines(anchor).Take(3).Select(l => JsonNode.Parse(l)!["number"]!.ToString()));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_database_that_was_put_back_is_noticed_at_the_next_entry()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(10, 5);
        await trail.SqlAsync("DELETE FROM seals WHERE number=2");
        await trail.SqlAsync("DELETE FROM batches WHERE seal=2");
        var folder = trail.Folder;

        // A second node on the same folder stands for the same node after its database was put back.
        var seals = Lines(Path.Combine(folder, "audit", "anchor.jsonl")).Length;
        Assert.Equal(2, seals);
        Assert.Equal("6 missing", await trail.VerifyAsync());
    }

    [Fact]
    public async Task The_private_key_is_readable_by_its_owner_only_and_stays_over_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-audit-").FullName;
        string? Key(JsonNode status) => (string?)status["seal"]!["key"];
        string? before;
        await using (var first = await Trail.StartAsync(folder: folder, durable: true))
        {
            await first.FillAsync(1, 1);
            before = Key(await first.GetAsync("/api/v1/audit/status"));
        }

        await using (var second = await Trail.StartAsync(folder: folder, durable: true))
        {
            await second.RecordAsync(Trail.Entry(2));
            Assert.Equal(before, Key(await second.GetAsync("/api/v1/audit/status")));
        }

        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "audit", "keys", "seal.pem")));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_new_key_seals_on_and_old_seals_stay_valid()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-audit-").FullName;
        await using (var first = await Trail.StartAsync(folder: folder, durable: true))
            await first.FillAsync(5, 5);
        File.Delete(Path.Combine(folder, "audit", "keys", "seal.pem"));

        await using (var second = await Trail.StartAsync(folder: folder, durable: true))
        {
            await second.RecordAsync(Trail.Entry(6));
            Assert.Equal("sound", await second.VerifyAsync());
            Assert.Equal(2, Directory.GetFiles(Path.Combine(folder, "audit", "keys"), "*.pub").Length);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task An_anchor_elsewhere_gets_each_seal_and_is_caught_up_after_it_was_away()
    {
        var (status, kept) = (204, new List<string>());
        await using var trail = await Trail.StartAsync(options =>
        {
            options.Settings["plugins:core.audit:anchors:0"] = "https://anchor.test/seals";
            options.Settings["plugins:core.audit:anchors:1"] = Path.Combine(Path.GetTempPath(), $"nexus-anchor-{Guid.NewGuid():N}.jsonl");
            options.Http = request =>
            {
                using var reader = new StreamReader(request.Content!.ReadAsStream());
                if (status < 300)
                    kept.Add(reader.ReadToEnd());
                return new HttpResponseMessage((HttpStatusCode)status);
            };
        });
        await trail.FillAsync(2, 1);
        status = 503;
        await trail.RecordAsync(Trail.Entry(3));
        await trail.GetAsync("/api/v1/audit/status");
        status = 204;
        await trail.RecordAsync(Trail.Entry(4));
        await trail.GetAsync("/api/v1/audit/status");

        Assert.Equal(["1", "2", "3", "4"], kept.Select(l => JsonNode.Parse(l)!["number"]!.ToString()));
        Assert.Equal("sound", await trail.VerifyAsync());
    }

    private static string[] Lines(string file)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
