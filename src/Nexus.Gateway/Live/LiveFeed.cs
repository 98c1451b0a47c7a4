using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Live;

/// <summary>Draws the messages of live updates from the one feed of changes: who asks is checked, and every record leaves as REST would send it.</summary>
internal sealed class LiveFeed(ChangeFeed changes, RecordFeed records, IPlugins plugins, IAuthorization authorization, RoutePermissions permissions, ServerSettings settings, EventSight sight, IServiceProvider host)
{
    private const string EventPermission = "platform.events:read";

    /// <summary>The plugins whose resources are followed.</summary>
    public IPlugins Plugins => plugins;

    /// <summary>Opens a subscription.</summary>
    /// <exception cref="NexusException">The wish names what is not there, or the caller may not have it.</exception>
    public async ValueTask<LiveSubscription> OpenAsync(LiveWish wish, CallContext context, int capacity, CancellationToken cancellationToken)
    {
        if (wish.Events is { } pattern)
        {
            await DemandEventsAsync(context, cancellationToken);
            return new LiveSubscription(await changes.OpenAsync(new ChangeWish(context.Tenant, EventPattern.Parse(pattern)) { After = wish.After, Capacity = capacity }, cancellationToken), null, []) { Where = wish.Where };
        }
        var (record, fields) = await ReadAsync(wish, context, cancellationToken);
        record = record with { Capacity = capacity };
        return new LiveSubscription(await records.OpenAsync(record, context, cancellationToken), record, fields);
    }

    /// <summary>Some of what happened as the caller sees it now, each as the members of a message.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>: the caller may not have it any more.</exception>
    public async ValueTask<IReadOnlyList<LiveEvent>> DescribeAsync(LiveSubscription subscription, IReadOnlyList<Change> batch, CallContext caller, CancellationToken cancellationToken)
    {
        if (subscription.Wish is not { } wish)
        {
            await DemandEventsAsync(caller, cancellationToken);
            var shown = await sight.ShowAsync([.. batch.Select(change => change.Message)], caller, cancellationToken);
            return [.. batch.Select((change, i) => change with { Message = shown[i] }).Where(change => EventSight.Fits(subscription.Where, change.Message)).Select(Describe)];
        }
        var told = new List<LiveEvent>(batch.Count);
        foreach (var seen in await records.SeenAsync(wish, caller, batch, cancellationToken))
        {
            if (Describe(wish, subscription.Fields, seen) is { } described)
                told.Add(described);
        }
        return told;
    }

    /// <summary>A plugin and one of its resources by <c>plugin.name</c>; a lazy plugin is brought up for who may use it.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>, or <c>PERMISSION_DENIED</c>: the plugin sleeps, and the caller may use nothing of it.</exception>
    public async ValueTask<(ActivePlugin Plugin, ResourceDescriptor Resource)> FindAsync(string name, CallContext context, CancellationToken cancellationToken)
    {
        var (plugin, resource) = Split(name);
        if (plugins.Current.Inactive.FirstOrDefault(manifest => manifest.Name == plugin) is { } sleeping && host.GetService<IPluginActivation>() is { } activation)
        {
            if (await permissions.MissingAsync(sleeping, context, cancellationToken) is { } missing)
                throw new NexusException(ErrorCodes.PermissionDenied, $"{context.Caller.Name} lacks every permission that {plugin} asks for, such as {missing}.");
            await activation.ActivateAsync(sleeping.RoutePrefix + "/", cancellationToken);
        }
        return plugins.Current.Find(plugin) is { } active && active.Resources.FirstOrDefault(one => one.Name == resource) is { } found
            ? (active, found)
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no resource {name}; resources are named plugin.name, such as sales.orders.");
    }

    /// <summary>Where a failure comes from, as a caller may see it; null otherwise.</summary>
    public async ValueTask<FailureOrigin?> OriginAsync(CallContext context, Exception failure, CancellationToken cancellationToken) =>
        FailureOrigin.Find(failure) is { } origin && await Origins.MayAsync(authorization, context, cancellationToken) ? origin : null;

    /// <summary>Leaves out of a record what no caller sees, and what was not asked for.</summary>
    public JsonProjection? Projection(ResourceDescriptor resource, ImmutableArray<string> fields) =>
        JsonProjection.For(resource, settings.Current.HiddenFields) is var always && fields.IsEmpty ? always : JsonProjection.Of(always, fields);

    private static (string Plugin, string Resource) Split(string name) =>
        name.LastIndexOf('.') is > 0 and var dot ? (name[..dot], name[(dot + 1)..]) : ("", name);

    private static LiveEvent Describe(Change change)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("event", change.Message.Name);
            json.WritePropertyName("message");
            EventJson.Write(json, change.Message, change.At, null);
            json.WriteEndObject();
        }
        return new LiveEvent(Text(change.At), buffer.WrittenMemory);
    }

    private LiveEvent? Describe(RecordWish wish, ImmutableArray<string> fields, SeenChange seen)
    {
        if (plugins.Current.Find(wish.Plugin)?.Resources.FirstOrDefault(one => one.Name == wish.Resource) is not { } resource)
            return null;
        var message = seen.Change.Message;
        var buffer = new ArrayBufferWriter<byte>(256 + (seen.Record?.Json.Length ?? 0));
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("event", message.Name);
            json.WriteString("verb", seen.Verb);
            json.WriteString("recordId", seen.Id);
            json.WriteString("occurredAt", message.OccurredAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            json.WritePropertyName("record");
            if (seen.Record is { } record)
                json.WriteRawValue((Projection(resource, fields)?.Apply(record.Json) ?? record.Json).Span, skipInputValidation: true);
            else
                json.WriteNullValue();
            json.WriteEndObject();
        }
        return new LiveEvent(Text(seen.Change.At), buffer.WrittenMemory);
    }

    private static string? Text(long? at) => at?.ToString(CultureInfo.InvariantCulture);

    private async ValueTask<(RecordWish Wish, ImmutableArray<string> Fields)> ReadAsync(LiveWish wish, CallContext context, CancellationToken cancellationToken)
    {
        var (plugin, resource) = await FindAsync(wish.Resource!, context, cancellationToken);
        var list = ListRequest.Read(resource, wish.Query);
        return (new RecordWish(plugin.Manifest.Name, resource.Name) { Record = wish.Record, Verbs = wish.Verbs, Filter = list.Query.Filter, After = wish.After }, list.Fields);
    }

    private async ValueTask DemandEventsAsync(CallContext context, CancellationToken cancellationToken)
    {
        var decision = await authorization.DecideAsync(context, EventPermission, cancellationToken);
        if (decision.Scope == AccessScope.None)
            throw (decision with { Reason = $"Events by name need it; changes of a resource need that to read it. {decision.Reason}" }).Refusal(context, EventPermission);
    }
}

/// <summary>An open subscription.</summary>
/// <param name="Changes">What it reads.</param>
/// <param name="Wish">The records it is about; null for events by name.</param>
/// <param name="Fields">Fields of them to send; empty for all.</param>
internal sealed record LiveSubscription(ChangeSubscription Changes, RecordWish? Wish, ImmutableArray<string> Fields) : IDisposable
{
    /// <summary>Only events whose data match; null for all.</summary>
    public Filter? Where { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Changes.Dispose();
}

/// <summary>Something to tell.</summary>
/// <param name="At">Its position; null for what is not stored.</param>
/// <param name="Json">A JSON object.</param>
internal readonly record struct LiveEvent(string? At, ReadOnlyMemory<byte> Json);
