using Microsoft.Diagnostics.Runtime;

namespace Nexus.Diagnostics;

/// <summary>
/// Counts what only a plugin reaches: 1. mark everything that is reached without passing through an object of a plugin, and note the
/// plugins' objects met at that border; 2. from each plugin's border count what was not marked.
/// </summary>
internal static class HeldMemory
{
    private const int MaxTries = 3;

    /// <summary>Measures every load context named <c>{plugin}#{generation}</c> of a running process.</summary>
    public static MemoryReport Measure(int process)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return MeasureOnce(process);
            }
            catch (Exception) when (attempt < MaxTries)
            {
                // The snapshot fell into a collection.
            }
        }
    }

    private static MemoryReport MeasureOnce(int process)
    {
        using var snapshot = new HeapSnapshot(process);
        using var target = DataTarget.LoadDump(snapshot.File);
        using var runtime = target.ClrVersions.Single().CreateRuntime();
        var contexts = new LoadContexts(runtime, name => name.Contains('#', StringComparison.Ordinal), stableToo: true);
        var held = OfStatics(runtime, contexts);
        var (marked, border) = Mark(runtime, contexts, held);
        return new MemoryReport([.. contexts.Names.Distinct().Order(StringComparer.Ordinal).Select(name => Count(name, border.GetValueOrDefault(name) ?? [], marked, contexts))]);
    }

    /// <summary>Objects in static fields of code that is not collectible: the runtime keeps them all in one array, so that nothing but the field tells whose they are.</summary>
    private static Dictionary<ulong, string> OfStatics(ClrRuntime runtime, LoadContexts contexts)
    {
        var held = new Dictionary<ulong, string>();
        foreach (var module in runtime.EnumerateModules())
        {
            foreach (var type in module.EnumerateTypesWithStaticFields().Where(t => !t.IsCollectible))
            {
                if (contexts.OwnerOf(type) is not { } owner)
                    continue;
                foreach (var field in type.StaticFields.Where(f => f.IsObjectReference))
                {
                    if (field.ReadObject(module.AppDomain) is { IsNull: false, IsValid: true } value)
                        held.TryAdd(value.Address, owner);
                }
            }
        }

        return held;
    }

    private static (HashSet<ulong> Marked, Dictionary<string, List<ClrObject>> Border) Mark(ClrRuntime runtime, LoadContexts contexts, Dictionary<ulong, string> held)
    {
        var marked = new HashSet<ulong>();
        var border = new Dictionary<string, List<ClrObject>>();
        var queue = new Queue<ClrObject>();
        void Meet(ClrObject met)
        {
            if (met.Type is null || !marked.Add(met.Address))
                return;
            if ((contexts.OwnerOf(met) ?? held.GetValueOrDefault(met.Address)) is not { } owner)
            {
                queue.Enqueue(met);
                return;
            }

            marked.Remove(met.Address);
            if (!border.TryGetValue(owner, out var objects))
                border[owner] = objects = [];
            objects.Add(met);
        }

        // The reader reports statics of collectible code as roots of their own; they are reached through what holds the code.
        foreach (var root in runtime.Heap.EnumerateRoots().Where(r => r.RootKind != ClrRootKind.StaticVar))
            Meet(root.Object);
        while (queue.TryDequeue(out var instance))
        {
            foreach (var next in instance.EnumerateReferences(carefully: true, considerDependantHandles: true))
                Meet(next);
        }

        return (marked, border);
    }

    private static HeldBy Count(string context, List<ClrObject> border, HashSet<ulong> marked, LoadContexts contexts)
    {
        var seen = new HashSet<ulong>();
        var queue = new Queue<ClrObject>();
        long bytes = 0;
        void Meet(ClrObject met)
        {
            if (met.Type is null || marked.Contains(met.Address) || (contexts.OwnerOf(met) is { } owner && owner != context) || !seen.Add(met.Address))
                return;
            bytes += (long)met.Size;
            queue.Enqueue(met);
        }

        foreach (var met in border)
            Meet(met);
        while (queue.TryDequeue(out var instance))
        {
            foreach (var next in instance.EnumerateReferences(carefully: true, considerDependantHandles: true))
                Meet(next);
        }

        return new HeldBy(context, seen.Count, bytes);
    }
}
