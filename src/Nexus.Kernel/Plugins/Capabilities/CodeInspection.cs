using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Reads assemblies as data and names what in them reaches around the platform's ports: processes, native code, own sockets and HTTP clients, files, code that is loaded later. No code of the plugin runs.</summary>
/// <remarks>What it finds is there; what it does not find may still be reached by reflection. It tells operators what a package does; it does not confine it.</remarks>
internal static class CodeInspection
{
    private static readonly OperandType[] OneByte = Operands(code => code.Size == 1);
    private static readonly OperandType[] TwoBytes = Operands(code => code.Size == 2);

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

    private static List<CodeFinding> InspectAssembly(string folder, string file)
    {
        var findings = new List<CodeFinding>();
        try
        {
            using var stream = File.OpenRead(Path.Combine(folder, file));
            using var image = new PEReader(stream);
            if (!image.HasMetadata)
                return findings;
            var metadata = image.GetMetadataReader();
            var watched = Watched(metadata);
            foreach (var handle in metadata.MethodDefinitions)
                InspectMethod(image, metadata, handle, watched, (member, location, capability) => findings.Add(new CodeFinding(file, member, location, capability)));
        }
        catch (BadImageFormatException)
        {
            // Not an assembly, or a damaged one: loading it says so.
        }

        return findings;
    }

    /// <summary>Member references of the assembly that a rule watches, by token.</summary>
    private static Dictionary<int, (string Member, string Capability)> Watched(MetadataReader metadata)
    {
        var watched = new Dictionary<int, (string, string)>();
        foreach (var handle in metadata.MemberReferences)
        {
            var member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind != HandleKind.TypeReference || member.GetKind() != MemberReferenceKind.Method)
                continue;
            var type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent);
            var (space, typeName, name) = (metadata.GetString(type.Namespace), metadata.GetString(type.Name), metadata.GetString(member.Name));
            if (WatchedApis.CapabilityOf(space, typeName, name, () => TakesPath(metadata, member)) is { } capability)
                watched.Add(MetadataTokens.GetToken(handle), ($"{space}.{typeName}.{(name == ".ctor" ? "new" : name)}", capability));
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
        var method = metadata.GetMethodDefinition(handle);
        if (!method.GetImport().Module.IsNil)
        {
            found($"native {metadata.GetString(metadata.GetModuleReference(method.GetImport().Module).Name)}:{metadata.GetString(method.Name)}", Location(metadata, method), Capability.Process);
            return;
        }

        if (method.RelativeVirtualAddress == 0 || watched.Count == 0)
            return;
        var code = image.GetMethodBody(method.RelativeVirtualAddress).GetILReader();
        while (code.RemainingBytes > 0)
        {
            var first = code.ReadByte();
            var operand = first == 0xFE ? TwoBytes[code.ReadByte()] : OneByte[first];
            if (operand is OperandType.InlineMethod or OperandType.InlineTok)
            {
                if (Target(metadata, code.ReadInt32()) is var token && watched.TryGetValue(token, out var use))
                    found(use.Member, Location(metadata, method), use.Capability);
            }
            else
            {
                // The count first: reading it moves the place that the targets are counted from.
                var length = operand == OperandType.InlineSwitch ? code.ReadUInt32() * 4L : SizeOf(operand);
                if (length > code.RemainingBytes)
                    return;
                code.Offset += (int)length;
            }
        }
    }

    /// <summary>A generic method's instance leads to the method.</summary>
    private static int Target(MetadataReader metadata, int token) =>
        MetadataTokens.EntityHandle(token) is { Kind: HandleKind.MethodSpecification } instance
            ? MetadataTokens.GetToken(metadata.GetMethodSpecification((MethodSpecificationHandle)instance).Method)
            : token;

    /// <summary>Type and method as their author wrote them: what the compiler made of lambdas and async methods is named by what it was made of.</summary>
    private static string Location(MetadataReader metadata, MethodDefinition method)
    {
        var (type, name) = (metadata.GetTypeDefinition(method.GetDeclaringType()), metadata.GetString(method.Name));
        while (!type.GetDeclaringType().IsNil)
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

    /// <summary><c>&lt;Run&gt;d__3</c> and <c>&lt;Run&gt;b__0</c> were made of <c>Run</c>.</summary>
    private static string? Author(string name) => name.StartsWith('<') && name.IndexOf('>') is > 1 and var end ? name[1..end] : null;

    private static int SizeOf(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    private static OperandType[] Operands(Func<OpCode, bool> wanted)
    {
        var operands = new OperandType[256];
        Array.Fill(operands, OperandType.InlineNone);
        foreach (var code in typeof(OpCodes).GetFields().Where(f => f.FieldType == typeof(OpCode)).Select(f => (OpCode)f.GetValue(null)!).Where(wanted))
            operands[code.Value & 0xFF] = code.OperandType;
        return operands;
    }
}

/// <summary>Something in a package that reaches around the platform's ports.</summary>
/// <param name="Assembly">File in the package.</param>
/// <param name="Member">What is used, such as <c>System.Diagnostics.Process.Start</c>.</param>
/// <param name="Location">Where, as type and method.</param>
/// <param name="Capability">The capability that a manifest asks for who does this.</param>
public sealed record CodeFinding(string Assembly, string Member, string Location, string Capability);
