using System.Collections;
using System.ComponentModel;
using System.Reflection;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Makes <see cref="TypeDescriptor"/> forget the leaving types. Its own refresh drops what it found out about a type but keeps the type as a key.</summary>
internal sealed class TypeDescriptors : ISweepStep
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly string[] Tables = ["s_providerTable", "s_providerTypeTable"];

    public string Name => "type descriptors";

    public void Sweep(IReadOnlyList<Assembly> leaving)
    {
        foreach (var assembly in leaving)
        {
            TypeDescriptor.Refresh(assembly);
        }

        foreach (var types in Known())
        {
            foreach (var type in types.Keys.OfType<Type>().Where(t => t.IsCollectible).ToArray())
            {
                types.Remove(type);
            }
        }
    }

    /// <summary>What each provider that works by reflection knows, by type.</summary>
    /// <exception cref="MissingFieldException">The runtime changed.</exception>
    public static IReadOnlyList<IDictionary> Known()
    {
        var found = new List<IDictionary>();
        foreach (var table in Tables.Select(name => Field(typeof(TypeDescriptor), name).GetValue(null)).OfType<IDictionary>())
        {
            object?[] nodes;
            lock (table.SyncRootOrSelf())
            {
                nodes = [.. table.Values.Cast<object?>()];
            }

            foreach (var first in nodes)
            {
                for (var node = first; node is not null; node = Field(node.GetType(), "Next").GetValue(node))
                {
                    if (Field(node.GetType(), "Provider").GetValue(node) is TypeDescriptionProvider provider && provider.GetType().Name == "ReflectTypeDescriptionProvider" && Field(provider.GetType(), "_typeData").GetValue(provider) is IDictionary types)
                    {
                        found.Add(types);
                    }
                }
            }
        }

        return found;
    }

    private static FieldInfo Field(Type type, string name) => type.GetField(name, Any) ?? throw new MissingFieldException(type.FullName, name);
}

file static class Synchronised
{
    /// <summary>Old tables are changed under their SyncRoot; concurrent ones have none.</summary>
    public static object SyncRootOrSelf(this IDictionary table) => table is Hashtable old ? old.SyncRoot : table;
}
