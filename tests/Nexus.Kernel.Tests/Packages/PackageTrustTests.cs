using System.IO.Compression;
using System.Text;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Trust;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Packages;

/// <summary>Which packages a node that asks for signatures takes.</summary>
public sealed class PackageTrustTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeClock _clock = new();

    private string Key => Path.Combine(_folder.Path, "publisher.key");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_package_signed_by_a_trusted_key_is_taken_and_says_who_signed_it()
    {
        var key = await TrustAsync();
        var package = await SignedAsync("a", "1.0.0");

        var verdict = await VerifyAsync(package);
        using var store = Store();
        var imported = await store.ImportAsync(package, CancellationToken.None);

        Assert.Equal(("a", "1.0.0", key.KeyId), (verdict.Id, verdict.Version, verdict.KeyId));
        Assert.Equal(verdict.ContentHash, imported.ContentHash);
        Assert.Equal(imported.ContentHash, (await store.FindAsync(imported.ContentHash, package, CancellationToken.None))!.ContentHash);
    }

    [Fact]
    public async Task An_unsigned_package_is_refused_where_signatures_count_and_taken_elsewhere()
    {
        await TrustAsync();
        var package = await PackAsync("a", "1.0.0");

        Assert.Equal($"{package}: it is not signed, and plugins.requireSignature is on. Sign it with `nexus plugin sign`, or name its folder under plugins.trust.directories if what lies there is to run as it is.", (await RefusedAsync(package)).Message);
        using var lax = Store(o => o.RequireSignature = false);
        Assert.Equal("a", (await lax.ImportAsync(package, CancellationToken.None)).Manifest.Name);
        using var exempt = Store(o => o.Trust.Directories.Add(_folder.Path));
        Assert.Equal("a", (await exempt.ImportAsync(package, CancellationToken.None)).Manifest.Name);
    }

    [Fact]
    public async Task A_package_that_calls_itself_a_part_of_the_platform_is_signed_or_was_placed_by_the_operator()
    {
        await TrustAsync();
        var folder = _folder.WritePlugin("core-1", "a", "1.0.0");
        var manifest = Path.Combine(folder, "manifest.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(manifest, CancellationToken.None))!;
        json["category"] = "core";
        await File.WriteAllTextAsync(manifest, json.ToJsonString(), CancellationToken.None);
        var package = Path.Combine(_folder.Path, "core.nxp");
        await PluginPackages.PackAsync(folder, package);

        using var lax = Store(o => o.RequireSignature = false);
        foreach (var source in new[] { folder, package })
            Assert.Equal("PLUGIN_UNTRUSTED", (await Assert.ThrowsAsync<NexusException>(() => lax.ImportAsync(source, CancellationToken.None))).Code);
        using var placed = Store(o =>
        {
            o.RequireSignature = false;
            o.Directories.Add(_folder.Path);
        });
        Assert.Equal("a", (await placed.ImportAsync(folder, CancellationToken.None)).Manifest.Name);
        await PluginTrust.SignAsync(package, Key, null, time: _clock);
        Assert.Equal("a", (await lax.ImportAsync(package, CancellationToken.None)).Manifest.Name);
    }

    [Fact]
    public async Task A_key_that_is_not_trusted_or_revoked_or_run_out_is_refused_by_its_rule()
    {
        using (var stranger = SigningKey.Generate()) stranger.Save(Key);
        var unknown = await SignedAsync("a", "1.0.0");
        Assert.Contains("is not trusted here. If you trust its publisher, add the key with `nexus plugin trust add`", (await RefusedAsync(unknown)).Message, StringComparison.Ordinal);

        File.Delete(Key);
        var key = await TrustAsync(_clock.GetUtcNow() + TimeSpan.FromDays(10));
        var package = await SignedAsync("b", "1.0.0");
        Assert.Equal("b", (await VerifyAsync(package)).Id);
        _clock.Advance(TimeSpan.FromDays(11));
        Assert.Contains($"the key {key.KeyId} (publisher) that signed it was valid until", (await RefusedAsync(package)).Message, StringComparison.Ordinal);

        await PluginTrust.RevokeAsync(Options(), key.KeyId, "lost", _clock);
        Assert.Contains($"the key {key.KeyId} was revoked on", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
        Assert.Contains("(lost)", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_signature_is_not_installed_but_what_was_installed_before_starts_again()
    {
        await TrustAsync();
        var package = await SignedAsync("a", "1.0.0", _clock.GetUtcNow() + TimeSpan.FromDays(30));
        using var store = Store();
        var installed = await store.ImportAsync(package, CancellationToken.None);

        _clock.Advance(TimeSpan.FromDays(31));

        Assert.Contains("its signature expired on", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
        Assert.NotNull(await store.FindAsync(installed.ContentHash, package, CancellationToken.None));
    }

    [Fact]
    public async Task A_revoked_package_is_refused_also_when_it_was_installed_before()
    {
        await TrustAsync();
        var package = await SignedAsync("a", "1.0.0");
        using var store = Store();
        var installed = await store.ImportAsync(package, CancellationToken.None);

        await PluginTrust.RevokeAsync(Options(), installed.ContentHash, "has a hole", _clock);

        Assert.Contains("(has a hole)", (await Assert.ThrowsAsync<NexusException>(() => store.FindAsync(installed.ContentHash, package, CancellationToken.None))).Message, StringComparison.Ordinal);
        Assert.Equal("PLUGIN_UNTRUSTED", (await Assert.ThrowsAsync<NexusException>(() => store.ImportAsync(package, CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_kept_package_that_was_altered_in_the_store_does_not_start()
    {
        await TrustAsync();
        using var store = Store();
        var installed = await store.ImportAsync(await SignedAsync("a", "1.0.0"), CancellationToken.None);

        await File.AppendAllTextAsync(Path.Combine(installed.Directory, "Plugin.dll"), "x", CancellationToken.None);

        Assert.Contains("was altered in the store", (await Assert.ThrowsAsync<NexusException>(() => store.FindAsync(installed.ContentHash, "a.nxp", CancellationToken.None))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_key_that_the_trusted_one_certified_counts_until_its_end_and_not_when_it_is_revoked()
    {
        await TrustAsync();
        var (next, certificate) = (Path.Combine(_folder.Path, "next.key"), Path.Combine(_folder.Path, "next.cert"));
        var made = await PluginTrust.GenerateAsync(next, "publisher, second key");
        await PluginTrust.CertifyAsync(next + ".pub", Key, _clock.GetUtcNow() + TimeSpan.FromDays(100), certificate);
        var package = await PackAsync("a", "1.0.0");
        await PluginTrust.SignAsync(package, next, certificateFiles: [certificate], time: _clock);

        Assert.Equal(made.KeyId, (await VerifyAsync(package)).KeyId);
        _clock.Advance(TimeSpan.FromDays(101));
        Assert.Contains("was valid until", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
        await PluginTrust.RevokeAsync(Options(), made.KeyId, "stolen", _clock);
        Assert.Contains("(stolen)", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_the_trusted_key_did_not_make_is_refused()
    {
        await TrustAsync();
        var (next, stranger) = (Path.Combine(_folder.Path, "next.key"), Path.Combine(_folder.Path, "stranger.key"));
        var made = await PluginTrust.GenerateAsync(next, "publisher, second key");
        using var trusted = SigningKey.Load(Key);
        await PluginTrust.GenerateAsync(stranger, "stranger");
        using var forger = SigningKey.Load(stranger);
        var forged = forger.Certify(made.PublicKey, "publisher, second key", _clock.GetUtcNow() + TimeSpan.FromDays(100)) with { Issuer = trusted.Id };
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "forged.cert"), System.Text.Json.JsonSerializer.Serialize(forged, System.Text.Json.JsonSerializerOptions.Web), CancellationToken.None);
        var package = await PackAsync("a", "1.0.0");
        await PluginTrust.SignAsync(package, next, certificateFiles: [Path.Combine(_folder.Path, "forged.cert")], time: _clock);

        Assert.Contains("did not certify", (await RefusedAsync(package)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signed_folder_is_taken_until_a_file_of_it_changes()
    {
        await TrustAsync();
        var folder = _folder.WritePlugin("a", "a", "1.0.0");
        var hash = (await PackageFolder.HashAsync(folder, PackageFolder.List(folder), CancellationToken.None)).Hash();
        using var key = SigningKey.Load(Key);
        await File.WriteAllBytesAsync(Path.Combine(folder, "signature.json"), key.Sign(hash, "", _clock.GetUtcNow(), null, []).Write(), CancellationToken.None);
        using var store = Store();

        Assert.Equal(hash, (await store.ImportAsync(folder, CancellationToken.None)).ContentHash);
        await File.AppendAllTextAsync(Path.Combine(folder, "Plugin.dll"), "x", CancellationToken.None);

        Assert.Contains("the package or its signature was altered", (await Assert.ThrowsAsync<NexusException>(() => store.ImportAsync(folder, CancellationToken.None))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_thousand_mutated_packages_a_thousand_are_refused_and_nothing_is_left()
    {
        await TrustAsync();
        var original = await File.ReadAllBytesAsync(await SignedAsync("a", "1.0.0"), CancellationToken.None);
        var other = await File.ReadAllBytesAsync(await SignedAsync("b", "1.0.0"), CancellationToken.None);
        using var store = Store();
        var random = new Random(20260101);
        for (var round = 0; round < 1000; round++)
        {
            var mutated = Mutations[round % Mutations.Length](original, other, random);
            Assert.False(mutated.AsSpan().SequenceEqual(original));
            var file = Path.Combine(_folder.Path, $"mutated-{round}.nxp");
            await File.WriteAllBytesAsync(file, mutated, CancellationToken.None);

            var error = await Record.ExceptionAsync(() => store.ImportAsync(file, CancellationToken.None));

            Assert.True(error is NexusException { Code: "PLUGIN_UNTRUSTED" or "PLUGIN_PACKAGE_INVALID" or "PLUGIN_MANIFEST_INVALID" }, $"round {round}, kind {round % Mutations.Length}: {error?.ToString() ?? "accepted"}");
            Assert.StartsWith(file, error!.Message, StringComparison.Ordinal);
            File.Delete(file);
        }

        Assert.Empty(Directory.Exists(Path.Combine(_folder.Path, "data", "packages")) ? Directory.EnumerateFileSystemEntries(Path.Combine(_folder.Path, "data", "packages")) : []);
    }

    private static readonly Func<byte[], byte[], Random, byte[]>[] Mutations =
    [
        // A flipped bit anywhere: content, headers, directory, padding.
        (p, _, r) => { var m = p.ToArray(); m[r.Next(m.Length)] ^= (byte)(1 << r.Next(8)); return m; },
        (p, _, r) => { var m = p.ToArray(); for (var i = 0; i < 1 + r.Next(8); i++) m[r.Next(m.Length)] ^= (byte)(1 << r.Next(8)); return m; },
        (p, _, r) => p[..r.Next(p.Length)],
        (p, _, r) => { var m = p.ToList(); m.InsertRange(r.Next(m.Count + 1), Enumerable.Range(0, 1 + r.Next(40)).Select(_ => (byte)r.Next(256))); return [.. m]; },
        (p, _, r) => { var at = r.Next(p.Length); var m = p.ToList(); m.RemoveRange(at, Math.Min(1 + r.Next(20), m.Count - at)); return [.. m]; },
        (p, _, r) => Repacked(p, z => z.Rename(r)),
        (p, _, r) => Repacked(p, z => z.Add(z.Names[r.Next(z.Names.Count)], "twice")),
        (p, _, r) => Repacked(p, z => z.Add(((string[])["../out.txt", "/etc/out", "a/../../out", "..\\out", "C:\\out", "a//b"])[r.Next(6)], "out")),
        (p, _, r) => Repacked(p, z => z.Add($"extra{r.Next(100)}.dll", "extra")),
        (p, _, r) => Repacked(p, z => z.Add(((string[])["PLUGIN.DLL", "Manifest.json", "FILES.JSON", "Signature.json"])[r.Next(4)], "other case")),
        (p, _, _) => Repacked(p, z => z.Add("bomb.bin", new string('0', 3_000_000))),
        (p, _, r) => Repacked(p, z => z.Remove(r)),
        (p, _, r) => Repacked(p, z => z.Change(r)),
        (p, other, _) => Repacked(p, z => z.Set("signature.json", Read(other, "signature.json"))),
        (p, other, _) => Repacked(p, z => { z.Set("Plugin.dll", Read(other, "Plugin.dll")); z.Relist(); }),
        (p, _, r) => Repacked(p, z => { z.Change(r); z.Relist(); }),
        // The same files, written again: nothing of the content changed, and yet it is not what was signed.
        (p, _, _) => Repacked(p, _ => { }),
        (p, other, _) => [.. p, .. other],
        (p, _, r) => Repacked(p, z => z.Set("signature.json", Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(z.Get("signature.json"))).Replace("\"archive\":\"", $"\"archive\":\"{r.Next(10)}", StringComparison.Ordinal))),
        (p, _, _) => Repacked(p, z => z.Drop("signature.json")),
    ];

    private static string Read(byte[] archive, string name)
    {
        using var zip = new ZipArchive(new MemoryStream(archive), ZipArchiveMode.Read);
        using var reader = new StreamReader(zip.GetEntry(name)!.Open(), Encoding.Latin1);
        return reader.ReadToEnd();
    }

    private static byte[] Repacked(byte[] archive, Action<Entries> change)
    {
        using var zip = new ZipArchive(new MemoryStream(archive), ZipArchiveMode.Read);
        var entries = new Entries([.. zip.Entries.Select(e => (e.FullName, Read(archive, e.FullName)))]);
        change(entries);
        using var stream = new MemoryStream();
        using (var target = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries.All)
            {
                using var writer = new StreamWriter(target.CreateEntry(name, name == "signature.json" ? CompressionLevel.NoCompression : CompressionLevel.Optimal).Open(), Encoding.Latin1);
                writer.Write(content);
            }
        }

        return stream.ToArray();
    }

    private PluginsOptions Options(Action<PluginsOptions>? configure = null)
    {
        var options = new PluginsOptions { DataDirectory = Path.Combine(_folder.Path, "data"), RequireSignature = true };
        configure?.Invoke(options);
        return options;
    }

    private PackageStore Store(Action<PluginsOptions>? configure = null)
    {
        var options = Options(configure);
        return new PackageStore(new PackageStoreOptions(options.DataDirectory, []), new FakeStorage(), _clock, new PackageTrust(options, _clock));
    }

    private async Task<TrustedKey> TrustAsync(DateTimeOffset? until = null)
    {
        await PluginTrust.GenerateAsync(Key, "publisher");
        return await PluginTrust.TrustAsync(Options(), Key + ".pub", until, _clock);
    }

    private async Task<string> PackAsync(string id, string version) =>
        await PluginPackages.PackAsync(_folder.WritePlugin($"{id}-{version}", id, version, $"code of {id} {version}"), Path.Combine(_folder.Path, $"{id}-{version}.nxp"));

    private async Task<string> SignedAsync(string id, string version, DateTimeOffset? expires = null)
    {
        var package = await PackAsync(id, version);
        await PluginTrust.SignAsync(package, Key, expires, time: _clock);
        return package;
    }

    private Task<PackageVerdict> VerifyAsync(string package) => PluginTrust.VerifyAsync(package, Options(), _clock);

    private async Task<NexusException> RefusedAsync(string package)
    {
        var error = await Assert.ThrowsAsync<NexusException>(() => VerifyAsync(package));
        Assert.Equal("PLUGIN_UNTRUSTED", error.Code);
        Assert.StartsWith(package, error.Message, StringComparison.Ordinal);
        return error;
    }

    /// <summary>The entries of an archive, to be changed.</summary>
    private sealed class Entries(List<(string Name, string Content)> all)
    {
        public List<(string Name, string Content)> All { get; } = all;

        public List<string> Names => [.. All.Select(e => e.Name)];

        public string Get(string name) => All.First(e => e.Name == name).Content;

        public void Add(string name, string content) => All.Add((name, content));

        public void Set(string name, string content) => All[All.FindIndex(e => e.Name == name)] = (name, content);

        public void Drop(string name) => All.RemoveAll(e => e.Name == name);

        public void Remove(Random random) => All.RemoveAt(random.Next(All.Count));

        public void Rename(Random random)
        {
            var at = random.Next(All.Count);
            All[at] = ("renamed-" + All[at].Name, All[at].Content);
        }

        public void Change(Random random)
        {
            var at = All.FindIndex(e => e.Name is "Plugin.dll");
            All[at] = (All[at].Name, All[at].Content + (char)random.Next(256));
        }

        /// <summary>Writes the list anew, as an attacker without the key would.</summary>
        public void Relist()
        {
            var files = All.Where(e => e.Name is not ("files.json" or "signature.json")).Select(e => new PackageFile(e.Name, e.Content.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.Latin1.GetBytes(e.Content)))));
            Set("files.json", Encoding.Latin1.GetString(new PackageContent(files).Write()));
        }
    }
}
