using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>
/// This node's part in changes of all nodes. No node leads: each reads the same document and does what is its own.
/// 1. A node that joins, or returns, in the middle of a change puts itself into its order.
/// 2. Whoever sees that a node whose turn would come shows no life, passes it over.
/// 3. The first that has not changed notes what it had, changes, proves its health, and says so.
/// 4. A node that fails goes back by itself and turns the change round: those that had changed go back, the last one first.
/// 5. When none is left the change is done, and what it led to is what every node shall have; who was away takes it over on return.
/// </summary>
internal sealed partial class RollingTurns(IServiceProvider host, ClusterPlugins cluster, OwnPlugins own, INodes nodes, TimeProvider time, ILogger<RollingTurns> log) : BackgroundService
{
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim wake = new(0);
    private readonly Dictionary<string, long> failedAt = new(StringComparer.Ordinal);
    private IDisposable? following;

    /// <summary>Looks at once: a change was begun here.</summary>
    public void Wake()
    {
        if (wake.CurrentCount == 0)
            wake.Release();
    }

    /// <summary>What all nodes shall have is there before the node serves.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var plugin in await cluster.ListAsync(cancellationToken))
            await QuietlyAsync(plugin, token => FollowAsync(plugin, token), cancellationToken);
        following = host.GetService<IChanges>()?.Follow(ClusterPlugins.Prefix, (_, _) =>
        {
            Wake();
            return Task.CompletedTask;
        });
        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        following?.Dispose();
        wake.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (host.GetService<IHostApplicationLifetime>() is { } life)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(life.ApplicationStarted, stoppingToken);
            await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            var busy = false;
            try
            {
                var plugins = await cluster.ListAsync(stoppingToken);
                busy = plugins.Any(p => p.IsUnderWay);
                var live = busy ? (await nodes.ListAsync(stoppingToken)).Select(n => n.Id).Append(nodes.Id).ToImmutableHashSet(StringComparer.Ordinal) : [];
                foreach (var plugin in plugins)
                    await QuietlyAsync(plugin, token => StepAsync(plugin, live, token), stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Unread(log, e.Message);
            }

            try
            {
                await wake.WaitAsync(busy ? Busy : Idle, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                // The node stops.
            }
        }
    }

    private async Task QuietlyAsync(ClusterPlugin plugin, Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        try
        {
            await step(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            failedAt[plugin.Id] = time.GetTimestamp();
            NotDone(log, e, plugin.Id, plugin.Target.Version);
        }
    }

    private Task StepAsync(ClusterPlugin plugin, ImmutableHashSet<string> live, CancellationToken cancellationToken) => plugin.Change.State switch
    {
        RollingState.Running => GoAsync(plugin, live, cancellationToken),
        RollingState.GoingBack => GoBackAsync(plugin, live, cancellationToken),
        _ => FollowAsync(plugin, cancellationToken),
    };

    private async Task GoAsync(ClusterPlugin plugin, ImmutableHashSet<string> live, CancellationToken cancellationToken)
    {
        if (plugin.Of(nodes.Id) is not { State: not NodeChangeState.Away } mine)
        {
            var self = (await nodes.ListAsync(cancellationToken)).FirstOrDefault(n => n.Self);
            await ChangeAsync(plugin, p => p.Of(nodes.Id) is null ? p.Joined(new NodeChange(nodes.Id, NodeChangeState.Waiting) { Address = self?.Address ?? "" }) : p.With(nodes.Id, n => n with { State = NodeChangeState.Waiting }), cancellationToken);
            return;
        }

        var gone = plugin.Change.Nodes.Where(n => n.State is NodeChangeState.Waiting or NodeChangeState.Changing && !live.Contains(n.Node)).Select(n => n.Node).ToList();
        if (gone.Count > 0)
        {
            await ChangeAsync(plugin, p => gone.Aggregate(p, (all, node) => all.With(node, n => n with { State = NodeChangeState.Away })), cancellationToken);
        }
        else if (mine.State == NodeChangeState.Changed && !await own.HasAsync(plugin.Id, plugin.Target, cancellationToken))
        {
            // Its health failed after its turn, and the watch of this node swapped back.
            await FailAsync(plugin, $"{plugin.Id} {plugin.Target.Version} did not stay", cancellationToken);
        }
        else if (plugin.Change.Nodes.FirstOrDefault(n => n.State is NodeChangeState.Waiting or NodeChangeState.Changing) is not { } next)
        {
            await ChangeAsync(plugin, p => p.Done(time.GetUtcNow()), cancellationToken);
        }
        else if (next.Node == nodes.Id)
        {
            await TurnAsync(plugin, cancellationToken);
        }
    }

    private async Task TurnAsync(ClusterPlugin plugin, CancellationToken cancellationToken)
    {
        if (!own.Runs(plugin.Id))
        {
            await ChangeAsync(plugin, p => p.With(nodes.Id, n => n with { State = NodeChangeState.Skipped }), cancellationToken);
            return;
        }

        var had = own.State(plugin.Id);
        // What was noted before this process was killed in its turn is what the node had.
        await ChangeAsync(plugin, p => p.With(nodes.Id, n => n with { State = NodeChangeState.Changing, From = had.Removed ? null : had.Version }) with { Had = p.Had.ContainsKey(nodes.Id) ? p.Had : p.Had.Add(nodes.Id, had) }, cancellationToken);
        try
        {
            var last = plugin.Change.Nodes.All(n => n.Node == nodes.Id || n.State is not NodeChangeState.Waiting);
            var pending = await own.ComeToAsync(plugin.Id, plugin.Target, plugin.Force, plugin.DeletesData && last, cancellationToken);
            await own.ProveAsync(plugin.Id, plugin.Target, cancellationToken);
            await ChangeAsync(plugin, p => p.With(nodes.Id, n => n.State == NodeChangeState.Changing ? n with { State = NodeChangeState.Changed, Detail = pending } : n), cancellationToken);
        }
        catch (NexusException e)
        {
            await FailAsync(plugin, e.Message, cancellationToken);
        }
    }

    private async Task FailAsync(ClusterPlugin plugin, string reason, CancellationToken cancellationToken)
    {
        Failed(log, plugin.Id, plugin.Target.Version, reason);
        var state = await cluster.FindAsync(plugin.Id, cancellationToken) ?? plugin;
        if (state.Had.GetValueOrDefault(nodes.Id) is { } had)
        {
            try
            {
                await own.ReturnAsync(plugin.Id, had, cancellationToken);
            }
            catch (NexusException e)
            {
                reason = $"{reason}; and it did not go back: {e.Message}";
            }
        }

        await ChangeAsync(plugin, p => p.Failed(nodes.Id, reason), cancellationToken);
    }

    private async Task GoBackAsync(ClusterPlugin plugin, ImmutableHashSet<string> live, CancellationToken cancellationToken)
    {
        var next = plugin.Change.Nodes.LastOrDefault(n => n.State is NodeChangeState.Changed or NodeChangeState.Changing && live.Contains(n.Node));
        if (next is null)
            await ChangeAsync(plugin, p => p.WentBack(time.GetUtcNow()), cancellationToken);
        else if (next.Node == nodes.Id)
            await ReturnAsync(plugin, cancellationToken);
    }

    private async Task ReturnAsync(ClusterPlugin plugin, CancellationToken cancellationToken)
    {
        string? failure = null;
        try
        {
            if (plugin.Had.GetValueOrDefault(nodes.Id) is { } had)
                await own.ReturnAsync(plugin.Id, had, cancellationToken);
        }
        catch (NexusException e)
        {
            failure = $"It did not go back: {e.Message}";
        }

        await ChangeAsync(plugin, p => p.With(nodes.Id, n => n with { State = failure is null ? NodeChangeState.WentBack : NodeChangeState.Failed, Detail = failure }), cancellationToken);
    }

    /// <summary>After the end of a change: who was away in it goes back, or takes over what all shall have.</summary>
    private async Task FollowAsync(ClusterPlugin plugin, CancellationToken cancellationToken)
    {
        if (failedAt.TryGetValue(plugin.Id, out var at) && time.GetElapsedTime(at) < Again)
            return;
        failedAt.Remove(plugin.Id);
        if (plugin.Change.State == RollingState.WentBack && plugin.Of(nodes.Id) is { State: NodeChangeState.Changed or NodeChangeState.Changing or NodeChangeState.Away } && plugin.Had.ContainsKey(nodes.Id))
            await ReturnAsync(plugin, cancellationToken);
        if (plugin.WantedNumber <= plugin.Taken.GetValueOrDefault(nodes.Id))
            return;
        if (own.Runs(plugin.Id) && !await own.HasAsync(plugin.Id, plugin.Wanted, cancellationToken))
        {
            await own.ComeToAsync(plugin.Id, plugin.Wanted, force: true, deleteData: false, cancellationToken);
            TookOver(log, plugin.Id, plugin.Wanted.Removed ? "nothing" : plugin.Wanted.Version);
        }

        await cluster.ChangeAsync(plugin.Id, p => p is null || p.WantedNumber != plugin.WantedNumber ? null : p with
        {
            Taken = p.Taken.SetItem(nodes.Id, plugin.WantedNumber),
            Change = p.Change.Number != plugin.WantedNumber ? p.Change : p.With(nodes.Id, n => n with { State = own.Runs(p.Id) ? NodeChangeState.Changed : NodeChangeState.Skipped }).Change,
        }, cancellationToken);
    }

    /// <summary>Changes the document unless it is about another change by now, or went another way.</summary>
    private Task<ClusterPlugin?> ChangeAsync(ClusterPlugin plugin, Func<ClusterPlugin, ClusterPlugin> change, CancellationToken cancellationToken) =>
        cluster.ChangeAsync(plugin.Id, p => p is null || p.Change.Number != plugin.Change.Number || p.Change.State != plugin.Change.State ? null : change(p), cancellationToken);

    [LoggerMessage(1, LogLevel.Warning, "What all nodes shall run cannot be read; it is tried again: {Reason}")]
    private static partial void Unread(ILogger log, string reason);

    [LoggerMessage(2, LogLevel.Error, "{Plugin} did not come to {Version}, which all nodes shall run; it is tried again")]
    private static partial void NotDone(ILogger log, Exception error, string plugin, string version);

    [LoggerMessage(3, LogLevel.Error, "{Plugin} {Version} failed on this node, so all nodes go back: {Reason}")]
    private static partial void Failed(ILogger log, string plugin, string version, string reason);

    [LoggerMessage(4, LogLevel.Information, "{Plugin} came to {Version}, which all nodes run")]
    private static partial void TookOver(ILogger log, string plugin, string version);
}
