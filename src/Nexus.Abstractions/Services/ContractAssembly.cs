namespace Nexus;

/// <summary>Marks an assembly of service contracts. Plugins that carry the same bytes of it share one loaded copy, so that a contract's type is the same on both sides; every other assembly that a plugin carries stays its own. A contract assembly references only the shared framework, Nexus.Abstractions and other contract assemblies.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class ContractAssemblyAttribute : Attribute;
