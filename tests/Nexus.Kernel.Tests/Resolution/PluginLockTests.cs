using Nexus.Kernel.Plugins;
using Nexus.Kernel.Tests.Packages;

namespace Nexus.Kernel.Tests.Ordering;

public sealed class PluginLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Lock => Path.Combine(_folder.Path, PluginLock.FileName);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_was_locked_holds_and_every_difference_is_named()
    {
        var (a, b, c) = (Package("a", "1.0.0", "aa"), Package("b", "1.0.0", "bb"), Package("c", "1.0.0", "cc"));
        await PluginLock.WriteAsync(Lock, [b, a], CancellationToken.None);

        Assert.Empty(await PluginLock.CheckAsync(Lock, [a, b], CancellationToken.None));
        var faults = await PluginLock.CheckAsync(Lock, [a with { ContentHash = "a2" }, c], CancellationToken.None);

        Assert.Equal(["a", "c", "b"], faults.Select(f => f.Id));
        Assert.Contains("wants a 1.0.0 with content aa, but found is 1.0.0 with content a2 (/src/a)", faults[0].Error.Message, StringComparison.Ordinal);
        Assert.Contains("c 1.0.0 (/src/c) is not in", faults[1].Error.Message, StringComparison.Ordinal);
        Assert.Contains("wants b 1.0.0, but no plugin of that id was found", faults[2].Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ broken")]
    [InlineData("{ \"format\": 2, \"plugins\": [] }")]
    [InlineData("{ \"format\": 1, \"plugins\": [{}] }")]
    [InlineData("null")]
    public async Task A_broken_lock_file_is_refused(string text)
    {
        _folder.Write(PluginLock.FileName, text);

        var error = await Assert.ThrowsAsync<NexusException>(() => PluginLock.CheckAsync(Lock, [], CancellationToken.None));

        Assert.Contains("the lock file cannot be read", error.Message, StringComparison.Ordinal);
    }

    private static PluginPackage Package(string id, string version, string hash) => new(
        new PluginManifest { Name = id, Version = version, Category = PluginCategory.Custom, Description = "d", Entry = "A.dll" }, "/p", hash, "custom", "/src/" + id);
}
