using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Events;
using Nexus.Kernel.Events.Transport;

namespace Nexus.Kernel.Tasks.Transport;

/// <summary>Where this worker gets tasks: from the transport while there is one that answers, else from the store. Ends always go to the store.</summary>
internal sealed class TaskIntake
{
    /// <summary>Key of the tasks' link among the services.</summary>
    public const string Link = "tasks";

    /// <summary>A transport may come or go while a claim waits.</summary>
    private static readonly TimeSpan LinkLook = TimeSpan.FromSeconds(1);

    private readonly ITaskStore store;
    private readonly TransportLink link;
    private readonly ILogger<TaskIntake> log;
    private readonly SettlementWriter<TransportReceipt> acknowledgements;
    private (IEventTransport Transport, ImmutableArray<string> Names)? listening;

    public TaskIntake(ITaskStore store, [FromKeyedServices(Link)] TransportLink link, ILogger<TaskIntake> log)
    {
        (this.store, this.link, this.log) = (store, link, log);
        acknowledgements = new SettlementWriter<TransportReceipt>(AcknowledgeAsync, log);
    }

    public ValueTask SettleAsync(ImmutableArray<TaskSettlement> ended) => store.SettleAsync(ended, CancellationToken.None);

    /// <summary>Takes tasks; cancelling ends the wait only.</summary>
    public async ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken)
    {
        if (link.Current is { } transport && await ReceiveAsync(transport, claim, cancellationToken) is { } received)
            return received.IsEmpty ? [] : await TakeAsync(claim, received);
        return await store.ClaimAsync(link.IsConfigured && claim.MaxWait > LinkLook ? claim with { MaxWait = LinkLook } : claim, cancellationToken);
    }

    /// <summary>Gives back what the transport keeps ready for this node: it has no room, and others may.</summary>
    public async ValueTask LetGoAsync()
    {
        if (listening is not { } now)
            return;
        listening = null;
        try
        {
            await now.Transport.ListenAsync([], CancellationToken.None);
        }
        catch (Exception e)
        {
            link.Failed(e);
        }
    }

    /// <summary>What has arrived, never more than is free; null when the transport does not answer.</summary>
    private async ValueTask<ImmutableArray<ReceivedMessage>?> ReceiveAsync(IEventTransport transport, TaskClaim claim, CancellationToken cancellationToken)
    {
        ImmutableArray<string> names = [.. claim.Tasks.Select(t => t.Task)];
        var received = ImmutableArray<ReceivedMessage>.Empty;
        try
        {
            if (listening is not { } now || now.Transport != transport || !now.Names.AsSpan().SequenceEqual(names.AsSpan()))
            {
                listening = null;
                await transport.ListenAsync(names, cancellationToken);
                listening = (transport, names);
            }

            // Each name that has less room than the node by itself; the others, any of which may fill the node, together.
            foreach (var few in claim.Tasks.Where(t => t.Free > 0 && t.Free < claim.Limit))
            {
                if (received.Length < claim.Limit)
                    received = received.AddRange(await transport.ReceiveAsync(new TransportReceive([few.Task], Math.Min(few.Free, claim.Limit - received.Length), TimeSpan.Zero), cancellationToken));
            }

            ImmutableArray<string> ample = [.. claim.Tasks.Where(t => t.Free >= claim.Limit).Select(t => t.Task)];
            if (!ample.IsEmpty && received.Length < claim.Limit)
                received = received.AddRange(await transport.ReceiveAsync(new TransportReceive(ample, claim.Limit - received.Length, TimeSpan.Zero), cancellationToken));
            if (received.IsEmpty)
                received = await transport.ReceiveAsync(new TransportReceive([.. claim.Tasks.Where(t => t.Free > 0).Select(t => t.Task)], 1, LinkLook), cancellationToken);
            link.Succeeded();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested || !received.IsEmpty)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                listening = null;
                link.Failed(e);
            }

            return received.IsEmpty ? null : received;
        }

        return received;
    }

    private async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(TaskClaim claim, ImmutableArray<ReceivedMessage> received)
    {
        var read = received.Select(m => (m.Receipt, Task: TaskTicket.Read(m.Body))).ToList();
        foreach (var (receipt, _) in read.Where(r => r.Task is null))
            log.LogError("A message in the queue of {Task} is no task of this platform; it is put aside", receipt.Group);
        try
        {
            return await store.TakeAsync([.. read.Select(r => r.Task).OfType<TaskReservation>()], claim.Worker, claim.Lease, CancellationToken.None);
        }
        finally
        {
            // Also when the store did not answer: the reservation ends, and the task is sent anew.
            foreach (var (receipt, task) in read)
                acknowledgements.Post(receipt with { Unreadable = task is null });
        }
    }

    private async ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts)
    {
        try
        {
            if (link.Current is { } transport)
                await transport.AcknowledgeAsync(receipts, CancellationToken.None);
        }
        catch (Exception e)
        {
            // The engine hands them out again, and they are found begun.
            link.Failed(e);
        }
    }
}
