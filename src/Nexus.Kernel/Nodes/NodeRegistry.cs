using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Nodes;

/// <summary>Shows this node's life in the table <c>nexus.nodes</c>, three times a lease and when its plugins change, and takes out those that show none. Who takes one out says so with the same commit, so that <c>node.left</c> is published once.</summary>
internal sealed partial class NodeRegistry(IServiceProvider host, IStorage storage, IPlugins plugins, IOptions<NodeOptions> options, TimeProvider time, ILogger<NodeRegistry> log) : BackgroundService, INodes
{
    /// <summary>Table of the nodes.</summary>
    public const string Table = "nexus.nodes";

    private readonly NodeSightings sightings = new(time);
    private readonly Lazy<string> id = new(() => NodeFile.Read(host.GetService<PluginsOptions>()?.DataDirectory ?? "data"));
    private readonly DateTimeOffset startedAt = time.GetUtcNow();
    private bool joined;

    public string Id => id.Value;

    private TimeSpan Lease => TimeSpan.FromSeconds(options.Value.LeaseSeconds);

    public async ValueTask<ImmutableArray<NodeStatus>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await LookAsync(cancellationToken)).Where(n => n.Lives).Select(n => n.Node with { Self = n.Node.Id == Id }).OrderBy(n => n.StartedAt).ThenBy(n => n.Id, StringComparer.Ordinal)];

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!joined)
            return;
        try
        {
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(Id) }], Events = [Told("left", Id, "stopped")] }, cancellationToken);
        }
        catch (NexusException e)
        {
            Unseen(log, e.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The address is certain once the port is open.
        if (host.GetService<IHostApplicationLifetime>() is { } life)
            await StartedAsync(life.ApplicationStarted, stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            // The token before the look: a change in between is seen by the next round.
            var changed = ChangedAsync(plugins.GetChangeToken(), stoppingToken);
            try
            {
                await ShowAsync(stoppingToken);
                await TakeOutAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Unseen(log, e.Message);
            }

            await Task.WhenAny(Task.Delay(Lease / 3, time, stoppingToken), changed);
        }
    }

    private static async Task StartedAsync(CancellationToken started, CancellationToken stoppingToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(started, stoppingToken);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task ChangedAsync(IChangeToken token, CancellationToken stoppingToken)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = token.RegisterChangeCallback(static s => ((TaskCompletionSource)s!).TrySetResult(), source);
        await source.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ShowAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (address, own) = (options.Value.Address?.TrimEnd('/'), host.GetService<INodeAddress>());
        var snapshot = plugins.Current;
        var node = new NodeStatus
        {
            Id = Id,
            Machine = Environment.MachineName,
            Address = address ?? own?.Own ?? "",
            Http2Address = options.Value.Http2Address?.TrimEnd('/') ?? Http2Of(address, own?.OwnHttp2),
            Roles = options.Value.Roles.Count == 0 ? ["all"] : [.. options.Value.Roles],
            Version = typeof(NodeRegistry).Assembly.GetName().Version!.ToString(3),
            StartedAt = startedAt,
            SeenAt = now,
            LeaseSeconds = options.Value.LeaseSeconds,
            Plugins = [.. plugins.List().Select(p => new NodePlugin(p.Id, p.Version, p.Generation, p.State) { RoutePrefix = p.Manifest?.RoutePrefix, Resources = [.. snapshot.Find(p.Id)?.Resources.Select(r => r.Name) ?? []] })],
            Weight = options.Value.Weight,
        };
        var record = new StoredRecord { Id = Id, Revision = 1, CreatedAt = startedAt, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(node, NodeJson.Default.NodeStatus) };
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(Id), Record = record }], Events = joined ? [] : [Told("joined", Id, node.Address)] }, cancellationToken);
        joined = true;
    }

    /// <summary>With TLS both protocols have one port, so that an address that is set holds for both; without, its host does.</summary>
    private static string? Http2Of(string? address, string? listening)
    {
        if (address is null || !Uri.TryCreate(address, UriKind.Absolute, out var set))
            return listening;
        return set.Scheme == Uri.UriSchemeHttps ? address : listening is null ? null : new UriBuilder(listening) { Host = set.Host }.Uri.GetLeftPart(UriPartial.Authority);
    }

    private async Task TakeOutAsync(CancellationToken cancellationToken)
    {
        foreach (var (node, revision, _) in (await LookAsync(cancellationToken)).Where(n => !n.Lives && n.Node.Id != Id))
        {
            try
            {
                await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(node.Id), ExpectedRevision = revision }], Events = [Told("left", node.Id, "lease expired")] }, cancellationToken);
                Gone(log, node.Id, node.Address, node.LeaseSeconds);
            }
            catch (StorageConflictException)
            {
                // It lives after all, or another node took it out.
            }
        }
    }

    private async Task<List<(NodeStatus Node, long Revision, bool Lives)>> LookAsync(CancellationToken cancellationToken)
    {
        var found = new List<(NodeStatus Node, long Revision, bool Lives)>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, Limit = 500, Cursor = cursor }, cancellationToken);
            foreach (var record in page.Records)
            {
                var node = JsonSerializer.Deserialize(record.Json.Span, NodeJson.Default.NodeStatus)!;
                found.Add((node, record.Revision, sightings.Note(node.Id, record.Revision, TimeSpan.FromSeconds(node.LeaseSeconds))));
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
        sightings.Keep(found.Select(n => n.Node.Id));
        return found;
    }

    private EventMessage Told(string what, string node, string detail) => new()
    {
        Name = $"node.{what}",
        Source = "nexus",
        OccurredAt = time.GetUtcNow(),
        Key = node,
        Data = JsonSerializer.SerializeToUtf8Bytes(new NodeTold(node, detail), NodeJson.Default.NodeTold),
    };

    private static RecordKey Key(string node) => new(CallContext.DefaultTenant, Table, node);

    [LoggerMessage(1, LogLevel.Warning, "This node could not show its life; it tries again: {Reason}")]
    private static partial void Unseen(ILogger log, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Node {Node} at {Address} showed no life for {Seconds} s and was taken out")]
    private static partial void Gone(ILogger log, string node, string address, double seconds);

    /// <summary>What events about nodes say.</summary>
    /// <param name="Node">Its id.</param>
    /// <param name="Detail">Its address when it joins, the cause when it leaves.</param>
    internal sealed record NodeTold(string Node, string Detail);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(NodeStatus))]
    [JsonSerializable(typeof(NodeTold))]
    private sealed partial class NodeJson : JsonSerializerContext;
}
