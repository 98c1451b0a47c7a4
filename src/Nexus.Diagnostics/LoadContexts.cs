using Microsoft.Diagnostics.Runtime;

namespace Nexus.Diagnostics;

/// <summary>The load contexts of a runtime that were asked for, and which objects belong to them.</summary>
internal sealed class LoadContexts
{
    private readonly ClrHeap heap;
    private readonly bool stableToo;
    private readonly Dictionary<ulong, string> names = [];
    private readonly Dictionary<ulong, string> allocators = [];
    private readonly Dictionary<ulong, string?> byType = [];

    /// <param name="runtime">The runtime.</param>
    /// <param name="wanted">Which contexts are asked for, by name.</param>
    /// <param name="stableToo">Also contexts that cannot be unloaded; false when the question is what keeps one from it.</param>
    public LoadContexts(ClrRuntime runtime, Func<string, bool> wanted, bool stableToo = false)
    {
        this.stableToo = stableToo;
        heap = runtime.Heap;
        foreach (var instance in heap.EnumerateObjects())
        {
            if (instance.Type is { } seen)
                Types.Add(seen);
            if (IsLoadContext(instance.Type) && instance.TryReadStringField("_name", null, out var name) && name is not null && wanted(name))
                names[instance.Address] = name;
        }

        foreach (var module in runtime.EnumerateModules())
        {
            // One type of a module is enough: all share the allocator.
            foreach (var (methodTable, _) in module.EnumerateTypeDefToMethodTableMap().Take(1))
            {
                if (runtime.GetTypeByMethodTable(methodTable) is { } type)
                    OwnerOf(type);
            }
        }
    }

    /// <summary>Every type that has an object in the heap.</summary>
    public HashSet<ClrType> Types { get; } = [];

    public IReadOnlyCollection<string> Names => names.Values;

    /// <summary>The asked context that an object belongs to: by its own type, as a reflection object of a type of it, or as its allocator; else null.</summary>
    public string? OwnerOf(ClrObject instance)
    {
        if (instance.Type is not { } type)
            return null;
        if (allocators.TryGetValue(instance.Address, out var name))
            return name;
        return OwnerOf(type);
    }

    public string? OwnerOf(ClrType type)
    {
        if (byType.TryGetValue(type.MethodTable, out var known))
            return known;
        string? owner = null;
        if (!type.IsCollectible && stableToo)
            owner = names.GetValueOrDefault(type.AssemblyLoadContextAddress);
        if (type.IsCollectible)
        {
            owner = names.GetValueOrDefault(type.AssemblyLoadContextAddress);

            // A generic of the framework over a type of the plugin lives with the plugin but names its own, default, context.
            if (heap.Runtime.DataTarget.DataReader.ReadPointer(type.LoaderAllocatorHandle, out var allocator) && allocator != 0)
            {
                if (owner is not null)
                    allocators[allocator] = owner;
                else
                    owner = allocators.GetValueOrDefault(allocator);
            }
        }

        return byType[type.MethodTable] = owner;
    }

    private static bool IsLoadContext(ClrType? type)
    {
        for (; type is not null; type = type.BaseType)
        {
            if (type.Name == "System.Runtime.Loader.AssemblyLoadContext")
                return true;
        }

        return false;
    }
}
