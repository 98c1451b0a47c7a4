using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Reads assemblies as data and names what in them reaches around the platform's ports: processes, native code, own sockets and HTTP clients, files, code that is loaded later. No code of the plugin runs.</summary>
/// <remarks>What it finds is there; what it does not find may still be reached by reflection. It tells operators what a package does; it does not confine it.</remarks>
internal static class CodeInspection
{
    private const string Unreadable = "code that cannot be read";

    /// <summary>No compiler nests types so deep; a table that was tampered with may nest them in a circle.</summary>
    private const int DeepestNesting = 100;

    /// <summary>Findings in all assemblies of a package, in order of assembly and location.</summary>
    public static ImmutableArray<CodeFinding> Inspect(string folder) =>
        [.. PackageFolder.List(folder).Where(f => f.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)).SelectMany(f => InspectAssembly(folder, f)).Distinct().OrderBy(f => f.Assembly, StringComparer.Ordinal).ThenBy(f => f.Location, StringComparer.Ordinal).ThenBy(f => f.Member, StringComparer.Ordinal)];

    /// <summary>What a package does that it may not do, in words; null when there is nothing.</summary>
    public static string? Told(PluginPackage package, CapabilityGuard guard)
    {
        var findings = Inspect(package.Directory).Where(f => !guard.Allows(f.Capability)).ToList();
        return findings.Count == 0 ? null
            : $"{string.Join("; ", findings.Take(5).Select(f => $"{package.Manifest.Name} uses {f.Member} in {f.Location} ({f.Assembly}), which needs {f.Capability}"))}{(findings.Count > 5 ? $"; and {findings.Count - 5} more (`nexus plugin validate` lists them)" : "")}. Its manifest does not ask for that: add it to `permissions` with a reason, allow it with `nexus plugin grant`, or use the platform's ports.";
    }

    /// <remarks>What cannot be read may do anything, as who starts processes may: it needs the same capability, so that a damaged method hides nothing behind it.</remarks>
    private static List<CodeFinding> InspectAssembly(string folder, string file)
    {
        var findings = new List<CodeFinding>();
        void Found(string member, string location, string capability) => findings.Add(new CodeFinding(file, member, location, capability));
        try
        {
            using var stream = File.OpenRead(Path.Combine(folder, file));
            using var image = new PEReader(stream);
            if (!image.HasMetadata)
                return findings;
            var metadata = image.GetMetadataReader();
            var watched = Watched(metadata, Found);
            foreach (var handle in metadata.MethodDefinitions)
                InspectMethod(image, metadata, handle, watched, Found);
        }
        catch (Exception e) when (IsDamage(e))
        {
            Found(Unreadable, "its headers or tables", Capability.Process);
        }

        return findings;
    }

    /// <summary>The reader tells of damaged tables in many ways: bad images, arguments, casts. Only what the disk does is none of them.</summary>
    private static bool IsDamage(Exception failure) => failure is not (IOException or UnauthorizedAccessException or OutOfMemoryException);

    /// <summary>Member references of the assembly that a rule watches, by token.</summary>
    private static Dictionary<int, (string Member, string Capability)> Watched(MetadataReader metadata, Action<string, string, string> found)
    {
        var watched = new Dictionary<int, (string, string)>();
        foreach (var handle in metadata.MemberReferences)
        {
            try
            {
                var member = metadata.GetMemberReference(handle);
                if (member.Parent.Kind != HandleKind.TypeReference || member.GetKind() != MemberReferenceKind.Method)
                    continue;
                var type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent);
                var (space, typeName, name) = (metadata.GetString(type.Namespace), metadata.GetString(type.Name), metadata.GetString(member.Name));
                if (WatchedApis.CapabilityOf(space, typeName, name, () => TakesPath(metadata, member)) is { } capability)
                    watched.Add(MetadataTokens.GetToken(handle), ($"{space}.{typeName}.{(name == ".ctor" ? "new" : name)}", capability));
            }
            catch (Exception e) when (IsDamage(e))
            {
                found(Unreadable, $"reference 0x{MetadataTokens.GetToken(handle):x8}", Capability.Process);
            }
        }

        return watched;
    }

    /// <summary>Whether the first parameter is a text: a reader over a path opens a file, one over a stream does not.</summary>
    private static bool TakesPath(MetadataReader metadata, MemberReference member)
    {
        var signature = metadata.GetBlobReader(member.Signature);
        var header = signature.ReadSignatureHeader();
        return !header.IsGeneric && signature.ReadCompressedInteger() > 0 && signature.ReadSignatureTypeCode() == SignatureTypeCode.Void && signature.ReadSignatureTypeCode() == SignatureTypeCode.String;
    }

    private static void InspectMethod(PEReader image, MetadataReader metadata, MethodDefinitionHandle handle, Dictionary<int, (string Member, string Capability)> watched, Action<string, string, string> found)
    {
        try
        {
            var method = metadata.GetMethodDefinition(handle);
            if (!method.GetImport().Module.IsNil)
            {
                found($"native {metadata.GetString(metadata.GetModuleReference(method.GetImport().Module).Name)}:{metadata.GetString(method.Name)}", Location(metadata, handle), Capability.Process);
                return;
            }

            if (method.RelativeVirtualAddress == 0 || watched.Count == 0)
                return;
            foreach (var token in MethodCode.Tokens(image.GetMethodBody(method.RelativeVirtualAddress)))
            {
                if (watched.TryGetValue(Target(metadata, token), out var use))
                    found(use.Member, Location(metadata, handle), use.Capability);
            }
        }
        catch (Exception e) when (IsDamage(e))
        {
            found(Unreadable, Location(metadata, handle), Capability.Process);
        }
    }

    /// <summary>A generic method's instance leads to the method.</summary>
    private static int Target(MetadataReader metadata, int token) =>
        MetadataTokens.EntityHandle(token) is { Kind: HandleKind.MethodSpecification } instance
            ? MetadataTokens.GetToken(metadata.GetMethodSpecification((MethodSpecificationHandle)instance).Method)
            : token;

    /// <summary>Type and method as their author wrote them: what the compiler made of lambdas and async methods is named by what it was made of. By its token, when the names cannot be read.</summary>
    private static string Location(MetadataReader metadata, MethodDefinitionHandle handle)
    {
        try
        {
            var method = metadata.GetMethodDefinition(handle);
            var (type, name) = (metadata.GetTypeDefinition(method.GetDeclaringType()), metadata.GetString(method.Name));
            for (var depth = 0; depth < DeepestNesting && !type.GetDeclaringType().IsNil; depth++)
            {
                var own = metadata.GetString(type.Name);
                if (Author(own) is { } made)
                    name = made;
                else if (!own.StartsWith('<'))
                    name = $"{own}.{Author(name) ?? name}";
                type = metadata.GetTypeDefinition(type.GetDeclaringType());
            }

            var space = metadata.GetString(type.Namespace);
            return $"{(space.Length > 0 ? space + "." : "")}{metadata.GetString(type.Name)}.{Author(name) ?? name}";
        }
        catch (Exception e) when (IsDamage(e))
        {
            return $"method 0x{MetadataTokens.GetToken(handle):x8}";
        }
    }

    /// <summary><c>&lt;Run&gt;d__3</c> and <c>&lt;Run&gt;b__0</c> were made of <c>Run</c>.</summary>
    private static string? Author(string name) => name.StartsWith('<') && name.IndexOf('>') is > 1 and var end ? name[1..end] : null;
}

/// <summary>Something in a package that reaches around the platform's ports.</summary>
/// <param name="Assembly">File in the package.</param>
/// <param name="Member">What is used, such as <c>System.Diagnostics.Process.Start</c>.</param>
/// <param name="Location">Where, as type and method.</param>
/// <param name="Capability">The capability that a manifest asks for who does this.</param>
public sealed record CodeFinding(string Assembly, string Member, string Location, string Capability);
