using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Forgets the proxies that <see cref="DispatchProxy"/> emitted for the leaving contexts. Their table is keyed weakly by context, but the proxies refer to the plugin's types, and a context stays until its types are gone: a circle that the collector cannot open.</summary>
internal sealed class DispatchProxies : ISweepStep
{
    private const string Owner = "System.Reflection.DispatchProxyGenerator";
    private const string Field = "s_alcProxyAssemblyMap";

    public string Name => $"{Owner}.{Field}";

    /// <exception cref="MissingFieldException">The runtime changed.</exception>
    public static object? Find() =>
        TypeKeys.Field(typeof(DispatchProxy).Assembly.GetType(Owner) ?? throw new MissingFieldException(Owner, Field), Field).GetValue(null);

    public void Sweep(IReadOnlyList<Assembly> leaving)
    {
        if (Find() is not { } table)
        {
            return;
        }

        var remove = table.GetType().GetMethod(nameof(ConditionalWeakTable<,>.Remove), [typeof(AssemblyLoadContext)]) ?? throw new MissingMethodException(Name, "Remove");
        foreach (var context in leaving.Select(AssemblyLoadContext.GetLoadContext).Distinct())
        {
            remove.Invoke(table, [context]);
        }
    }
}
