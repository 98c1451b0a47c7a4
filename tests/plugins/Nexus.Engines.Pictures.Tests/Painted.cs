using System.Buffers.Binary;
using System.IO.Compression;
using NetVips;

namespace Nexus.Engines.Pictures.Tests;

/// <summary>Pictures that tests make up.</summary>
internal static class Painted
{
    public const string Secret = "taken at the place nobody is told of";

    /// <summary>Red, green, blue and white quarters.</summary>
    public static Image Quarters(int width, int height)
    {
        using var top = Plain(width / 2, height / 2, 255, 0, 0).Join(Plain(width / 2, height / 2, 0, 255, 0), Enums.Direction.Horizontal);
        using var bottom = Plain(width / 2, height / 2, 0, 0, 255).Join(Plain(width / 2, height / 2, 255, 255, 255), Enums.Direction.Horizontal);
        return top.Join(bottom, Enums.Direction.Vertical);
    }

    public static Image Plain(int width, int height, params double[] colour)
    {
        using var black = Image.Black(width, height, colour.Length);
        return (black + colour).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
    }

    /// <summary>Twelve megapixels as a camera has them: surfaces, edges and noise.</summary>
    public static byte[] Photo()
    {
        using var noise = Image.Gaussnoise(4000, 3000, sigma: 9, mean: 0);
        using var at = Image.Xyz(4000, 3000);
        using var waves = (at[0] * 0.6).Sin() * 45 + (at[1] * 1.7).Cos() * 30 + ((at[0] + at[1]) * 9).Sin() * 12;
        using var red = waves + at[0] * 0.03 + 70 + noise;
        using var green = waves + at[1] * 0.04 + 60 + noise;
        using var blue = waves * 0.5 + 110 + noise;
        using var photo = red.Bandjoin(green, blue).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
        return photo.JpegsaveBuffer(q: 90);
    }

    /// <summary>A JPEG as a telephone writes it: turned by its metadata, which also say who and where.</summary>
    public static byte[] Turned(Image image, int orientation)
    {
        using var told = image.Mutate(m =>
        {
            m.Set(GValue.GIntType, "orientation", orientation);
            m.Set(GValue.GStrType, "exif-ifd0-Copyright", $"{Secret} ({Secret}, ASCII, 36 components, 36 bytes)");
            m.Set(GValue.BlobType, "xmp-data", System.Text.Encoding.UTF8.GetBytes($"<x:xmpmeta>{Secret}</x:xmpmeta>"));
        });
        return told.JpegsaveBuffer(q: 95, profile: "p3");
    }

    /// <summary>A PNG whose header says what it likes.</summary>
    public static byte[] Png(int width, int height, byte[] rows)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(rows);
        return [0x89, .. "PNG\r\n"u8, 0x1a, 0x0a, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> name, byte[] content)
    {
        var chunk = new byte[content.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        name.CopyTo(chunk.AsSpan(4));
        content.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(content.Length + 8), Crc32(chunk.AsSpan(4, content.Length + 4)));
        return chunk;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xedb88320;
        }

        return ~crc;
    }
}
