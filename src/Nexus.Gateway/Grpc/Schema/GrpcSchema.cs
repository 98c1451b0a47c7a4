using Microsoft.Extensions.Options;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Services;
using Nexus.Gateway.Health;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>
/// The files of the snapshot that is served, drawn when first asked for: a swap changes all of them in one moment. They are plain data and
/// handlers of the host, so what is called may be kept while its plugin leaves.
/// </summary>
internal sealed class GrpcSchema
{
    private readonly IPlugins plugins;
    private readonly ResourceAccess access;
    private readonly PluginFile drawing;
    private readonly ProtoFile[] own;
    private volatile GrpcFiles? current;

    public GrpcSchema(IPlugins plugins, ResourceAccess access, ResourceMethods methods, ContractMethods contracts, ServerSettings settings, HealthRoutes health, TimeProvider time, IOptions<GrpcOptions> options)
    {
        (this.plugins, this.access) = (plugins, access);
        var shared = new ResourceFile(methods);
        var state = new HealthMethods(health, plugins, time) { Find = name => Current.FindService(name) };
        var reflection = new ReflectionMethods(AllAsync);
        drawing = new PluginFile(shared, methods, contracts, settings.Current.HiddenFields);
        own = [shared.File, contracts.File, state.File, .. options.Value.Reflection ? new[] { reflection.Draw("v1"), reflection.Draw("v1alpha") } : []];
    }

    /// <summary>The files of the current snapshot.</summary>
    public GrpcFiles Current
    {
        get
        {
            var snapshot = plugins.Current;
            return current is { } known && known.Version == snapshot.Version
                ? known
                : current = new GrpcFiles(snapshot.Version, own.Concat(snapshot.Plugins.Select(drawing.Draw).OfType<ProtoFile>().OrderBy(f => f.Name, StringComparer.Ordinal)));
        }
    }

    /// <summary>The files with those of lazy plugins that the caller may wake.</summary>
    public async ValueTask<GrpcFiles> AllAsync(GrpcCall call) => await AllAsync(call.Caller, call.Stop);

    /// <inheritdoc cref="AllAsync(GrpcCall)"/>
    public async ValueTask<GrpcFiles> AllAsync(CallContext caller, CancellationToken stop)
    {
        await access.WakeAsync(caller, null, stop);
        return Current;
    }

    /// <summary>The method of a path, whose plugin is brought up where it is lazy; null when there is none.</summary>
    public async ValueTask<ProtoMethod?> FindAsync(string path, CallContext caller, CancellationToken stop)
    {
        if (Current.FindMethod(path) is { } known)
            return known;
        var package = path[1..(path.LastIndexOf('.') is > 0 and var dot ? dot : 1)];
        var sought = plugins.Current.Inactive.FirstOrDefault(manifest => PluginFile.PackageOf(manifest.Name) == package);
        if (sought is null)
            return null;
        await access.WakeAsync(caller, sought.Name, stop);
        return Current.FindMethod(path);
    }
}
