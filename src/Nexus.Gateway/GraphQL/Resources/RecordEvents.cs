using System.Runtime.CompilerServices;
using Nexus.Gateway.Changes;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Subscriptions on the events of resources, drawn from the one feed of changes: a caller is told of records that it may read.</summary>
internal sealed class RecordEvents(RecordFeed feed)
{
    /// <summary>Adds the field of a resource to the subscription type.</summary>
    public void Add(ObjectType subscription, BoundResource resource, ObjectType record)
    {
        var type = new ObjectType(resource.TypeName + "Event", $"Something that happened to a {resource.Descriptor.Singular}.");
        type.TryAdd(new FieldType("name", Scalars.String.NonNull) { Description = "Name of the event.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.Name });
        type.TryAdd(new FieldType("verb", Scalars.String.NonNull) { Description = "Its last word: created, updated, deleted, or an action.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.Name is var name ? name[(name.LastIndexOf('.') + 1)..] : null });
        type.TryAdd(new FieldType("id", Scalars.Id.NonNull) { Description = "The record.", Resolve = static (source, _, _) => ((RecordEvent)source!).Id });
        type.TryAdd(new FieldType("occurredAt", FieldScalars.DateTime.NonNull) { Description = "When it happened.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.OccurredAt.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture) });
        type.TryAdd(new FieldType("record", record) { Description = "The record as it is now; null when it is gone.", Resolve = static (source, _, _) => ((RecordEvent)source!).Record });
        var (plugin, name) = (resource.Descriptor.Plugin, resource.Descriptor.Name);
        subscription.TryAdd(new FieldType(GraphNames.One(resource.Descriptor) + "Events", type.NonNull)
        {
            Description = $"What happens to {resource.Descriptor.Name}.",
            Arguments = [new InputField("id", Scalars.Id) { Description = "Only what happens to this record." }, new InputField("verbs", Scalars.String.NonNull.List) { Description = "Only these: created, updated, deleted, or names of actions." }],
            Resolve = static (source, _, _) => source,
            // Names only between events, so that a plugin can be replaced while somebody listens.
            Subscribe = (arguments, run) => FollowAsync(new RecordWish(plugin, name) { Record = (string?)arguments["id"], Verbs = [.. (arguments["verbs"] as object?[] ?? []).Cast<string>()] }, (SurfaceCall)run.Context!, run.Cancellation),
        });
    }

    private async IAsyncEnumerable<object> FollowAsync(RecordWish wish, SurfaceCall call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var subscription = await feed.OpenAsync(wish, call.Now(), cancellationToken);
        await foreach (var seen in feed.ReadAsync(subscription, wish, call.Now, cancellationToken))
            yield return new RecordEvent(seen.Change.Message, seen.Id, seen.Record is { } stored ? new Record(stored) : null);
    }
}
