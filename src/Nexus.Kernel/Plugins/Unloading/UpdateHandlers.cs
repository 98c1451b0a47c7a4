using System.Reflection;
using System.Reflection.Metadata;
using System.Runtime.Loader;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Calls <c>ClearCache</c> of every <see cref="MetadataUpdateHandlerAttribute"/> in the host: the runtime's own way to make libraries forget what they know of types (System.Text.Json, ActivatorUtilities, routing, …).</summary>
internal sealed class UpdateHandlers : ISweepStep
{
    private readonly Lock gate = new();
    private readonly HashSet<Assembly> seen = [];
    private readonly List<Action<Type[]?>> handlers = [];

    public string Name => "metadata update handlers";

    public void Sweep(IReadOnlyList<Assembly> leaving)
    {
        lock (gate)
        {
            foreach (var assembly in AssemblyLoadContext.Default.Assemblies.Where(a => !a.IsDynamic && seen.Add(a)))
            {
                handlers.AddRange(assembly.GetCustomAttributes<MetadataUpdateHandlerAttribute>().Select(a => Find(a.HandlerType)).OfType<Action<Type[]?>>());
            }

            foreach (var clear in handlers)
            {
                clear(null);
            }
        }
    }

    private static Action<Type[]?>? Find(Type handler) =>
        handler.GetMethod("ClearCache", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic, [typeof(Type[])])?.CreateDelegate<Action<Type[]?>>();
}
