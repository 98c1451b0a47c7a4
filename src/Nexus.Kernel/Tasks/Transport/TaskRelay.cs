using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;
using Nexus.Kernel.Events.Transport;

namespace Nexus.Kernel.Tasks.Transport;

/// <summary>
/// Reserves due tasks that this node knows in the store and sends them to the transport; nodes that run none do so too. What the transport did not confirm is given back, and sent again by a new number.
/// Frames live as long as the node and hold names and entries only.
/// </summary>
internal sealed class TaskRelay(ITaskStore store, TaskCatalog catalog, [FromKeyedServices(TaskIntake.Link)] TransportLink link, TimeProvider time, IOptions<TasksOptions> options, ILogger<TaskRelay> log) : BackgroundService
{
    private const int SendLimit = 256;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WindowLook = TimeSpan.FromMilliseconds(20);

    private readonly string name = $"relay-{Environment.MachineName}-{Environment.ProcessId}";
    private readonly SendWindows windows = new(link, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!link.IsConfigured)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (link.Current is { } transport)
                    await TurnAsync(transport, stoppingToken);
                else
                    await Task.Delay(Pause, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError("Tasks could not be taken from the store for the transport; trying again: {Error}", HandlerRun.Describe(e));
                await Task.Delay(Wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TurnAsync(IEventTransport transport, CancellationToken stoppingToken)
    {
        var lease = options.Value.Lease;
        await windows.LookAsync(transport, stoppingToken);
        // With no room, too: what a lost worker left is due again by a look at its name.
        ImmutableArray<TaskCapacity> names = [.. catalog.Types().Select(t => new TaskCapacity(t.Name, windows.Of(t.Name, lease).Room, t.MaxRetries + 1))];
        var someFull = names.Any(n => n.Free == 0);
        if (names.IsEmpty)
        {
            await Task.Delay(Pause, time, stoppingToken);
            return;
        }

        var reserved = await store.ClaimAsync(new TaskClaim(name, names, SendLimit, lease, someFull ? WindowLook : Wait) { Reserve = true }, stoppingToken);
        if (reserved.IsEmpty)
            return;
        windows.Sent(reserved.CountBy(t => t.Task), lease);
        try
        {
            await transport.SendAsync([.. reserved.Select(t => new TransportMessage(t.Task, Math.Clamp(t.Priority, -1000, 1000), TaskTicket.Write(t)))], stoppingToken);
            link.Succeeded();
        }
        catch (Exception e)
        {
            if (!stoppingToken.IsCancellationRequested)
                link.Failed(e);
            await GiveBackAsync(reserved);
        }
    }

    private async Task GiveBackAsync(ImmutableArray<TaskEntry> reserved)
    {
        try
        {
            await store.SettleAsync([.. reserved.Select(t => new TaskSettlement(t.Id, t.Fence, TaskState.Pending))], CancellationToken.None);
        }
        catch (Exception e)
        {
            log.LogError("{Count} tasks could not be given back to the store; they are due again when their reservation ends: {Error}", reserved.Length, HandlerRun.Describe(e));
        }
    }
}
