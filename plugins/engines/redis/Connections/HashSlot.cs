using System.Text;

namespace Nexus.Engines.Redis.Connections;

/// <summary>Which of the 16,384 slots of a cluster a key is in: CRC-16 (XMODEM) of the key, or of what stands between its first braces when that is not empty (https://redis.io/docs/reference/cluster-spec/).</summary>
internal static class HashSlot
{
    public const int Count = 16384;

    private static readonly ushort[] Table = Make();

    public static int Of(string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key).AsSpan();
        var open = bytes.IndexOf((byte)'{');
        if (open >= 0 && bytes[(open + 1)..].IndexOf((byte)'}') is var length and > 0)
            bytes = bytes.Slice(open + 1, length);
        ushort crc = 0;
        foreach (var one in bytes)
            crc = (ushort)((crc << 8) ^ Table[((crc >> 8) ^ one) & 0xff]);
        return crc % Count;
    }

    private static ushort[] Make()
    {
        var table = new ushort[256];
        for (var i = 0; i < 256; i++)
        {
            var crc = (ushort)(i << 8);
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
            table[i] = crc;
        }
        return table;
    }
}
