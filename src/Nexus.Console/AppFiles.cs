using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.UserInterface;

/// <summary>One file of the application.</summary>
/// <param name="Type">Its media type.</param>
/// <param name="Brotli">Its bytes, compressed at build time.</param>
/// <param name="Tag">Its entity tag, with quotes.</param>
/// <param name="IsForever">Its name holds a digest of its content: it never changes under this name.</param>
internal sealed record AppFile(string Type, byte[] Brotli, string Tag, bool IsForever)
{
    private byte[]? plain;

    /// <summary>Its bytes as they are, for who does not read Brotli.</summary>
    public byte[] Plain => plain ??= Decompress();

    private byte[] Decompress()
    {
        using var source = new BrotliStream(new MemoryStream(Brotli), CompressionMode.Decompress);
        using var target = new MemoryStream();
        source.CopyTo(target);
        return target.ToArray();
    }
}

/// <summary>The files of the application, which the assembly carries.</summary>
internal sealed class AppFiles
{
    /// <summary>Where the page has the nonce of the answer that carries it.</summary>
    private const string Nonce = "%NONCE%";

    private const string Folder = "app/";

    private readonly FrozenDictionary<string, AppFile> files;
    private readonly string[]? page;

    public AppFiles()
    {
        var assembly = typeof(AppFiles).Assembly;
        files = assembly.GetManifestResourceNames().Where(n => n.StartsWith(Folder, StringComparison.Ordinal)).ToFrozenDictionary(n => n[Folder.Length..], n =>
        {
            using var stream = assembly.GetManifestResourceStream(n)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return new AppFile(FileTypes.Of(n), bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 12))}\"", n.StartsWith(Folder + "assets/", StringComparison.Ordinal));
        }, StringComparer.Ordinal);
        page = files.TryGetValue("index.html", out var index) ? Encoding.UTF8.GetString(index.Plain).Split(Nonce) : null;
    }

    /// <summary>The file of that path below <c>/console/</c>, or null.</summary>
    public AppFile? Find(string path) => path == "index.html" ? null : files.GetValueOrDefault(path);

    /// <summary>The page with a nonce, or null when the application was not built.</summary>
    public string? Page(string nonce) => page is null ? null : string.Join(nonce, page);
}
