using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Tests.Packages;

public sealed class PackageStoreTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeStorage _storage = new();
    private readonly PackageStore _store;

    public PackageStoreTests() => _store = new PackageStore(new PackageStoreOptions(Path.Combine(_folder.Path, "data"), [Path.Combine(_folder.Path, "plugins")]), _storage);

    private string Packages => Path.Combine(_folder.Path, "data", "packages");

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_scan_imports_nested_folders_and_leaves_their_files_alone()
    {
        _folder.WritePlugin("plugins/finance/ledger", "finance.ledger", "1.0.0");
        _folder.WritePlugin("plugins/finance/ledger/bin/Debug", "finance.ledger", "0.9.0");
        _folder.WritePlugin("plugins/a/b/c/d/e", "too.deep", "1.0.0");

        var scan = await _store.ScanAsync(CancellationToken.None);

        var package = Assert.Single(scan.Packages);
        Assert.Empty(scan.Faults);
        Assert.Equal("finance.ledger", package.Manifest.Name);
        Assert.Equal(Path.Combine(Packages, package.ContentHash), package.Directory);
        Assert.Equal("code", await File.ReadAllTextAsync(Path.Combine(package.Directory, "Plugin.dll")));
        Assert.Equal("custom", package.Origin);
    }

    [Fact]
    public async Task A_broken_plugin_is_a_fault_and_the_others_are_found()
    {
        _folder.WritePlugin("plugins/good", "good", "1.0.0");
        _folder.Write("plugins/bad/manifest.json", "{\n  broken");
        _folder.WritePlugin("plugins/empty", "empty", "1.0.0");
        File.Delete(Path.Combine(_folder.Path, "plugins/empty/Plugin.dll"));

        var scan = await _store.ScanAsync(CancellationToken.None);

        Assert.Equal("good", Assert.Single(scan.Packages).Manifest.Name);
        Assert.Equal(["bad", "empty"], scan.Faults.Select(f => f.Id));
        Assert.Contains("manifest.json:2:", scan.Faults[0].Error.Message, StringComparison.Ordinal);
        Assert.Contains("the entry assembly of empty does not lie beside the manifest", scan.Faults[1].Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_packages_of_one_id_the_higher_version_is_used_and_the_other_explained()
    {
        _folder.WritePlugin("plugins/a", "same", "1.9.0");
        _folder.WritePlugin("plugins/b", "same", "1.10.0");

        var scan = await _store.ScanAsync(CancellationToken.None);

        Assert.Equal("1.10.0", Assert.Single(scan.Packages).Manifest.Version);
        Assert.Contains("(version 1.9.0, left aside)", Assert.Single(scan.Faults).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Concurrent_imports_of_one_content_give_one_folder_and_leave_nothing_else()
    {
        var path = _folder.WritePlugin("x", "x", "1.0.0");
        var stores = Enumerable.Range(0, 8).Select(_ => new PackageStore(new PackageStoreOptions(Path.Combine(_folder.Path, "data"), []), _storage)).ToList();

        var packages = await Task.WhenAll(stores.Select(s => Task.Run(() => s.ImportAsync(path, CancellationToken.None))));

        Assert.Single(packages.Select(p => p.ContentHash).Distinct());
        Assert.Equal([packages[0].Directory], Directory.GetDirectories(Packages));
    }

    [Fact]
    public async Task A_rebuilt_folder_becomes_another_package_and_the_old_one_stays_whole()
    {
        var path = _folder.WritePlugin("x", "x", "1.0.0", "one");
        var first = await _store.ImportAsync(path, CancellationToken.None);
        _folder.WritePlugin("x", "x", "1.0.0", "second");

        var second = await _store.ImportAsync(path, CancellationToken.None);

        Assert.NotEqual(first.ContentHash, second.ContentHash);
        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(first.Directory, "Plugin.dll")));
    }

    [Fact]
    public async Task A_refused_archive_leaves_nothing()
    {
        var path = _folder.Write("broken.nxp", "PK not a zip");

        var error = await Assert.ThrowsAsync<NexusException>(() => _store.ImportAsync(path, CancellationToken.None));

        Assert.Equal(ErrorCodes.PluginPackageInvalid, error.Code);
        Assert.Empty(Directory.GetFileSystemEntries(Packages));
    }

    [Fact]
    public async Task A_record_the_enabled_list_and_the_metadata_are_written_as_one()
    {
        var b = await _store.ImportAsync(_folder.WritePlugin("b", "b", "1.0.0"), CancellationToken.None);
        var a = await _store.ImportAsync(_folder.WritePlugin("a", "a", "2.0.0"), CancellationToken.None);

        await Task.WhenAll(_store.WriteAsync(PluginRecord.First(b, Now), CancellationToken.None), _store.WriteAsync(PluginRecord.First(a, Now), CancellationToken.None));

        Assert.Equal("[\"a\",\"b\"]", _storage.Json("core/plugins/enabled"));
        Assert.Contains("\"version\":\"2.0.0\"", _storage.Json("plugins/business/a/metadata"), StringComparison.Ordinal);
        var read = await _store.ReadAsync("a", CancellationToken.None);
        Assert.Equal((a.ContentHash, Now, true), (read!.ActiveHash, read.InstalledAt, read.Enabled));
        await _store.WriteAsync(read with { Enabled = false }, CancellationToken.None);
        Assert.Equal("[\"b\"]", _storage.Json("core/plugins/enabled"));
        await _store.DeleteAsync(a.Manifest, CancellationToken.None);
        Assert.Null(await _store.ReadAsync("a", CancellationToken.None));
        Assert.Null(_storage.Json("plugins/business/a/metadata"));
    }

    [Fact]
    public async Task A_rollback_holds_over_scans_until_the_source_changes()
    {
        var path = _folder.WritePlugin("plugins/x", "x", "1.0.0", "one");
        var first = await _store.ImportAsync(path, CancellationToken.None);
        _folder.WritePlugin("plugins/x", "x", "2.0.0", "second");
        var second = await _store.ImportAsync(path, CancellationToken.None);
        var updated = PluginRecord.First(first, Now).Activate(second, Now);
        Assert.Equal([first.ContentHash], updated.Previous);

        await _store.WriteAsync(updated.RollBack(first), CancellationToken.None);
        var afterRollback = await _store.ScanAsync(CancellationToken.None);
        _folder.WritePlugin("plugins/x", "x", "2.0.1", "corrected");
        var afterRepair = await _store.ScanAsync(CancellationToken.None);

        Assert.Equal("1.0.0", Assert.Single(afterRollback.Packages).Manifest.Version);
        Assert.Equal("2.0.1", Assert.Single(afterRepair.Packages).Manifest.Version);
    }

    [Fact]
    public async Task An_installed_package_outlives_its_source_and_unreferenced_ones_are_collected()
    {
        var path = _folder.WritePlugin("away", "x", "1.0.0", "one");
        var kept = await _store.ImportAsync(path, CancellationToken.None);
        await _store.WriteAsync(PluginRecord.First(kept, Now), CancellationToken.None);
        var used = await _store.ImportAsync(_folder.WritePlugin("used", "y", "1.0.0"), CancellationToken.None);
        var unused = await _store.ImportAsync(_folder.WritePlugin("unused", "z", "1.0.0"), CancellationToken.None);
        Directory.Delete(path, recursive: true);

        var deleted = await _store.CollectAsync(new HashSet<string> { used.ContentHash }, CancellationToken.None);
        var scan = await _store.ScanAsync(CancellationToken.None);

        Assert.Equal([unused.ContentHash], deleted);
        Assert.Equal(kept.ContentHash, Assert.Single(scan.Packages).ContentHash);
        Assert.True(Directory.Exists(used.Directory));
    }

    [Fact]
    public async Task A_symbolic_link_in_a_folder_is_refused()
    {
        var path = _folder.WritePlugin("x", "x", "1.0.0");
        File.CreateSymbolicLink(Path.Combine(path, "link.txt"), "/etc/hostname");

        var error = await Assert.ThrowsAsync<NexusException>(() => _store.ImportAsync(path, CancellationToken.None));

        Assert.Contains("'link.txt': it is a symbolic link", error.Message, StringComparison.Ordinal);
    }
}
