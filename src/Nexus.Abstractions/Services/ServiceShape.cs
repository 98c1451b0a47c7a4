using System.Collections.Immutable;
using System.Reflection;

namespace Nexus;

/// <summary>What the source generator made of a contract: how to make its proxy and how to call its methods with JSON. Immutable.</summary>
/// <typeparam name="T">The contract.</typeparam>
public abstract class ServiceShape<T>
    where T : class
{
    /// <summary>Stable name of the contract.</summary>
    public abstract string Name { get; }

    /// <summary>Names of its methods.</summary>
    public abstract ImmutableArray<string> Methods { get; }

    /// <summary>What attributes say of its methods, by name; those without any are not in it.</summary>
    public virtual ImmutableDictionary<string, CallRules> Rules => ImmutableDictionary<string, CallRules>.Empty;

    /// <summary>Makes a proxy that calls whatever is in the slot at the time of each call.</summary>
    public abstract T CreateProxy(ServiceSlot slot);

    /// <summary>Calls a method by name with a JSON array of arguments; missing arguments get their type's default.</summary>
    public abstract ValueTask<ReadOnlyMemory<byte>> DispatchAsync(object implementation, string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken);
}

/// <summary>Finds the shape of a contract.</summary>
public static class ServiceShape
{
    /// <summary>The shape of <typeparamref name="T"/>; the first call looks it up in the contract's own assembly, later ones cost a static read.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c> when the contract's assembly was built without the generator.</exception>
    public static ServiceShape<T> For<T>()
        where T : class =>
        Found<T>.Shape ?? throw new NexusException(ErrorCodes.PluginLoadFailed, $"{typeof(T).FullName} has no generated proxy: mark it with [ServiceContract] and build {typeof(T).Assembly.GetName().Name} with the Nexus package, which brings the source generator.");

    private static class Found<T>
        where T : class
    {
        internal static readonly ServiceShape<T>? Shape = typeof(T).Assembly.GetCustomAttribute<GeneratedServicesAttribute>()?.Find(typeof(T)) as ServiceShape<T>;
    }
}

/// <summary>The shapes that the source generator made in an assembly. Written by the generator alone.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public abstract class GeneratedServicesAttribute : Attribute
{
    /// <summary>The <see cref="ServiceShape{T}"/> of a contract of the assembly, or null.</summary>
    public abstract object? Find(Type contract);
}
