using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>
/// Puts signatures into archives. The signature covers every byte of the archive but its own content and the two checksums of that content:
/// what no file list can see (headers, order, gaps, what lies behind the directory) cannot be changed either.
/// </summary>
internal static class SignedArchive
{
    private const int DirectoryEntry = 46;
    private const int LocalHeader = 30;
    private const int EndRecord = 22;

    /// <summary>Adds a signature as the last entry, or replaces the one there.</summary>
    /// <param name="archive">The package.</param>
    /// <param name="package">Its name, for errors.</param>
    /// <param name="sign">Makes the signature for a digest of the archive; its length may not depend on the digest.</param>
    public static byte[] Sign(byte[] archive, string package, Func<string, PackageSignature> sign)
    {
        var bytes = WithPlace(archive, sign(new string('0', 64)).Write());
        var place = Find(bytes, package) ?? throw PackageErrors.Invalid(package, PackageSignature.FileName, "the archive has no room for a signature");
        var signature = sign(Digest(bytes, place)).Write();
        signature.CopyTo(bytes.AsSpan(place.Content, place.Length));
        var checksum = Crc32(signature);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(place.LocalChecksum), checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(place.DirectoryChecksum), checksum);
        return bytes;
    }

    /// <summary>The signature of an archive and the digest that it must name; null when there is none.</summary>
    public static (PackageSignature Signature, string Digest)? Read(byte[] archive, string package)
    {
        if (Find(archive, package) is not { } place)
            return null;
        var content = archive.AsSpan(place.Content, place.Length);
        var checksum = Crc32(content);
        if (BinaryPrimitives.ReadUInt32LittleEndian(archive.AsSpan(place.LocalChecksum)) != checksum || BinaryPrimitives.ReadUInt32LittleEndian(archive.AsSpan(place.DirectoryChecksum)) != checksum)
            throw PackageErrors.Invalid(package, PackageSignature.FileName, "its checksum is wrong: the package was altered or damaged");
        return (PackageSignature.Read(content, package), Digest(archive, place));
    }

    private static byte[] WithPlace(byte[] archive, byte[] signature)
    {
        using var stream = new MemoryStream();
        stream.Write(archive);
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            zip.GetEntry(PackageSignature.FileName)?.Delete();
            var entry = zip.CreateEntry(PackageSignature.FileName, CompressionLevel.NoCompression);
            entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
            entry.ExternalAttributes = unchecked((int)0x81A40000);
            using var content = entry.Open();
            content.Write(signature);
        }

        return stream.ToArray();
    }

    private static string Digest(byte[] archive, Place place)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var at = 0;
        foreach (var (start, length) in new[] { (place.LocalChecksum, 4), (place.Content, place.Length), (place.DirectoryChecksum, 4) }.OrderBy(r => r.Item1))
        {
            hash.AppendData(archive.AsSpan(at, start - at));
            hash.AppendData(new byte[length]);
            at = start + length;
        }

        hash.AppendData(archive.AsSpan(at));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Where the signature lies. Only the plain form that packing writes is read: stored, without descriptor, and a directory that ends the file.</summary>
    private static Place? Find(byte[] archive, string package)
    {
        var end = archive.Length - EndRecord;
        if (end < 0 || Word(archive, end) != 0x06054b50)
            throw PackageErrors.Invalid(package, PackageSignature.FileName, "something lies behind the directory of the archive");
        var (count, at) = (BinaryPrimitives.ReadUInt16LittleEndian(archive.AsSpan(end + 10)), (long)Word(archive, end + 16));
        Place? found = null;
        for (var i = 0; i < count && at + DirectoryEntry <= end && Word(archive, (int)at) == 0x02014b50; i++)
        {
            var entry = archive.AsSpan((int)at, DirectoryEntry);
            var (name, extra, comment) = (BinaryPrimitives.ReadUInt16LittleEndian(entry[28..]), BinaryPrimitives.ReadUInt16LittleEndian(entry[30..]), BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]));
            if (at + DirectoryEntry + name <= end && Encoding.UTF8.GetString(archive.AsSpan((int)at + DirectoryEntry, name)) == PackageSignature.FileName)
                found = PlaceOf(archive, package, (int)at);
            at += DirectoryEntry + name + extra + comment;
        }

        return found;
    }

    private static Place PlaceOf(byte[] archive, string package, int entry)
    {
        var (length, local) = (Word(archive, entry + 20), (long)Word(archive, entry + 42));
        if (BinaryPrimitives.ReadUInt16LittleEndian(archive.AsSpan(entry + 10)) != 0 || length != Word(archive, entry + 24) || length > PackageSignature.MaxBytes || local + LocalHeader > entry || Word(archive, (int)local) != 0x04034b50)
            throw PackageErrors.Invalid(package, PackageSignature.FileName, "the signature is not stored plainly; sign the package again with 'nexus plugin sign'");
        var content = local + LocalHeader + BinaryPrimitives.ReadUInt16LittleEndian(archive.AsSpan((int)local + 26)) + BinaryPrimitives.ReadUInt16LittleEndian(archive.AsSpan((int)local + 28));
        return content + length <= entry
            ? new Place((int)content, (int)length, (int)local + 14, entry + 16)
            : throw PackageErrors.Invalid(package, PackageSignature.FileName, "the signature lies outside of the archive");
    }

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    /// <summary>The checksum of zip files.</summary>
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320u;
        }

        return ~crc;
    }

    private readonly record struct Place(int Content, int Length, int LocalChecksum, int DirectoryChecksum);
}
