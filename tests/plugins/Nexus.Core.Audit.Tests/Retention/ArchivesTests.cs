using Nexus.Testing;

namespace Nexus.Core.Audit.Tests.Retention;

public sealed class ArchivesTests
{
    [Fact]
    public async Task Aged_entries_move_to_a_file_and_the_trail_stays_verifiable()
    {
        var clock = new FakeClock(Trail.Noon);
        await using var trail = await AgedAsync(clock);

        await trail.PostAsync("/api/v1/audit/archive");

        // The node does the same by itself, so either may have been first.
        var made = (await trail.GetAsync("/api/v1/audit/status"))["archives"]!.AsArray();
        Assert.Equal((1L, 40L), ((long)made[0]!["first"]!, (long)made[0]!["last"]!));
        Assert.Equal(41L, await trail.ScalarAsync("SELECT min(first) FROM batches"));
        var report = await trail.PostAsync("/api/v1/audit/verify");
        Assert.Equal((true, 40L, 0L), ((bool)report["sound"]!, (long)report["archived"]!, (long)report["archivedElsewhere"]!));
        Assert.True((long)report["entries"]! >= 50);
        Assert.Contains("core.audit.archived", (await trail.GetAsync("/api/v1/audit")).ToJsonString(), StringComparison.Ordinal);
        Assert.Empty((await trail.PostAsync("/api/v1/audit/archive"))["archives"]!.AsArray());
    }

    [Fact]
    public async Task An_altered_archive_is_found_at_the_entry_and_one_that_was_moved_away_is_counted()
    {
        var clock = new FakeClock(Trail.Noon);
        await using var trail = await AgedAsync(clock);
        await trail.PostAsync("/api/v1/audit/archive");
        var file = Directory.GetFiles(Path.Combine(trail.Folder, "audit", "archives", "default"))[0];
        var text = Unzip(file);
        var entry = AuditEncoding.Encode(Trail.Entry(17));
        Assert.Contains(Convert.ToBase64String(entry), text, StringComparison.Ordinal);

        Zip(file, text.Replace(Convert.ToBase64String(entry), Convert.ToBase64String(AuditEncoding.Encode(Trail.Entry(17, actor: "eve"))), StringComparison.Ordinal));
        Assert.Equal("17 altered", await trail.VerifyAsync());

        File.Delete(file);
        var report = await trail.PostAsync("/api/v1/audit/verify");
        Assert.Equal((true, 40L), ((bool)report["sound"]!, (long)report["archivedElsewhere"]!));
    }

    private static async Task<Trail> AgedAsync(FakeClock clock)
    {
        var trail = await Trail.StartAsync(options =>
        {
            options.Clock = clock;
            options.Settings["plugins:core.audit:retentionDays"] = "30";
        });
        await trail.FillAsync(40, 20);
        clock.Advance(TimeSpan.FromDays(29));
        await trail.RecordAsync([.. Enumerable.Range(41, 10).Select(i => Trail.Entry(i))]);
        await trail.GetAsync("/api/v1/audit/status");
        clock.Advance(TimeSpan.FromDays(2));
        return trail;
    }

    private static string Unzip(string file)
    {
        using var reader = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(file), System.IO.Compression.CompressionMode.Decompress));
        return reader.ReadToEnd();
    }

    private static void Zip(string file, string text)
    {
        using var writer = new StreamWriter(new System.IO.Compression.GZipStream(File.Create(file), System.IO.Compression.CompressionLevel.Fastest));
        writer.Write(text);
    }
}
