using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Commands on all nodes: begins one, tells how far each node is, and answers when it has ended. It goes on when its caller, or this node, leaves.</summary>
internal sealed class RollingCommands(AdministrationTrail administration, TimeProvider time, IServiceProvider host) : IPlatformRoutes
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/nodes/changes", "listRollingChanges", "The newest change of each plugin on all nodes, with each node's part", "platform.nodes:read", async context => await JsonAnswer.SendAsync(context, await Changes.ListAsync(context.RequestAborted))) { Answer = Answer.Of<RollingChange[]>() },
        new("GET", "/api/v1/nodes/changes/{plugin}", "getRollingChange", "The newest change of one plugin on all nodes", "platform.nodes:read", FindAsync) { Answer = Answer.Of<RollingChange>() },
    ];

    private IRollingChanges Changes => host.GetService<IRollingChanges>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host is no node of a storage.");

    /// <summary>Runs a command for a caller.</summary>
    public async Task RunAsync(HttpContext context, PluginCommand command)
    {
        if (ProgressStream.Of(context) is { } stream)
            await stream.RunAsync(context, async steps => JsonSerializer.SerializeToNode(await ExecuteAsync(command, steps, CancellationToken.None), JsonAnswer.Options)!);
        else
            await JsonAnswer.SendAsync(context, await ExecuteAsync(command, null, context.RequestAborted));
    }

    private async Task FindAsync(HttpContext context)
    {
        var plugin = (string)context.Request.RouteValues["plugin"]!;
        await JsonAnswer.SendAsync(context, await Changes.FindAsync(plugin, context.RequestAborted) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"Nothing was done to {plugin} on all nodes."));
    }

    private async Task<RollingChange> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? steps, CancellationToken cancellationToken)
    {
        var change = await administration.BeginAsync(Changes, command);
        var told = new Dictionary<string, NodeChangeState>(StringComparer.Ordinal);
        while (true)
        {
            foreach (var node in change.Nodes.Where(n => n.State != NodeChangeState.Waiting && told.GetValueOrDefault(n.Node) != n.State))
            {
                told[node.Node] = node.State;
                steps?.Report(new PluginProgress(change.Plugin, $"node {node.Node} ({node.Address}): {node.State}{(node.Detail is { } detail ? $": {detail}" : "")}", (double)change.Nodes.Count(n => n.State is not (NodeChangeState.Waiting or NodeChangeState.Changing)) / change.Nodes.Length));
            }

            if (change.State == RollingState.Done)
                return change;
            if (change.State == RollingState.WentBack)
                throw new NexusException(ErrorCodes.RollingChangeFailed, $"{change.Reason}. All nodes are as they were.");
            await Task.Delay(Look, time, cancellationToken);
            if (await Changes.FindAsync(change.Plugin, cancellationToken) is not { } now || now.Number != change.Number)
                return change;
            change = now;
        }
    }
}
