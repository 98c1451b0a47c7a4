using System.Collections;
using System.Reflection;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>What every sweep of a framework table has in common: its fields are private, and its keys are types or members, alone or in tuples.</summary>
internal static class TypeKeys
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <exception cref="MissingFieldException">The runtime changed.</exception>
    public static FieldInfo Field(Type type, string name) => type.GetField(name, Any) ?? throw new MissingFieldException(type.FullName, name);

    /// <summary>What a table is locked by: a <see cref="Hashtable"/> by its SyncRoot, a plain dictionary by itself; concurrent ones need neither.</summary>
    public static object Root(IDictionary table) => table is Hashtable old ? old.SyncRoot : table;

    /// <summary>Removes the keys that belong to collectible contexts.</summary>
    public static void Forget(IDictionary table)
    {
        lock (Root(table))
        {
            foreach (var key in table.Keys.Cast<object>().Where(IsCollectible).ToArray())
            {
                table.Remove(key);
            }
        }
    }

    public static bool IsCollectible(object key) => key switch
    {
        MemberInfo member => member.IsCollectible,
        ParameterInfo parameter => parameter.Member.IsCollectible,
        _ => key.GetType().IsCollectible || Parts(key).Any(p => p is MemberInfo { IsCollectible: true }),
    };

    /// <summary>Composite keys are tuples or small structs of types.</summary>
    private static IEnumerable<object?> Parts(object key) =>
        key is System.Runtime.CompilerServices.ITuple tuple
            ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i])
            : key.GetType().IsPrimitive || key is string ? [] : key.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public).Select(f => f.GetValue(key));
}
