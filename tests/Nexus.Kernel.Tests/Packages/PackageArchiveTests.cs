using System.IO.Compression;
using System.Text;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Tests.Manifests;

namespace Nexus.Kernel.Tests.Packages;

public sealed class PackageArchiveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Equal_folders_pack_to_equal_bytes()
    {
        var first = _folder.WritePlugin("a", "a", "1.0.0");
        _folder.Write("a/sub/z.txt", "z");
        _folder.Write("b/sub/z.txt", "z");
        var second = _folder.WritePlugin("b", "a", "1.0.0");
        File.SetLastWriteTimeUtc(Path.Combine(second, "Plugin.dll"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        Assert.Equal(await PackAsync(first), await PackAsync(second));
    }

    [Fact]
    public async Task A_packed_folder_opens_with_the_same_hash_and_files()
    {
        var folder = _folder.WritePlugin("a", "a", "1.0.0");
        _folder.Write("a/sub/z.txt", "z");
        var target = Path.Combine(_folder.Path, "out");

        var content = (await PackageArchive.ExtractAsync("a.nxp", new MemoryStream(await PackAsync(folder)), target, CancellationToken.None)).Content;

        Assert.Equal(["Plugin.dll", "manifest.json", "sub/z.txt"], content.Files.Select(f => f.Path));
        Assert.Equal("z", await File.ReadAllTextAsync(Path.Combine(target, "sub/z.txt")));
        Assert.Equal((await PackageFolder.HashAsync(folder, PackageFolder.List(folder), CancellationToken.None)).Hash(), content.Hash());
    }

    [Theory]
    [InlineData("../evil.txt", "leads out of the package")]
    [InlineData("sub/../../evil.txt", "leads out of the package")]
    [InlineData("/etc/evil", "is absolute")]
    [InlineData("C:/evil", "is absolute")]
    [InlineData("a\\..\\evil", "leads out of the package")]
    [InlineData("a//b", "empty or '.' segment")]
    [InlineData("sub/", "not a regular file")]
    [InlineData("PLUGIN.DLL", "occurs twice")]
    [InlineData("extra.txt", "is in the package but not in files.json")]
    public async Task A_dangerous_or_unlisted_entry_is_refused_by_name(string entry, string problem)
    {
        var bytes = await ChangeAsync(archive => archive.CreateEntry(entry));

        var error = await RefuseAsync(bytes);

        Assert.Equal(ErrorCodes.PluginPackageInvalid, error.Code);
        Assert.StartsWith($"a.nxp: '{entry}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_symbolic_link_is_refused()
    {
        var bytes = await ChangeAsync(archive => archive.CreateEntry("link").ExternalAttributes = unchecked((int)0xA1FF0000));

        Assert.Contains("'link': it is a symbolic link", (await RefuseAsync(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bomb_is_refused_before_it_is_unpacked()
    {
        var bytes = await ChangeAsync(archive =>
        {
            using var stream = archive.CreateEntry("bomb.bin").Open();
            stream.Write(new byte[8 * 1024 * 1024]);
        });

        Assert.Contains("'bomb.bin': it expands more than 200 times", (await RefuseAsync(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_altered_and_a_missing_file_are_told_apart()
    {
        var altered = await ChangeAsync(archive =>
        {
            archive.GetEntry("Plugin.dll")!.Delete();
            using var stream = archive.CreateEntry("Plugin.dll").Open();
            stream.Write("evil"u8);
        });
        var missing = await ChangeAsync(archive => archive.GetEntry("Plugin.dll")!.Delete());
        var unlisted = await ChangeAsync(archive => archive.GetEntry("files.json")!.Delete());

        Assert.Contains("'Plugin.dll': its SHA-256 is not the one in files.json", (await RefuseAsync(altered)).Message, StringComparison.Ordinal);
        Assert.Contains("'Plugin.dll': the file is named in files.json but not in the package", (await RefuseAsync(missing)).Message, StringComparison.Ordinal);
        Assert.Contains("'files.json': the package has no list of its files", (await RefuseAsync(unlisted)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mutated_packages_are_opened_or_refused_and_nothing_else()
    {
        var original = await PackAsync(_folder.WritePlugin("a", "a", "1.0.0"));
        var random = new Random(7);
        var refused = 0;
        for (var i = 0; i < 3000; i++)
        {
            try
            {
                await PackageArchive.ExtractAsync("a.nxp", new MemoryStream(Mutation.Of(original, random)), null, CancellationToken.None);
            }
            catch (NexusException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1500, 3000);
    }

    private static async Task<byte[]> PackAsync(string folder)
    {
        using var stream = new MemoryStream();
        await PackageArchive.PackAsync(folder, stream, CancellationToken.None);
        return stream.ToArray();
    }

    private async Task<byte[]> ChangeAsync(Action<ZipArchive> change)
    {
        using var stream = new MemoryStream();
        stream.Write(await PackAsync(_folder.WritePlugin("a", "a", "1.0.0")));
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
            change(archive);
        return stream.ToArray();
    }

    private static Task<NexusException> RefuseAsync(byte[] bytes) => Assert.ThrowsAsync<NexusException>(
        () => PackageArchive.ExtractAsync("a.nxp", new MemoryStream(bytes), null, CancellationToken.None));
}
