using System.Security.Cryptography;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Tests.Chain;

public sealed class MerkleTreeTests
{
    private static readonly string[] Inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    private static byte[] Leaves(int count) => [.. Inputs.Take(count).SelectMany(i => SHA256.HashData([0, .. Convert.FromHexString(i)]))];

    [Theory]
    [InlineData(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")]
    [InlineData(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    [InlineData(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")]
    [InlineData(4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [InlineData(5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4")]
    [InlineData(6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")]
    [InlineData(7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c")]
    [InlineData(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    public void The_roots_are_those_of_the_reference_vectors_of_certificate_transparency(int count, string root) =>
        Assert.Equal(root, Convert.ToHexStringLower(MerkleTree.Root(Leaves(count))));

    [Fact]
    public void Each_leaf_of_trees_of_1_to_300_leaves_is_proved_by_its_own_path_and_by_no_other_place()
    {
        var all = Enumerable.Range(0, 300).SelectMany(i => SHA256.HashData(BitConverter.GetBytes(i))).ToArray();
        for (var count = 1; count <= 300; count += count < 20 ? 1 : 37)
        {
            var leaves = all.AsSpan(0, count * Hashing.Size);
            var root = MerkleTree.Root(leaves);
            for (var i = 0; i < count; i++)
            {
                var path = MerkleTree.Path(leaves, i);
                Assert.True(MerkleTree.Proves(leaves.Slice(i * Hashing.Size, Hashing.Size), i, count, path, root), $"leaf {i} of {count}");
                Assert.False(MerkleTree.Proves(all.AsSpan((i + 1) % 300 * Hashing.Size, Hashing.Size), i, count, path, root));
                Assert.False(count > 1 && MerkleTree.Proves(leaves.Slice(i * Hashing.Size, Hashing.Size), (i + 1) % count, count, path, root));
            }
        }
    }
}
