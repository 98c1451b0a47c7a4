using System.IO.Compression;
using System.Security.Cryptography;
using Nexus.Kernel.Plugins.Trust;

namespace Nexus.Kernel.Plugins;

/// <summary>A package whose files match its list.</summary>
/// <param name="Content">The list.</param>
/// <param name="Signature">Its signature, read but not judged; null when there is none.</param>
/// <param name="Digest">Digest that the signature must name.</param>
internal sealed record OpenedPackage(PackageContent Content, PackageSignature? Signature, string? Digest);

/// <summary>Packs and opens <c>.nxp</c> files: zip archives with <c>files.json</c>. Whatever an archive holds, only <see cref="NexusException"/> comes out, and nothing is written outside the target.</summary>
internal static class PackageArchive
{
    public const string Extension = ".nxp";

    // A megabyte of zeros packs 1000 to 1; assemblies pack 2 to 4 times, JSON rarely 30 times.
    private const int MaxRatio = 200;

    private const long RatioFrom = 1024 * 1024;

    // The zip format cannot say earlier; a fixed time makes equal content equal bytes.
    private static readonly DateTimeOffset Timestamp = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Packs a plugin's folder; equal files give equal bytes.</summary>
    public static async Task<PackageContent> PackAsync(string folder, Stream output, CancellationToken cancellationToken)
    {
        var content = await PackageFolder.HashAsync(folder, PackageFolder.List(folder), cancellationToken);
        using var archive = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true);
        await using (var list = NewEntry(archive, PackageContent.FileName).Open())
            await list.WriteAsync(content.Write(), cancellationToken);
        foreach (var file in content.Files)
        {
            await using var source = PackageFolder.Open(Path.Combine(folder, file.Path));
            await using var target = NewEntry(archive, file.Path).Open();
            await source.CopyToAsync(target, cancellationToken);
        }

        return content;
    }

    /// <summary>Verifies an archive against its own list and writes its files below a folder.</summary>
    /// <param name="path">Name of the archive, for errors.</param>
    /// <param name="stream">The archive, seekable.</param>
    /// <param name="target">An empty folder; null verifies only.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async Task<OpenedPackage> ExtractAsync(string path, Stream stream, string? target, CancellationToken cancellationToken)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var content = await ExtractAsync(path, archive, target, cancellationToken);
            return archive.GetEntry(PackageSignature.FileName) is null
                ? new OpenedPackage(content, null, null)
                : await WithSignatureAsync(path, stream, content, target, cancellationToken);
        }
        catch (Exception e) when (e is not (NexusException or OperationCanceledException or OutOfMemoryException))
        {
            // The zip reader answers damage with a dozen exception types; all mean the same to the operator.
            throw PackageErrors.Unreadable(path, e);
        }
    }

    private static async Task<OpenedPackage> WithSignatureAsync(string path, Stream stream, PackageContent content, string? target, CancellationToken cancellationToken)
    {
        using var whole = new MemoryStream();
        stream.Position = 0;
        await stream.CopyToAsync(whole, cancellationToken);
        var (signature, digest) = SignedArchive.Read(whole.ToArray(), path) ?? throw PackageErrors.Invalid(path, PackageSignature.FileName, "the archive names a signature that cannot be found");
        if (target is not null)
            await File.WriteAllBytesAsync(Path.Combine(target, PackageSignature.FileName), signature.Write(), cancellationToken);
        return new OpenedPackage(content, signature, digest);
    }

    private static async Task<PackageContent> ExtractAsync(string path, ZipArchive archive, string? target, CancellationToken cancellationToken)
    {
        if (archive.Entries.Count > PackageContent.MaxFiles + 2)
            throw PackageErrors.Invalid(path, PackageContent.FileName, $"the package has {archive.Entries.Count} entries; at most {PackageContent.MaxFiles} files are allowed");
        foreach (var entry in archive.Entries)
            CheckEntry(path, entry);
        PackageContent.CheckPaths(archive.Entries.Select(e => e.FullName), path);
        if (archive.Entries.Sum(e => e.Length) > PackageContent.MaxBytes)
            throw PackageErrors.Invalid(path, PackageContent.FileName, $"the files exceed {PackageContent.MaxBytes / 1024 / 1024} MiB together");
        var content = await ReadListAsync(path, archive, cancellationToken);
        CheckSame(path, archive, content);
        foreach (var file in content.Files)
            await ExtractFileAsync(path, archive.GetEntry(file.Path)!, file, target, cancellationToken);
        return content;
    }

    private static void CheckEntry(string path, ZipArchiveEntry entry)
    {
        var name = entry.FullName;
        if (name.StartsWith('/') || name.StartsWith('\\') || name is [_, ':', ..])
            throw PackageErrors.Invalid(path, name, "the path is absolute; a package holds relative paths only");
        if (name.Split('/', '\\').Contains(".."))
            throw PackageErrors.Invalid(path, name, "the path leads out of the package ('..')");
        var kind = (entry.ExternalAttributes >> 16) & 0xF000;
        if (kind == 0xA000)
            throw PackageErrors.Invalid(path, name, "it is a symbolic link, which could lead out of the package");
        if (kind is not (0 or 0x8000))
            throw PackageErrors.Invalid(path, name, "it is not a regular file");
        if (Schemas.SchemaFormats.Check("relative-path", name) is not null || name.Any(char.IsControl))
            throw PackageErrors.Invalid(path, name, "the path has a backslash, colon, control character, empty or '.' segment, or more than 240 characters");
        if (entry.IsEncrypted)
            throw PackageErrors.Invalid(path, name, "it is encrypted");
        if (entry.Length > RatioFrom && entry.Length / Math.Max(1, entry.CompressedLength) > MaxRatio)
            throw PackageErrors.Invalid(path, name, $"it expands more than {MaxRatio} times, as an archive bomb does");
    }

    private static async Task<PackageContent> ReadListAsync(string path, ZipArchive archive, CancellationToken cancellationToken)
    {
        var entry = archive.GetEntry(PackageContent.FileName)
            ?? throw PackageErrors.Invalid(path, PackageContent.FileName, "the package has no list of its files; make packages with 'nexus plugin pack'");
        if (entry.Length > PackageContent.MaxListBytes)
            throw PackageErrors.Invalid(path, entry.FullName, $"the list is larger than {PackageContent.MaxListBytes / 1024} KiB");
        var bytes = new byte[(int)entry.Length];
        await using var stream = entry.Open();
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        return PackageContent.Read(bytes, $"{path}!{PackageContent.FileName}");
    }

    private static void CheckSame(string path, ZipArchive archive, PackageContent content)
    {
        var listed = content.Files.Select(f => f.Path).ToHashSet(StringComparer.Ordinal);
        if (listed.Contains(PackageContent.FileName))
            throw PackageErrors.Invalid(path, PackageContent.FileName, "the list names itself");
        if (listed.Contains(PackageSignature.FileName))
            throw PackageErrors.Invalid(path, PackageSignature.FileName, "the list names the signature, which signs it");
        foreach (var entry in archive.Entries.Where(e => e.FullName is not (PackageContent.FileName or PackageSignature.FileName) && !listed.Contains(e.FullName)))
            throw PackageErrors.Invalid(path, entry.FullName, $"the file is in the package but not in {PackageContent.FileName}");
        foreach (var file in content.Files.Where(f => archive.GetEntry(f.Path) is null))
            throw PackageErrors.Invalid(path, file.Path, $"the file is named in {PackageContent.FileName} but not in the package");
    }

    private static async Task ExtractFileAsync(string path, ZipArchiveEntry entry, PackageFile file, string? target, CancellationToken cancellationToken)
    {
        if (entry.Length != file.Size)
            throw PackageErrors.Invalid(path, file.Path, $"it has {entry.Length} bytes where {PackageContent.FileName} says {file.Size}");
        await using var source = entry.Open();
        await using var sink = target is null ? Stream.Null : DurableFiles.Create(target, file.Path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[65536];
        long size = 0;
        for (int read; (read = await source.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            // The directory of an archive may lie about the size: count what really comes out.
            if ((size += read) > file.Size)
                throw PackageErrors.Invalid(path, file.Path, $"it has more bytes than {PackageContent.FileName} says ({file.Size})");
            hash.AppendData(buffer, 0, read);
            await sink.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }

        if (size != file.Size)
            throw PackageErrors.Invalid(path, file.Path, $"it has {size} bytes where {PackageContent.FileName} says {file.Size}");
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != file.Sha256)
            throw PackageErrors.Invalid(path, file.Path, $"its SHA-256 is not the one in {PackageContent.FileName}: the file was altered or damaged");
        if (sink is FileStream written)
            written.Flush(flushToDisk: true);
    }

    private static ZipArchiveEntry NewEntry(ZipArchive archive, string path)
    {
        var entry = archive.CreateEntry(path, CompressionLevel.Optimal);
        entry.LastWriteTime = Timestamp;
        entry.ExternalAttributes = unchecked((int)0x81A40000);
        return entry;
    }
}
