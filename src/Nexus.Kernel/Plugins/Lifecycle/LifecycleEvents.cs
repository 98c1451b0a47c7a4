using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Publishes <c>plugin.loaded</c>, <c>plugin.error</c>, … on the bus, when the host has one.</summary>
internal sealed class LifecycleEvents(IServiceProvider host, TimeProvider time, ILogger logger)
{
    /// <summary>Drops the durable groups of a removed plugin: no event waits for it any longer.</summary>
    public ValueTask ForgetAsync(string id, CancellationToken cancellationToken) => host.GetService<EventGroups>()?.ForgetAsync(id, cancellationToken) ?? default;

    public async Task PublishAsync(string verb, PluginStatus status, NexusException? error = null)
    {
        if (host.GetService<IEvents>() is not { } events)
        {
            return;
        }

        var name = $"plugin.{verb}";
        try
        {
            var data = new JsonObject { ["id"] = status.Id, ["version"] = status.Version, ["state"] = status.State.ToString(), ["generation"] = status.Generation };
            if (error is not null)
            {
                data["code"] = error.Code;
                data["detail"] = error.Message;
            }

            await events.PublishAsync(new EventMessage { Name = name, Source = "nexus", OccurredAt = time.GetUtcNow(), Key = status.Id, Data = System.Text.Encoding.UTF8.GetBytes(data.ToJsonString()) });
        }
        catch (Exception e)
        {
            // The lifecycle does not depend on the bus.
            PluginLog.EventLost(logger, name, status.Id, e.ToString());
        }
    }
}
