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

    [Theory]
    [InlineData("UPDATE entries SET actor='bob' WHERE position=37", "37 altered")]
    [InlineData("UPDATE entries SET at=at+1 WHERE position=1", "1 altered")]
    [InlineData("UPDATE entries SET action='x' WHERE position=95", "95 altered")]
    [InlineData("UPDATE entries SET subject=NULL WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET result=1 WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET result=256 WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET result='x' WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET address='' WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET agent='y' WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET correlation='y' WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET source=source+1000000 WHERE position=41", "41 altered")]
    [InlineData("UPDATE entries SET detail=CAST('{\"revision\":99}' AS BLOB) WHERE position=60", "60 altered")]
    [InlineData("UPDATE entries SET chain=zeroblob(32) WHERE position=60", "60 altered")]
    [InlineData("UPDATE entries SET actor='bob' WHERE position IN (70,33,90)", "33 altered")]
    [InlineData("DELETE FROM entries WHERE position=50", "50 missing")]
    [InlineData("DELETE FROM entries WHERE position>=50", "50 missing")]
    [InlineData("DELETE FROM entries", "1 missing")]
    [InlineData("DELETE FROM entries WHERE position>80; DELETE FROM seals WHERE number=5", "81 missing")]
    [InlineData("DELETE FROM entries WHERE position>40; DELETE FROM seals WHERE number>2", "41 missing")]
    [InlineData("DELETE FROM entries; DELETE FROM seals", "1 missing")]
    [InlineData("DELETE FROM seals WHERE number=3", "41 missing")]
    [InlineData("UPDATE seals SET root=zeroblob(32) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET previous=zeroblob(32) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET signature=zeroblob(70) WHERE number=2", "21 altered")]
    [InlineData("UPDATE seals SET last=39 WHERE number=2", "40 altered")]
    [InlineData("UPDATE entries SET position=-1 WHERE position=44; UPDATE entries SET position=44 WHERE position=47; UPDATE entries SET position=47 WHERE position=-1", "44 reordered")]
    [InlineData("DELETE FROM entries WHERE position=44; UPDATE entries SET position=-position WHERE position>44; UPDATE entries SET position=-position-1 WHERE position<0", "44 missing")]
    [InlineData("UPDATE entries SET position=-position WHERE position>=44; UPDATE entries SET position=-position+1 WHERE position<0; INSERT INTO entries SELECT 44,999,at,'eve',action,subject,result,address,agent,correlation,detail,chain FROM entries WHERE position=45", "44 inserted")]
    [InlineData("INSERT INTO entries SELECT 96,999,at,'eve',action,subject,result,address,agent,correlation,detail,chain FROM entries WHERE position=95", "96 inserted")]
    public async Task The_first_entry_that_is_not_as_sealed_is_named(string tampering, string finding)
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(95, 20);
        Assert.Equal("sound", await trail.VerifyAsync());

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
        await trail.SqlAsync("UPDATE entries SET actor='bob' WHERE position=53");

        await RewriteAsync(trail, withTheKey);

        Assert.Equal(finding, await trail.VerifyAsync());
    }

    [Fact]
    public async Task One_flipped_bit_anywhere_in_an_entry_is_located()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(60, 30);
        var random = new Random(3);
        for (var i = 0; i < 40; i++)
        {
            var position = random.Next(1, 61);
            var column = random.Next(2) == 0 ? "detail" : "chain";
            var before = (byte[])(await trail.ScalarAsync($"SELECT {column} FROM entries WHERE position={position}"))!;
            var after = before.ToArray();
            after[random.Next(after.Length)] ^= (byte)(1 << random.Next(8));
            await trail.SqlAsync($"UPDATE entries SET {column}=x'{Convert.ToHexString(after)}' WHERE position={position}");

            Assert.Equal($"{position} altered", await trail.VerifyAsync());
            await trail.SqlAsync($"UPDATE entries SET {column}=x'{Convert.ToHexString(before)}' WHERE position={position}");
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
            var leaves = new List<byte>();
            foreach (var entry in await store.EntriesAsync(seal.First, seal.Last, CancellationToken.None))
            {
                var (leaf, next) = (new byte[Hashing.Size], new byte[Hashing.Size]);
                Hashing.Leaf(entry.Source, entry.Entry, leaf);
                Hashing.Link(chain, leaf, next);
                leaves.AddRange(leaf);
                chain = next;
                await trail.SqlAsync($"UPDATE entries SET chain=x'{Convert.ToHexString(next)}' WHERE position={entry.Position}");
            }

            var forged = seal with { Root = MerkleTree.Root(leaves.ToArray()), Chain = chain, Previous = previous };
            var signed = forged.Signed(CallContext.DefaultTenant);
            var signature = withTheKey ? own.Sign(signed) : stranger.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            previous = forged.Digest(CallContext.DefaultTenant);
            await trail.SqlAsync($"UPDATE seals SET root=x'{Convert.ToHexString(forged.Root)}',chain=x'{Convert.ToHexString(chain)}',previous=x'{Convert.ToHexString(forged.Previous)}',signature=x'{Convert.ToHexString(signature)}' WHERE number={seal.Number}");
        }
    }
}
