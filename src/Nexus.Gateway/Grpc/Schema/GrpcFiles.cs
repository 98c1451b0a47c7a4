using System.Collections.Frozen;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>All files of one snapshot, with their services and methods by path. Immutable.</summary>
internal sealed class GrpcFiles
{
    private readonly FrozenDictionary<string, ProtoFile> byName;
    private readonly FrozenDictionary<string, ProtoFile> bySymbol;
    private readonly FrozenDictionary<string, (ProtoInterface Service, ProtoMethod Method)> methods;

    public GrpcFiles(long version, IEnumerable<ProtoFile> files)
    {
        Version = version;
        Files = [.. files];
        var all = Files.Concat(Files.SelectMany(f => f.Imports)).Distinct().ToArray();
        byName = all.ToFrozenDictionary(f => f.Name, StringComparer.Ordinal);
        bySymbol = all.SelectMany(f => Symbols(f).Select(s => (Symbol: s, File: f))).DistinctBy(p => p.Symbol).ToFrozenDictionary(p => p.Symbol, p => p.File, StringComparer.Ordinal);
        var services = Files.SelectMany(f => f.Services).ToArray();
        Services = services.ToFrozenDictionary(s => s.FullName, StringComparer.Ordinal).Keys;
        methods = services.SelectMany(s => s.Methods.Select(m => (Path: $"/{s.FullName}/{m.Name}", Found: (s, m)))).DistinctBy(p => p.Path).ToFrozenDictionary(p => p.Path, p => p.Found, StringComparer.Ordinal);
    }

    /// <summary>Version of the snapshot.</summary>
    public long Version { get; }

    /// <summary>The files that are served, imports of protobuf itself aside.</summary>
    public IReadOnlyList<ProtoFile> Files { get; }

    /// <summary>Full names of the services.</summary>
    public IReadOnlyList<string> Services { get; }

    /// <summary>A file by the name that others import it by, or null.</summary>
    public ProtoFile? FindFile(string name) => byName.GetValueOrDefault(name);

    /// <summary>The file that has a type, service or method, or null.</summary>
    public ProtoFile? FindSymbol(string symbol) => bySymbol.GetValueOrDefault(symbol);

    /// <summary>The method of a path, or null.</summary>
    public ProtoMethod? FindMethod(string path) => methods.TryGetValue(path, out var found) ? found.Method : null;

    /// <summary>Whether there is a service, and the plugin that it is about.</summary>
    public (bool Known, string? Plugin) FindService(string name) =>
        Files.SelectMany(f => f.Services).FirstOrDefault(s => s.FullName == name) is { } service ? (true, service.Plugin) : default;

    private static IEnumerable<string> Symbols(ProtoFile file) =>
        file.Messages.SelectMany(Symbols).Concat(file.Enums.Select(e => e.FullName)).Concat(file.Services.SelectMany(s => s.Methods.Select(m => $"{s.FullName}.{m.Name}").Append(s.FullName)));

    private static IEnumerable<string> Symbols(ProtoMessage message) =>
        message.Nested.SelectMany(Symbols).Concat(message.Enums.Select(e => e.FullName)).Append(message.FullName);
}
