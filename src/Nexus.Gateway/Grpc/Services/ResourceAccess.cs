using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Grpc.Services;

/// <summary>Finds resources in the snapshot that is served, and asks the one pipeline. Holds nothing of a plugin between two calls.</summary>
internal sealed class ResourceAccess(IServiceProvider host, IPlugins plugins, ServerSettings settings, ActiveIdentity identity)
{
    private const int Attempts = 100;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    // By reference, so that a descriptor that is no longer served is let go of.
    private readonly ConditionalWeakTable<ResourceDescriptor, StrongBox<JsonProjection?>> projections = [];

    /// <summary>What reaches attachments.</summary>
    public IAttachmentOperations Attachments => host.GetRequiredService<IAttachmentOperations>();

    /// <summary>Does something with a resource. A generation that began to drain meanwhile has done nothing, and its successor is asked.</summary>
    public async Task<T> DoAsync<T>(string resource, CallContext caller, Func<ResourceCall, ValueTask<T>> work, CancellationToken stop)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await work(await CallAsync(resource, caller, stop));
            }
            catch (NexusException exception) when (exception.Code == ErrorCodes.ServiceUnavailable && attempt < Attempts && IsDraining(resource))
            {
                await Task.Delay(Pause, stop);
            }
        }
    }

    /// <summary>Where a failure comes from, as a caller may see it; null otherwise.</summary>
    public async ValueTask<FailureOrigin?> OriginAsync(CallContext caller, Exception failure, CancellationToken stop) =>
        FailureOrigin.Find(failure) is { } origin && await Origins.MayAsync(host.GetService<IAuthorization>(), caller, stop) ? origin : null;

    /// <summary>What is never returned of a resource; null when records leave as they are stored.</summary>
    public JsonProjection? Projection(ResourceDescriptor resource) =>
        projections.GetValue(resource, one => new StrongBox<JsonProjection?>(JsonProjection.For(one, settings.Current.HiddenFields))).Value;

    /// <summary>Brings up the lazy plugins that a caller may wake, of one id or all.</summary>
    public async ValueTask WakeAsync(CallContext caller, string? plugin, CancellationToken stop)
    {
        if (plugins.Current.Inactive.IsEmpty || host.GetService<IPluginActivation>() is not { } activation)
            return;
        var isStranger = ReferenceEquals(caller.Caller, Caller.Anonymous) && identity.WasEverActive;
        foreach (var manifest in plugins.Current.Inactive)
        {
            if ((plugin is null || Schema.PluginFile.PackageOf(manifest.Name) == Schema.PluginFile.PackageOf(plugin)) && (!isStranger || manifest.Tags.Contains("public")))
                await activation.ActivateAsync(manifest.RoutePrefix + "/", stop);
        }
    }

    /// <summary>A resource's id as plugin and name.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: it is none.</exception>
    public static (string Plugin, string Name) Split(string resource) =>
        resource.LastIndexOf('.') is > 0 and var dot ? (resource[..dot], resource[(dot + 1)..]) : throw new NexusException(ErrorCodes.BadRequest, $"\"{resource}\" is no resource; write {{plugin}}.{{name}}, such as orders.orders.");

    private async ValueTask<ResourceCall> CallAsync(string resource, CallContext caller, CancellationToken stop)
    {
        var (plugin, _) = Split(resource);
        if (plugins.Current.Find(plugin) is null)
            await WakeAsync(caller, plugin, stop);
        var (active, descriptor) = Find(resource);
        if (descriptor is null)
            throw new NexusException(ErrorCodes.ResourceNotFound, $"This node serves no resource {resource}.");
        active!.Quota?.Call();
        return new ResourceCall(active, descriptor, caller);
    }

    private (ActivePlugin? Plugin, ResourceDescriptor? Resource) Find(string resource)
    {
        var (plugin, name) = Split(resource);
        var active = plugins.Current.Find(plugin);
        return (active, active?.Resources.FirstOrDefault(one => one.Name == name));
    }

    private bool IsDraining(string resource)
    {
        if (Find(resource).Plugin is not { } plugin)
            return true;
        if (!plugin.Lease.TryEnter())
            return true;
        plugin.Lease.Exit();
        return false;
    }
}
