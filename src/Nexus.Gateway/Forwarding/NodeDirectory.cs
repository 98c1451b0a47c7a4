using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Forwarding;

/// <summary>Which nodes have which plugin, as the registry of nodes says, and which of them are ready. Looks twice a second; a node that joins is asked, one whose lease ended is not. Thread-safe.</summary>
internal sealed partial class NodeDirectory(IServiceProvider host, ForwardingSettings settings, NodeConnections connections, TimeProvider time, ILogger<NodeDirectory> log) : BackgroundService
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);
    private const int FailuresUntilUnready = 2;

    private readonly ConcurrentDictionary<(string Node, string Plugin), Backend> backends = new();
    private readonly ConcurrentDictionary<string, int> unready = new(StringComparer.Ordinal);
    private volatile FrozenDictionary<string, ImmutableArray<Place>> places = FrozenDictionary<string, ImmutableArray<Place>>.Empty;

    /// <summary>Name under which nodes that run all plugins are found, whatever the plugin.</summary>
    public const string Everything = "*";

    /// <summary>Every backend that was ever asked and is still there, for metrics.</summary>
    public IEnumerable<Backend> Backends => places.Values.SelectMany(p => p).Select(p => p.Backend).Distinct();

    /// <summary>Nodes with the plugin of a prefix such as <c>/api/custom/hello</c>, in lower case, or of a package such as <c>nexus.plugins.hello</c>.</summary>
    public ImmutableArray<Place> Find(string prefix) => places.GetValueOrDefault(prefix, []);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!settings.IsOn || host.GetService<INodes>() is not { } nodes)
            return;
        var probing = ProbeAsync(nodes, stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Take(await nodes.ListAsync(stoppingToken));
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The nodes known so far are asked on.
                Unread(log, e.Message);
            }

            await Task.Delay(Turn, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await probing;
    }

    private static bool Serves(NodeStatus node) => !node.Self && node.Address.Length > 0 && node.Roles.Any(r => r is "all" or "api");

    private void Take(ImmutableArray<NodeStatus> nodes)
    {
        var found = new Dictionary<string, List<Place>>(StringComparer.Ordinal);
        foreach (var node in nodes.Where(n => Serves(n) && (!settings.Current.RequireTls || n.Address.StartsWith("https:", StringComparison.OrdinalIgnoreCase))))
        {
            foreach (var plugin in node.Plugins.Where(p => p is { RoutePrefix: not null, State: PluginState.Active or PluginState.Discovered }))
            {
                var package = PluginFile.PackageOf(plugin.Id);
                string[] resources = plugin.Resources.IsDefault ? [] : [.. plugin.Resources.Select(r => $"{package}.{ProtoNames.Pascal(r)}")];
                Add(plugin.RoutePrefix!.ToLowerInvariant(), node, plugin.Id, plugin.Version, []);
                Add(package, node, plugin.Id, plugin.Version, resources);
            }

            Add(Everything, node, Everything, node.Version, [ResourceFile.Service]);
        }

        places = found.ToFrozenDictionary(p => p.Key, p => p.Value.ToImmutableArray(), StringComparer.Ordinal);
        foreach (var gone in backends.Keys.Where(k => nodes.All(n => n.Id != k.Node)).ToList())
            backends.TryRemove(gone, out _);

        void Add(string prefix, NodeStatus node, string plugin, string version, IReadOnlyCollection<string> resources)
        {
            var backend = backends.GetOrAdd((node.Id, plugin), key => new Backend(key.Node, key.Plugin, new Breaker(settings.Current.Breaker, time)));
            if (!found.TryGetValue(prefix, out var list))
                found[prefix] = list = [];
            list.Add(new Place(backend, node.Address + "/", version, node.Weight, unready.GetValueOrDefault(node.Id) < FailuresUntilUnready) { Http2Address = node.Http2Address, Resources = resources });
        }
    }

    private async Task ProbeAsync(INodes nodes, CancellationToken cancellationToken)
    {
        while (settings.Current.ProbeSeconds > 0 && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(settings.Current.ProbeSeconds), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await Task.WhenAll((await nodes.ListAsync(cancellationToken)).Where(Serves).Select(n => AskAsync(n, cancellationToken)));
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                Unread(log, e.Message);
            }
        }
    }

    private async Task AskAsync(NodeStatus node, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, node.Address + "/health/ready");
            using var answer = await connections.Invoker.SendAsync(request, limit.Token);
            unready[node.Id] = answer.IsSuccessStatusCode ? 0 : unready.GetValueOrDefault(node.Id) + 1;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException)
        {
            unready[node.Id] = unready.GetValueOrDefault(node.Id) + 1;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The registry of nodes cannot be read; the nodes known so far are asked on: {Reason}")]
    private static partial void Unread(ILogger log, string reason);
}
