using Microsoft.Diagnostics.Runtime;

namespace Nexus.Diagnostics;

/// <summary>Finds the static field that holds an object. Reads every static field of the process once, and only when asked.</summary>
internal sealed class StaticFields(ClrRuntime runtime)
{
    private readonly Lazy<Dictionary<ulong, string>> holders = new(() => Read(runtime));

    /// <summary><c>Type.Field of Assembly</c>, or null.</summary>
    public string? Find(ulong address) => holders.Value.GetValueOrDefault(address);

    /// <summary>Objects that thread-static fields hold, with the field in words. The reader does not count them among the roots.</summary>
    public static IEnumerable<(ClrObject Value, string Field)> OfThreads(ClrRuntime runtime, IEnumerable<ClrType> types)
    {
        var threads = runtime.Threads.Where(t => t.IsAlive).ToList();
        foreach (var type in types.Where(t => !t.IsCollectible))
        {
            foreach (var field in type.ThreadStaticFields.Where(f => f.IsObjectReference))
            {
                foreach (var thread in threads)
                {
                    if (field.IsInitialized(thread) && field.ReadObject(thread) is { IsNull: false, Type: not null } value)
                        yield return (value, $"[ThreadStatic] {type.Name}.{field.Name} of managed thread {thread.ManagedThreadId}");
                }
            }
        }
    }

    private static Dictionary<ulong, string> Read(ClrRuntime runtime)
    {
        var found = new Dictionary<ulong, string>();
        foreach (var module in runtime.EnumerateModules())
        {
            var assembly = Path.GetFileNameWithoutExtension(module.Name ?? module.AssemblyName ?? "?");
            // Statics of collectible code live and die with it: they are held by what is to be explained.
            foreach (var type in module.EnumerateTypesWithStaticFields().Where(t => !t.IsCollectible))
            {
                foreach (var field in type.StaticFields.Where(f => f.IsObjectReference))
                {
                    if (field.ReadObject(module.AppDomain) is { IsNull: false } value)
                        found.TryAdd(value.Address, $"{type.Name}.{field.Name} of {assembly}");
                }
            }
        }

        return found;
    }
}
