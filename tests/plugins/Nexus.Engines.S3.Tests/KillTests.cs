using System.Security.Cryptography;
using System.Text;
using Nexus.Tests.Shared;

namespace Nexus.Engines.S3.Tests;

public sealed class KillTests
{
    internal const string ChildVariable = "NEXUS_S3_PUTS_TO";

    [Fact]
    public async Task A_node_that_is_killed_while_it_puts_loses_nothing_acknowledged_and_leaves_no_half_blob()
    {
        await using var server = await S3Server.StartAsync();
        var put = await KilledProgram.RunAsync(ChildVariable, server.Address, 40);

        await using var set = await server.OpenAsync();
        var blobs = set.Store.Get("crm", "t1");
        foreach (var id in put)
        {
            await using var stream = await blobs.OpenAsync(Hash(Content(id)));
            Assert.True(stream is not null, $"{id} was acknowledged and is lost");
        }

        await foreach (var blob in set.Store.ListAsync("crm", "t1", TestContext.Current.CancellationToken))
        {
            await using var stream = (await blobs.OpenAsync(blob.Sha256))!;
            Assert.Equal(blob.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, TestContext.Current.CancellationToken)));
        }
    }

    internal static async Task PutForeverAsync(string address)
    {
        await using var set = await S3Server.OpenAsync(new Dictionary<string, string?> { ["s3:bucket"] = S3Server.Bucket, ["s3:endpoint"] = address, ["s3:accessKey"] = "S3RVER", ["s3:secretKey"] = "S3RVER", ["s3:partSize"] = "524288" });
        var blobs = set.Store.Get("crm", "t1");
        await KilledProgram.WriteForeverAsync(4, async (_, _, id) => await blobs.PutAsync(new MemoryStream(Content(id))));
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>Up to some parts long, and different for each id.</summary>
    private static byte[] Content(string id)
    {
        var bytes = new byte[10_000 + id.Sum(c => c) * 8_191 % 2_000_000];
        Encoding.ASCII.GetBytes(id).CopyTo(bytes, 0);
        return bytes;
    }
}
