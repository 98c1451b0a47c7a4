using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Tests.Packages;

public sealed class PluginPackagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_packed_plugin_validates_and_is_named_by_id_and_version()
    {
        var folder = _folder.WritePlugin("x", "finance.ledger", "1.2.3");

        var path = await PluginPackages.PackAsync(folder, _folder.Path);

        Assert.Equal(Path.Combine(_folder.Path, "finance.ledger-1.2.3.nxp"), path);
        Assert.Equal("finance.ledger", (await PluginPackages.ValidateAsync(path)).Name);
        Assert.Equal("1.2.3", (await PluginPackages.ValidateAsync(Path.Combine(folder, "manifest.json"))).Version);
    }

    [Fact]
    public async Task A_folder_that_is_no_plugin_is_not_packed()
    {
        _folder.Write("x/manifest.json", "{}");

        var error = await Assert.ThrowsAsync<NexusException>(() => PluginPackages.PackAsync(Path.Combine(_folder.Path, "x"), Path.Combine(_folder.Path, "out.nxp")));

        Assert.Equal(5, error.Errors.Length);
        Assert.False(File.Exists(Path.Combine(_folder.Path, "out.nxp")));
    }

    [Fact]
    public async Task A_path_that_does_not_exist_is_explained() =>
        Assert.Equal(ErrorCodes.PluginPackageInvalid, (await Assert.ThrowsAsync<NexusException>(() => PluginPackages.ValidateAsync(Path.Combine(_folder.Path, "none.nxp")))).Code);
}
