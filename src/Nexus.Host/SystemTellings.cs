using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>Tells of the life of the node, durably, so that also who is away hears of it.</summary>
internal static class SystemTellings
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>Tells. Never throws, and waits for a storage that does not answer only so long: the node starts and stops without.</summary>
    public static async Task TellAsync(IServiceProvider services, ILogger logger, string name, JsonObject data)
    {
        if (services.GetService<IEvents>() is not { } events)
            return;
        data["node"] = services.GetService<INodes>()?.Id;
        try
        {
            using var limit = new CancellationTokenSource(Limit);
            await events.PublishAsync(new EventMessage { Name = name, Data = Encoding.UTF8.GetBytes(data.ToJsonString()) }, cancellationToken: limit.Token).AsTask().WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is NexusException or OperationCanceledException or ObjectDisposedException)
        {
            logger.LogWarning("{Event} could not be told: {Reason}", name, e.Message);
        }
    }
}
