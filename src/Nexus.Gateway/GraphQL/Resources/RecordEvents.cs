using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Subscriptions on the events of resources. A caller is told of records that it may read, and of deletions when it may read all.</summary>
internal sealed class RecordEvents(IServiceProvider host, IResourceOperations operations, IAuthorization authorization)
{
    private const int MaxWaiting = 256;

    /// <summary>Adds the field of a resource to the subscription type.</summary>
    public void Add(ObjectType subscription, BoundResource resource, ObjectType record)
    {
        var type = new ObjectType(resource.TypeName + "Event", $"Something that happened to a {resource.Descriptor.Singular}.");
        type.TryAdd(new FieldType("name", Scalars.String.NonNull) { Description = "Name of the event.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.Name });
        type.TryAdd(new FieldType("verb", Scalars.String.NonNull) { Description = "Its last word: created, updated, deleted, or an action.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.Name is var name ? name[(name.LastIndexOf('.') + 1)..] : null });
        type.TryAdd(new FieldType("id", Scalars.Id.NonNull) { Description = "The record.", Resolve = static (source, _, _) => ((RecordEvent)source!).Id });
        type.TryAdd(new FieldType("occurredAt", FieldScalars.DateTime.NonNull) { Description = "When it happened.", Resolve = static (source, _, _) => ((RecordEvent)source!).Message.OccurredAt.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture) });
        type.TryAdd(new FieldType("record", record) { Description = "The record as it is now; null when it is gone.", Resolve = static (source, _, _) => ((RecordEvent)source!).Record });
        var pattern = resource.Descriptor.EventFor("*");
        var (plugin, name) = (resource.Descriptor.Plugin, resource.Descriptor.Name);
        subscription.TryAdd(new FieldType(GraphNames.One(resource.Descriptor) + "Events", type.NonNull)
        {
            Description = $"What happens to {resource.Descriptor.Name}.",
            Arguments = [new InputField("id", Scalars.Id) { Description = "Only what happens to this record." }, new InputField("verbs", Scalars.String.NonNull.List) { Description = "Only these: created, updated, deleted, or names of actions." }],
            Resolve = static (source, _, _) => source,
            Subscribe = (arguments, run) => FollowAsync(new Wish(plugin, name, pattern, (string?)arguments["id"], (arguments["verbs"] as object?[])?.Cast<string>().ToArray()), ((SurfaceCall)run.Context!).Context, run.Cancellation),
        });
    }

    /// <summary>Holds names only between events, so that a plugin can be replaced while somebody listens.</summary>
    private async IAsyncEnumerable<object> FollowAsync(Wish wish, CallContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var permission = $"{wish.Plugin}.{wish.Resource}:read";
        var decision = await authorization.DecideAsync(context, permission, cancellationToken);
        if (decision.Scope == AccessScope.None)
            throw new NexusException(ReferenceEquals(context.Caller, Caller.Anonymous) ? ErrorCodes.AuthenticationRequired : ErrorCodes.PermissionDenied, $"This needs the permission {permission}. {decision.Reason}");
        var bus = host.GetService<IEvents>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no event bus.");
        var waiting = Channel.CreateBounded<EventMessage>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.Wait });
        using var subscription = bus.Subscribe(new SubscriptionDescriptor
        {
            Pattern = wish.Pattern,
            Group = $"graphql-{Guid.CreateVersion7():N}",
            Durable = false,
            Handle = (_, told, _) =>
            {
                // A listener that does not keep up is told so, rather than events being left out in silence.
                if (told.Message.Tenant == context.Tenant && !waiting.Writer.TryWrite(told.Message))
                    waiting.Writer.TryComplete(new NexusException(ErrorCodes.RateLimited, $"More than {MaxWaiting} events wait for this subscriber; it was too slow and is ended."));
                return ValueTask.CompletedTask;
            },
        });
        await foreach (var message in waiting.Reader.ReadAllAsync(cancellationToken))
        {
            if (await SeenAsync(wish, context, message, cancellationToken) is { } seen)
                yield return seen;
        }
    }

    private async ValueTask<RecordEvent?> SeenAsync(Wish wish, CallContext context, EventMessage message, CancellationToken cancellationToken)
    {
        if (wish.Verbs is not null && !wish.Verbs.Contains(message.Name[(message.Name.LastIndexOf('.') + 1)..]))
            return null;
        var data = JsonElement.Parse(message.Data.Span);
        if (data.ValueKind != JsonValueKind.Object || !data.TryGetProperty("id", out var named) || named.GetString() is not { } id || (wish.Id is not null && !string.Equals(wish.Id, id, StringComparison.OrdinalIgnoreCase)))
            return null;
        var plugin = host.GetRequiredService<IPlugins>().Current.Find(wish.Plugin);
        if (plugin?.Resources.FirstOrDefault(one => one.Name == wish.Resource) is not { } resource)
            return null;
        if (await operations.FindAsync(new ResourceCall(plugin, resource, context), id, cancellationToken) is { } stored)
            return new RecordEvent(message, id, new Record(stored));
        // What is gone cannot be asked for its owner.
        var decision = await authorization.DecideAsync(context, resource.PermissionFor("read"), cancellationToken);
        return decision.Scope == AccessScope.All ? new RecordEvent(message, id, null) : null;
    }

    /// <summary>What a subscriber wants to hear.</summary>
    private sealed record Wish(string Plugin, string Resource, string Pattern, string? Id, string[]? Verbs);
}
