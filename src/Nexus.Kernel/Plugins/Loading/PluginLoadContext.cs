using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Nexus.Kernel.Plugins.Loading;

/// <summary>The code of one generation. Its private dependencies come from its own folder; the framework and the contract come from the host.</summary>
internal sealed class PluginLoadContext : AssemblyLoadContext
{
    // The runtime's own identifier may name a distribution (debian.12-x64); packages name the family.
    private static readonly string[] Platforms = [.. new[] { RuntimeInformation.RuntimeIdentifier, $"{Family()}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", Family() }.Distinct()];

    private readonly string folder;
    private readonly ContractAssemblies contracts;
    private readonly AssemblyDependencyResolver? resolver;
    private readonly List<ContractHold> holds;

    /// <remarks>
    /// Contracts are loaded before the context is made. A generic over types of two collectible contexts, such as the state machine of a provider's
    /// <c>Task&lt;ContractRecord&gt;</c>, lives in the younger of the two and keeps the older: were the contract the younger, it would keep this generation for as long as others use it.
    /// </remarks>
    public PluginLoadContext(string name, string entryPath, bool collectible, ContractAssemblies contracts)
        : this(name, entryPath, collectible, contracts, contracts.HoldAll(Path.GetDirectoryName(entryPath)!, collectible))
    {
    }

    private PluginLoadContext(string name, string entryPath, bool collectible, ContractAssemblies contracts, List<ContractHold> holds)
        : base(name, collectible)
    {
        this.holds = holds;
        folder = Path.GetDirectoryName(entryPath)!;
        this.contracts = contracts;

        // Without a deps.json the resolver lists the folder's files itself, but not those of runtimes/<rid>.
        resolver = File.Exists(Path.ChangeExtension(entryPath, ".deps.json")) ? new AssemblyDependencyResolver(entryPath) : null;
    }

    /// <summary>Gives up the contract assemblies this generation used.</summary>
    public void ReleaseContracts()
    {
        foreach (var hold in holds)
        {
            hold.Dispose();
        }

        holds.Clear();
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name is not { } name || SharedAssemblies.Contains(name))
        {
            return null;
        }

        var path = Probe(assemblyName);
        if (path is null)
        {
            return null;
        }

        if (contracts.TryHold(path, IsCollectible) is { } hold)
        {
            lock (holds)
            {
                holds.Add(hold);
            }

            return hold.Assembly;
        }

        return LoadFromAssemblyPath(path);
    }

    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        if (resolver?.ResolveUnmanagedDllToPath(unmanagedDllName) is { } resolved)
        {
            return LoadUnmanagedDllFromPath(resolved);
        }

        string[] names = [unmanagedDllName, $"lib{unmanagedDllName}.so", $"{unmanagedDllName}.so", $"{unmanagedDllName}.dll", $"lib{unmanagedDllName}.dylib"];
        string[] folders = [folder, .. Platforms.Select(platform => Path.Combine(folder, "runtimes", platform, "native"))];
        var found = folders.SelectMany(f => names.Select(n => Path.Combine(f, n))).FirstOrDefault(File.Exists);
        return found is null ? IntPtr.Zero : LoadUnmanagedDllFromPath(found);
    }

    private string? Probe(AssemblyName name)
    {
        if (resolver?.ResolveAssemblyToPath(name) is { } resolved)
        {
            return resolved;
        }

        var culture = string.IsNullOrEmpty(name.CultureName) ? folder : Path.Combine(folder, name.CultureName);
        var path = Path.Combine(culture, name.Name + ".dll");
        return File.Exists(path) ? path : null;
    }

    private static string Family() => OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
}
