using System.Runtime.InteropServices;
using Nexus.Kernel.Plugins.Unloading;

namespace Nexus.Kernel.Tests.Plugins.Unloading;

/// <summary>Runs alone: memory is counted for the whole process, and every unload of the neighbours returns some.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class NativeHeapTests
{
    [Fact]
    public void Trimming_returns_free_pages_below_blocks_that_are_in_use()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        const int Blocks = 3000, Size = 64 * 1024;
        var blocks = new nint[Blocks];
        for (var i = 0; i < Blocks; i++)
        {
            blocks[i] = Marshal.AllocHGlobal(Size);
            for (var page = 0; page < Size; page += 4096)
            {
                Marshal.WriteByte(blocks[i], page, 1);
            }
        }

        // The last one stays: by itself the C library returns only what lies at the top.
        for (var i = 0; i < Blocks - 1; i++)
        {
            Marshal.FreeHGlobal(blocks[i]);
        }

        var before = Environment.WorkingSet;
        NativeHeap.Trim();
        var returned = before - Environment.WorkingSet;
        Marshal.FreeHGlobal(blocks[Blocks - 1]);

        Assert.InRange(returned, 100L << 20, long.MaxValue);
    }
}
