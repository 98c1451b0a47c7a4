using Microsoft.Diagnostics.NETCore.Client;

namespace Nexus.Diagnostics;

/// <summary>A copy of a process's managed heap in a temporary file, removed when disposed. The process's own runtime takes it, so no right to trace is needed.</summary>
internal sealed class HeapSnapshot : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-heap-").FullName;

    public HeapSnapshot(int process)
    {
        try
        {
            // With the heap, without the mapped files: a fraction of a full dump, and the process stands still for as long as it is written.
            new DiagnosticsClient(process).WriteDump(DumpType.WithHeap, File);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string File => Path.Combine(folder, "heap.dmp");

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
