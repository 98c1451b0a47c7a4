using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Security.Cryptography;

namespace Nexus.Kernel.Plugins.Loading;

/// <summary>Assemblies marked <see cref="ContractAssemblyAttribute"/>, loaded once for all plugins that carry the same bytes and freed with the last of them. Thread-safe.</summary>
internal sealed class ContractAssemblies
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Shared> loaded = new(StringComparer.Ordinal);

    /// <summary>Contract assemblies in memory.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return loaded.Count;
            }
        }
    }

    /// <summary>Takes a hold on the shared copy of the assembly in that file; null when it is not a contract assembly.</summary>
    public ContractHold? TryHold(string path, bool collectible)
    {
        if (!IsContract(path))
        {
            return null;
        }

        var key = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
        lock (gate)
        {
            if (!loaded.TryGetValue(key, out var shared))
            {
                shared = new Shared(key, path, collectible, this);
                loaded.Add(key, shared);
            }
            else if (!collectible && shared.IsCollectible)
            {
                throw new NexusException(ErrorCodes.PluginIncompatible, $"The contract assembly {Path.GetFileName(path)} is in use by hot plugins; a stable plugin can share it only from the start of the node. Restart the node.");
            }

            shared.Users++;
            return new ContractHold(shared.Contract, () => Release(shared));
        }
    }

    /// <summary>Takes a hold on every contract assembly of a folder.</summary>
    public List<ContractHold> HoldAll(string folder, bool collectible) => [.. Directory.EnumerateFiles(folder, "*.dll")
        .Where(path => !SharedAssemblies.Contains(Path.GetFileNameWithoutExtension(path)))
        .Select(path => TryHold(path, collectible)).OfType<ContractHold>()];

    /// <summary>Loads the contract assemblies of a stable plugin for good: code that cannot be unloaded may not refer to code that can.</summary>
    public void Pin(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*.dll").Where(p => !SharedAssemblies.Contains(Path.GetFileNameWithoutExtension(p))))
        {
            TryHold(path, collectible: false);
        }
    }

    private static bool IsContract(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            using var image = new PEReader(file);
            if (!image.HasMetadata)
            {
                return false;
            }

            var metadata = image.GetMetadataReader();
            return metadata.IsAssembly && metadata.GetAssemblyDefinition().GetCustomAttributes().Any(a => IsMarker(metadata, metadata.GetCustomAttribute(a)));
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }

    private static bool IsMarker(MetadataReader metadata, CustomAttribute attribute)
    {
        if (attribute.Constructor.Kind != HandleKind.MemberReference)
        {
            return false;
        }

        var parent = metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent;
        if (parent.Kind != HandleKind.TypeReference)
        {
            return false;
        }

        var type = metadata.GetTypeReference((TypeReferenceHandle)parent);
        return metadata.StringComparer.Equals(type.Name, nameof(ContractAssemblyAttribute)) && metadata.StringComparer.Equals(type.Namespace, "Nexus");
    }

    private void Release(Shared shared)
    {
        lock (gate)
        {
            if (--shared.Users == 0)
            {
                loaded.Remove(shared.Key);
                if (shared.IsCollectible)
                {
                    shared.Unload();
                }
            }
        }
    }

    private sealed class Shared : AssemblyLoadContext
    {
        private readonly string folder;
        private readonly ContractAssemblies owner;

        public Shared(string key, string path, bool collectible, ContractAssemblies owner)
            : base($"contract {Path.GetFileNameWithoutExtension(path)} {key[..8]}", collectible)
        {
            Key = key;
            folder = Path.GetDirectoryName(path)!;
            this.owner = owner;
            Contract = LoadFromAssemblyPath(path);
        }

        public string Key { get; }

        public Assembly Contract { get; }

        public int Users { get; set; }

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            var path = Path.Combine(folder, assemblyName.Name + ".dll");
            return SharedAssemblies.Contains(assemblyName.Name!) || !File.Exists(path) ? null : owner.TryHold(path, IsCollectible)?.Assembly;
        }
    }
}

/// <summary>One generation's hold on a shared contract assembly; disposing gives it up.</summary>
internal sealed class ContractHold(Assembly assembly, Action release) : IDisposable
{
    private Action? release = release;

    public Assembly Assembly { get; } = assembly;

    public void Dispose() => Interlocked.Exchange(ref release, null)?.Invoke();
}
