using System.Text;

namespace Nexus.Kernel.Tests.Manifests;

/// <summary>Damages bytes as broken disks, editors and attackers do.</summary>
internal static class Mutation
{
    private static readonly string[] Pieces = ["{", "}", "[", "]", "\"", "\\", ":", ",", "null", "-1", "1e999", "\\ud800", "\u0000", "&a ", "*a ", "\n", "  ", "- ", "../", "${X", "!!binary "];

    public static byte[] Of(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (var n = random.Next(1, 4); n > 0 && bytes.Count > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)); break;
                case 2: bytes.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)])); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at))); break;
                default: bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }

        return [.. bytes];
    }
}
