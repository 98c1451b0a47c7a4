using System.Net;
using System.Text.Json.Nodes;

namespace Nexus.Core.Audit.Tests.Verification;

/// <summary>A database that an operator put back, and one that somebody only says was put back.</summary>
public sealed class RestorationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-restored-").FullName;

    private string Anchor => Path.Combine(_folder, "audit", "anchor.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_database_that_was_put_back_is_found_acknowledged_and_sound_from_there_on_with_the_gap_named_for_good()
    {
        await RestoreAsync();
        await using (var trail = await StartAsync())
        {
            // What was sealed since the restoration takes numbers that the anchor knows otherwise.
            await trail.RecordAsync(Trail.Entry(900));
            Assert.NotEqual("sound", await trail.VerifyAsync());
            var word = await trail.PostAsync("/api/v1/audit/acknowledge", """{"reason":"disk of node 3 failed, backup of noon"}""");

            Assert.Equal((3L, 5L, 41L), ((long)word["fromSeal"]!, (long)word["throughSeal"]!, (long)word["first"]!));
            Assert.Equal("sound", await trail.VerifyAsync());
            await trail.RecordAsync(Trail.Entry(901));
            Assert.Equal("sound", await trail.VerifyAsync());
            var entry = (await trail.GetAsync("/api/v1/audit?action=core.audit.restoration_acknowledged"))["items"]![0]!;
            Assert.Equal(("success", "disk of node 3 failed, backup of noon", "3-5"), ((string)entry["result"]!, (string)entry["detail"]!["reason"]!, (string)entry["detail"]!["seals"]!));
            Assert.Equal(HttpStatusCode.UnprocessableEntity, await AcknowledgeAsync(trail, "once more"));
        }

        await using var restarted = await StartAsync();
        var report = await restarted.PostAsync("/api/v1/audit/verify");
        Assert.True((bool)report["sound"]!);
        Assert.Equal("disk of node 3 failed, backup of noon", (string)Assert.Single(report["acknowledged"]!.AsArray())!["reason"]!);
    }

    [Fact]
    public async Task An_altered_database_is_not_acknowledged_and_what_is_altered_afterwards_is_found()
    {
        await RestoreAsync();
        await using var trail = await StartAsync();
        await trail.EditEntryAsync(7, e => e with { Actor = "mallory" });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await AcknowledgeAsync(trail, "nothing to see here"));
        await trail.EditEntryAsync(7, e => e with { Actor = "ann" });
        Assert.Equal(HttpStatusCode.OK, await AcknowledgeAsync(trail, "backup of noon"));

        await trail.RecordAsync(Trail.Entry(900));
        await trail.GetAsync("/api/v1/audit/status");
        await trail.EditEntryAsync(7, e => e with { Actor = "mallory" });

        Assert.Equal("7 altered", await trail.VerifyAsync());
    }

    [Theory]
    [InlineData("reason", "another reason")]
    [InlineData("from", "1")]
    [InlineData("through", "9")]
    [InlineData("actor", "nobody")]
    [InlineData("signature", "AAAA")]
    public async Task A_line_in_the_anchor_that_no_key_of_the_node_signed_acknowledges_nothing(string member, string value)
    {
        await RestoreAsync();
        await using (var trail = await StartAsync())
            Assert.Equal(HttpStatusCode.OK, await AcknowledgeAsync(trail, "backup of noon"));
        var lines = await File.ReadAllLinesAsync(Anchor, TestContext.Current.CancellationToken);
        var at = Array.FindIndex(lines, l => l.Contains("\"acknowledged\"", StringComparison.Ordinal));
        var word = JsonNode.Parse(lines[at])!;
        word[member] = long.TryParse(value, out var number) ? number : value;
        lines[at] = word.ToJsonString();
        await File.WriteAllTextAsync(Anchor, string.Join('\n', lines) + "\n", TestContext.Current.CancellationToken);

        await using var forged = await StartAsync();
        Assert.NotEqual("sound", await forged.VerifyAsync());
    }

    [Fact]
    public async Task Where_nothing_is_gone_or_no_reason_is_given_nothing_is_acknowledged()
    {
        await using var trail = await StartAsync();
        await trail.FillAsync(30, 10);
        var before = await File.ReadAllTextAsync(Anchor, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, await AcknowledgeAsync(trail, "just in case"));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await AcknowledgeAsync(trail, ""));
        Assert.Equal(before, await File.ReadAllTextAsync(Anchor, TestContext.Current.CancellationToken));
    }

    /// <summary>Five seals are made; the database is put back to when there were two.</summary>
    private async Task RestoreAsync()
    {
        var (data, backup) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "backup"));
        await using (var trail = await StartAsync())
            await trail.FillAsync(40, 20);
        foreach (var file in Directory.GetFiles(data, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(backup, Path.GetRelativePath(data, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        await using (var trail = await StartAsync())
            await trail.FillAsync(60, 20);
        Directory.Delete(data, recursive: true);
        Directory.Move(backup, data);
    }

    private Task<Trail> StartAsync() => Trail.StartAsync(folder: _folder, durable: true);

    private static async Task<HttpStatusCode> AcknowledgeAsync(Trail trail, string reason) =>
        (await trail.Host.Client.PostAsync("/api/v1/audit/acknowledge", new StringContent($$"""{"reason":"{{reason}}"}"""), TestContext.Current.CancellationToken)).StatusCode;
}
