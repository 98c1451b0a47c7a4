using System.ComponentModel;
using System.Reflection;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Makes <see cref="TypeDescriptor"/> forget the leaving types.</summary>
internal sealed class TypeDescriptors : ISweepStep
{
    public string Name => "type descriptors";

    public void Sweep(IReadOnlyList<Assembly> leaving)
    {
        foreach (var assembly in leaving)
        {
            TypeDescriptor.Refresh(assembly);
        }
    }
}
