using Microsoft.Diagnostics.Runtime;

namespace Nexus.Diagnostics;

/// <summary>Names what keeps load contexts in memory, by walking the heap of another process.</summary>
internal static class WhyAlive
{
    private const int MaxHolds = 10;
    private const int MaxTries = 3;

    /// <summary>Looks at a snapshot of a running process, which stands still only while the snapshot is taken.</summary>
    /// <remarks>Reading the live heap is no choice: a collection that moves it under the walk ends the reader in native code. A snapshot may fall into a collection, so a look that fails, or that sees a context but no root of it, is repeated.</remarks>
    public static HeapReport Look(int process, Func<string, bool> wanted)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var report = LookOnce(process, wanted);
                if (report.Contexts.Count == 0 || report.Holds.Count > 0 || attempt == MaxTries)
                    return report;
            }
            catch (Exception) when (attempt < MaxTries)
            {
                // The snapshot fell into a collection.
            }
        }
    }

    private static HeapReport LookOnce(int process, Func<string, bool> wanted)
    {
        using var snapshot = new HeapSnapshot(process);
        using var target = DataTarget.LoadDump(snapshot.File);
        using var runtime = target.ClrVersions.Single().CreateRuntime();
        var contexts = new LoadContexts(runtime, wanted);
        if (contexts.Names.Count == 0)
            return new HeapReport([], []);
        var statics = new StaticFields(runtime);
        var holds = Running(runtime, contexts)
            .Concat(Paths(runtime, contexts).Select(p => Describe(p.Root, p.Path, p.Context, runtime, statics)))
            .DistinctBy(h => (h.Context, h.Cause, h.Text))
            .Take(MaxHolds)
            .ToList();

        // A bare stack slot is the weakest evidence: it may be a leftover of a call that is over.
        return new HeapReport([.. contexts.Names], [.. holds.OrderBy(h => h.Cause is "stack" or "finalizer" ? 1 : 0)]);
    }

    /// <summary>Threads with a frame of the plugin.</summary>
    private static IEnumerable<Hold> Running(ClrRuntime runtime, LoadContexts contexts)
    {
        foreach (var thread in runtime.Threads.Where(t => t.IsAlive))
        {
            var frames = thread.EnumerateStackTrace().Where(f => f.Method is not null).ToList();
            if (frames.FirstOrDefault(f => f.Method?.Type is { } type && contexts.OwnerOf(type) is not null) is not { } frame)
                continue;
            var method = $"{frame.Method!.Type.Name}.{frame.Method.Name}";
            yield return new Hold(
                contexts.OwnerOf(frame.Method.Type)!,
                Cause.Thread.Name,
                $"{Cause.Thread.Text}: managed thread {thread.ManagedThreadId} is in {method}",
                Cause.Thread.Remedy,
                [.. frames.Select(f => $"{f.Method!.Type.Name}.{f.Method.Name}")]);
        }
    }

    /// <summary>Shortest chains from a root to an object of an asked context, one for each last holder.</summary>
    private static IEnumerable<(Root Root, List<ClrObject> Path, string Context)> Paths(ClrRuntime runtime, LoadContexts contexts)
    {
        var parents = new Dictionary<ulong, ulong>();
        var roots = new Dictionary<ulong, Root>();
        var queue = new Queue<ClrObject>();

        foreach (var root in Roots(runtime, contexts).Where(r => r.Object.Type is not null && roots.TryAdd(r.Object.Address, r)))
        {
            parents[root.Object.Address] = 0;
            queue.Enqueue(root.Object);
        }

        while (queue.TryDequeue(out var instance))
        {
            if (contexts.OwnerOf(instance) is { } owner)
            {
                var path = new List<ClrObject>();
                for (var at = instance.Address; at != 0; at = parents[at])
                    path.Insert(0, runtime.Heap.GetObject(at));
                yield return (roots[path[0].Address], path, owner);
                continue;
            }

            foreach (var next in instance.EnumerateReferences(carefully: true, considerDependantHandles: true))
            {
                if (next.Type is not null && parents.TryAdd(next.Address, instance.Address))
                    queue.Enqueue(next);
            }
        }
    }

    private static IEnumerable<Root> Roots(ClrRuntime runtime, LoadContexts contexts)
    {
        // The reader reports statics of collectible code and its type objects as roots of their own. They are not:
        // the allocator that is to be explained holds them. Statics of other code are reported by the handle of their array.
        var reported = runtime.Heap.EnumerateRoots().Where(r => r.RootKind != ClrRootKind.StaticVar).Select(r => new Root(r.Object, r.RootKind, r, null));
        var threads = StaticFields.OfThreads(runtime, contexts.Types).Select(t => new Root(t.Value, ClrRootKind.ThreadStaticVar, null, t.Field));

        // Handles and statics before stacks: when both hold an object, the first explains it.
        return reported.Concat(threads).OrderBy(r => r.Kind is ClrRootKind.Stack or ClrRootKind.FinalizerQueue ? 1 : 0);
    }

    private static Hold Describe(Root root, List<ClrObject> path, string context, ClrRuntime runtime, StaticFields statics)
    {
        var types = path.Select(o => o.Type?.Name ?? "?").ToList();
        var holder = path.Take(3).Select(o => statics.Find(o.Address)).FirstOrDefault(f => f is not null);
        var cause = Cause.ByType.FirstOrDefault(c => types.Any(c.IsMarkedBy)) ?? (HasWeakEdge(path) ? Cause.WeakTable : ByRoot(root, path, holder));
        var last = path[^1];
        var where = root.Field ?? holder ?? root.Reported switch
        {
            ClrStackRoot stack => $"thread {stack.StackFrame?.Thread?.ManagedThreadId} in {stack.StackFrame?.Method?.Type.Name}.{stack.StackFrame?.Method?.Name}",
            _ => root.Kind.ToString(),
        };
        return new Hold(context, cause.Name, $"{cause.Text}: {where} → {Name(last)}", cause.Remedy, [where, .. path.Select(Name)]);
    }

    /// <summary>A step that is no reference of the object is one of a ConditionalWeakTable, from its key to its value.</summary>
    private static bool HasWeakEdge(List<ClrObject> path) => path.Zip(path.Skip(1)).Any(step =>
        !step.First.EnumerateReferenceAddresses(carefully: true, considerDependantHandles: false).Contains(step.Second.Address));

    private static Cause ByRoot(Root root, List<ClrObject> path, string? holder) => root.Kind switch
    {
        ClrRootKind.ThreadStaticVar => Cause.ThreadStatic,
        ClrRootKind.Stack => Cause.Stack,
        ClrRootKind.FinalizerQueue => Cause.Finalizer,
        _ when holder is not null => path.Take(3).Any(o => o.IsDelegate) ? Cause.StaticEvent : Cause.StaticField,
        ClrRootKind.StrongHandle or ClrRootKind.PinnedHandle or ClrRootKind.AsyncPinnedHandle or ClrRootKind.RefCountedHandle or ClrRootKind.SizedRefHandle => Cause.Handle,
        _ => Cause.Unknown,
    };

    private static string Name(ClrObject instance)
    {
        var name = instance.Type?.Name ?? "?";
        if (instance.IsDelegate && instance.AsDelegate().GetDelegateTarget()?.Method is { } method)
            return $"{name} to {method.Type.Name}.{method.Name}";
        return name;
    }

    /// <summary>Where a chain begins.</summary>
    private sealed record Root(ClrObject Object, ClrRootKind Kind, ClrRoot? Reported, string? Field);
}
