using System.Collections;
using System.ComponentModel;
using System.Reflection;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Makes <see cref="TypeDescriptor"/> forget the leaving types. Its own refresh drops what it found out about a type but keeps the type as a key of its providers.</summary>
internal sealed class TypeDescriptors : ISweepStep
{
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
            TypeKeys.Forget(types);
        }
    }

    /// <summary>What each provider that works by reflection knows, by type. The providers hang in chains below the tables, so <see cref="StaticTable"/> does not reach them.</summary>
    /// <exception cref="MissingFieldException">The runtime changed.</exception>
    public static IReadOnlyList<IDictionary> Known()
    {
        var found = new List<IDictionary>();
        foreach (var table in Tables.Select(name => TypeKeys.Field(typeof(TypeDescriptor), name).GetValue(null)).OfType<IDictionary>())
        {
            object?[] nodes;
            lock (TypeKeys.Root(table))
            {
                nodes = [.. table.Values.Cast<object?>()];
            }

            foreach (var first in nodes)
            {
                for (var node = first; node is not null; node = TypeKeys.Field(node.GetType(), "Next").GetValue(node))
                {
                    if (TypeKeys.Field(node.GetType(), "Provider").GetValue(node) is TypeDescriptionProvider provider && provider.GetType().Name == "ReflectTypeDescriptionProvider" && TypeKeys.Field(provider.GetType(), "_typeData").GetValue(provider) is IDictionary types)
                    {
                        found.Add(types);
                    }
                }
            }
        }

        return found;
    }
}
