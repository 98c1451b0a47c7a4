using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Asks the heap reader what plugins hold, one question at a time, and keeps the last answer.</summary>
internal sealed class HeapMeasure(TimeProvider time) : IPluginMemory, IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);
    private ImmutableArray<PluginMemory> last = [];

    public PluginMemory? Find(string plugin) => last.FirstOrDefault(m => m.Plugin == plugin);

    public async ValueTask<ImmutableArray<PluginMemory>> MeasureAsync(CancellationToken cancellationToken)
    {
        var known = last;
        await turn.WaitAsync(cancellationToken);
        try
        {
            // Whoever waited takes what was measured meanwhile: the node does not stand still again for the same answer.
            if (last != known)
                return last;
            var now = time.GetUtcNow();
            var report = await HeapReader.ReadAsync<Report>(["--memory"], cancellationToken);
            return last = [.. report.Contexts.GroupBy(c => c.Context[..c.Context.LastIndexOf('#')]).Select(g => new PluginMemory(g.Key, g.Sum(c => c.Bytes), g.Sum(c => c.Objects), now))];
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();

    private sealed record Report(ImmutableArray<Held> Contexts);

    private sealed record Held(string Context, long Objects, long Bytes);
}
