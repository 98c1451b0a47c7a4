using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Tests.Verification;

public sealed class VerifierTests
{
    [Fact]
    public async Task A_trail_that_nobody_touched_is_sound_entry_by_entry()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(95, 20);

        var report = await trail.PostAsync("/api/v1/audit/verify");

        Assert.Equal((true, 95L, 5L, 0L), ((bool)report["sound"]!, (long)report["entries"]!, (long)report["seals"]!, (long)report["unanchored"]!));
        Assert.Null(report["finding"]);
    }

    public static TheoryData<string, string> Tamperings => new()
    {
        { "actor of 37", "37 altered" }, { "instant of 1", "1 altered" }, { "action of 95", "95 altered" }, { "subject of 41", "41 altered" }, { "result of 41", "41 altered" }, { "address of 41", "41 altered" },
        { "agent of 41", "41 altered" }, { "correlation of 41", "41 altered" }, { "source of 41", "41 altered" }, { "detail of 60", "60 altered" }, { "chain of 60", "60 altered" }, { "actor of 70, 33 and 90", "33 altered" },
        { "50 removed", "50 missing" }, { "tail of a seal removed", "50 missing" }, { "44 and 47 exchanged", "44 reordered" }, { "one put before 44", "44 inserted" }, { "one put after 60", "61 inserted" }, { "bytes cut off", "60 altered" },
    };

    [Theory]
    [MemberData(nameof(Tamperings))]
    public async Task The_first_entry_that_is_not_as_sealed_is_named(string tampering, string finding)
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(95, 20);
        Assert.Equal("sound", await trail.VerifyAsync());

        await TamperAsync(trail, tampering);

        Assert.Equal(finding, await trail.VerifyAsync());
    }

    [Theory]
    [InlineData("DELETE FROM batches WHERE seal=3", "41 missing")]
    [InlineData("DELETE FROM batches", "1 missing")]
    [InlineData("DELETE FROM batches WHERE seal=5; DELETE FROM seals WHERE number=5", "81 missing")]
    [InlineData("DELETE FROM batches WHERE seal>2; DELETE FROM seals WHERE number>2", "41 missing")]
    [InlineData("DELETE FROM batches; DELETE FROM seals", "1 missing")]
    [InlineData("DELETE FROM seals WHERE number=3", "41 missing")]
    [InlineData("UPDATE seals SET root=zeroblob(32) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET previous=zeroblob(32) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET signature=zeroblob(70) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET last=39 WHERE number=2", "40 altered")]
    [InlineData("UPDATE seals SET chain='x' WHERE number=2", "21 altered")]
    [InlineData("UPDATE batches SET entries='x' WHERE seal=2", "21 missing")]
    [InlineData("UPDATE batches SET terms=zeroblob(128) WHERE seal=4", "61 altered")]
    [InlineData("UPDATE batches SET latest=0 WHERE seal=4", "61 altered")]
    [InlineData("UPDATE batches SET first=1 WHERE seal=4", "61 altered")]
    [InlineData("INSERT INTO batches SELECT 6,96,115,earliest,latest,terms,entries FROM batches WHERE seal=4", "96 inserted")]
    public async Task A_seal_or_batch_that_was_removed_altered_or_added_is_named(string tampering, string finding)
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(95, 20);

        foreach (var statement in tampering.Split("; "))
            await trail.SqlAsync(statement);

        Assert.Equal(finding, await trail.VerifyAsync());
    }

    [Theory]
    [InlineData(true, "53 altered")]
    [InlineData(false, "53 altered")]
    public async Task Who_rewrites_the_whole_database_with_chain_and_seals_that_fit_is_found_at_the_entry_by_the_anchor(bool withTheKey, string finding)
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(95, 20);
        await trail.EditEntryAsync(53, e => e with { Actor = "bob" });

        await RewriteAsync(trail, withTheKey);

        Assert.Equal(finding, await trail.VerifyAsync());
    }

    [Fact]
    public async Task One_flipped_bit_anywhere_in_an_entry_is_located()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(60, 20);
        var random = new Random(3);
        for (var i = 0; i < 60; i++)
        {
            var seal = random.Next(1, 4);
            var before = (byte[])(await trail.ScalarAsync($"SELECT entries FROM batches WHERE seal={seal}"))!;
            var batch = Batch.Parse(((seal - 1) * 20) + 1, before);
            var at = random.Next(before.Length);
            var index = Enumerable.Range(0, batch.Count).Last(n => batch.Chain(n).Length > 0 && before.AsSpan().IndexOf(batch.Chain(n)) - 4 <= at);
            var after = before.ToArray();
            after[at] ^= (byte)(1 << random.Next(8));
            await trail.SqlAsync($"UPDATE batches SET entries=x'{Convert.ToHexString(after)}' WHERE seal={seal}");

            Assert.StartsWith($"{batch.First + index} ", await trail.VerifyAsync(), StringComparison.Ordinal);
            await trail.SqlAsync($"UPDATE batches SET entries=x'{Convert.ToHexString(before)}' WHERE seal={seal}");
        }

        Assert.Equal("sound", await trail.VerifyAsync());
    }

    [Fact]
    public async Task Progress_is_streamed_and_the_last_line_is_the_result()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(10, 10);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/audit/verify") { Headers = { { "Accept", "application/x-ndjson" } } };

        var lines = (await (await trail.Host.Client.SendAsync(request)).Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains("\"sound\":true", lines[^1], StringComparison.Ordinal);
    }

    /// <summary>Computes chain, roots and links anew, as somebody would who has the database, and perhaps the key.</summary>
    private static async Task RewriteAsync(Trail trail, bool withTheKey)
    {
        var store = new TrailStore(trail.Database);
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = SealKeys.Open(Path.Combine(trail.Folder, "audit", "keys"));
        var chain = Hashing.Genesis(CallContext.DefaultTenant);
        var previous = new byte[Hashing.Size];
        foreach (var seal in await store.SealsAsync(0, 100, CancellationToken.None))
        {
            var old = (await store.FindBatchAsync(seal.Number, CancellationToken.None))!;
            var batch = Batch.Seal(seal.First, [.. Enumerable.Range(0, old.Count).Select(i => (old.Source(i), old.Encoded(i)))], chain);
            var forged = seal with { Root = MerkleTree.Root(batch.Leaves()), Chain = chain.ToArray(), Previous = previous };
            var signed = forged.Signed(CallContext.DefaultTenant);
            var signature = withTheKey ? own.Sign(signed) : stranger.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            previous = forged.Digest(CallContext.DefaultTenant);
            await trail.SqlAsync($"UPDATE batches SET entries=x'{Convert.ToHexString(batch.Bytes)}',terms=x'{Convert.ToHexString(Terms.Of(batch).Filter)}' WHERE seal={seal.Number}");
            await trail.SqlAsync($"UPDATE seals SET root=x'{Convert.ToHexString(forged.Root)}',chain=x'{Convert.ToHexString(chain)}',previous=x'{Convert.ToHexString(forged.Previous)}',signature=x'{Convert.ToHexString(signature)}' WHERE number={seal.Number}");
        }
    }

    private static Task TamperAsync(Trail trail, string tampering) => tampering switch
    {
        "actor of 37" => trail.EditEntryAsync(37, e => e with { Actor = "bob" }),
        "instant of 1" => trail.EditEntryAsync(1, e => e with { At = e.At.AddMicroseconds(1) }),
        "action of 95" => trail.EditEntryAsync(95, e => e with { Action = "x" }),
        "subject of 41" => trail.EditEntryAsync(41, e => e with { Subject = null }),
        "result of 41" => trail.EditEntryAsync(41, e => e with { Result = AuditResult.Denied }),
        "address of 41" => trail.EditEntryAsync(41, e => e with { Address = "" }),
        "agent of 41" => trail.EditEntryAsync(41, e => e with { UserAgent = "y" }),
        "correlation of 41" => trail.EditEntryAsync(41, e => e with { CorrelationId = "y" }),
        "source of 41" => trail.EditAsync(3, entries => [entries[0] with { Source = entries[0].Source + 1_000_000 }, .. entries.Skip(1)]),
        "detail of 60" => trail.EditEntryAsync(60, e => e with { Detail = "{\"revision\":99}"u8.ToArray() }),
        "chain of 60" => trail.EditAsync(3, entries => [.. entries.Take(19), entries[19] with { Chain = new byte[32] }]),
        "actor of 70, 33 and 90" => Task.WhenAll(trail.EditEntryAsync(70, Bob), trail.EditEntryAsync(33, Bob), trail.EditEntryAsync(90, Bob)),
        "50 removed" => trail.EditAsync(3, entries => [.. entries.Take(9), .. entries.Skip(10)]),
        "tail of a seal removed" => trail.EditAsync(3, entries => [.. entries.Take(9)]),
        "44 and 47 exchanged" => trail.EditAsync(3, entries => [.. entries.Take(3), entries[6], entries[4], entries[5], entries[3], .. entries.Skip(7)]),
        "one put before 44" => trail.EditAsync(3, entries => [.. entries.Take(3), entries[3] with { Source = 999, Entry = Bob(entries[3].Entry) }, .. entries.Skip(3)]),
        "one put after 60" => trail.EditAsync(3, entries => [.. entries, entries[19] with { Source = 999, Entry = Bob(entries[19].Entry) }]),
        "bytes cut off" => trail.SqlAsync("UPDATE batches SET entries=substr(entries,1,length(entries)-1) WHERE seal=3"),
        _ => throw new ArgumentOutOfRangeException(nameof(tampering), tampering, "is not known."),
    };

    private static AuditEntry Bob(AuditEntry entry) => entry with { Actor = "bob" };
}
