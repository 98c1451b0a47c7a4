using System.Text.Json;

namespace Nexus.Data.Measuring;

/// <summary>Tells <c>data.created</c>, <c>data.updated</c> and <c>data.deleted</c> of records of resources: those that a commit changes together with their own event.</summary>
internal sealed class DataEvents(Listeners listeners) : ICommitListener
{
    public void Committed(WriteBatch batch)
    {
        if (listeners.To(SystemTopic.Data) is not { } events)
            return;
        var writes = batch.Writes.Where(w => w.Key.Table.Contains('.', StringComparison.Ordinal)).ToLookup(w => w.Key.Table, StringComparer.Ordinal);
        foreach (var told in batch.Events.GroupBy(e => e.Name[..e.Name.LastIndexOf('.')], StringComparer.Ordinal))
        {
            // A record and its event stand at the same place among those of their resource.
            foreach (var (message, write) in told.Zip(writes[told.Key]))
            {
                var verb = write.Record is null ? "deleted" : message.Name.EndsWith(".created", StringComparison.Ordinal) ? "created" : "updated";
                events.Tell($"data.{verb}", JsonSerializer.SerializeToUtf8Bytes(new { resource = told.Key, id = write.Key.Id, @event = message.Id }), new CallContext(CallContext.Current.Caller, write.Key.Tenant, message.CorrelationId ?? CallContext.Current.CorrelationId));
            }
        }
    }
}
