using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>Declares event handlers. Each gets events at least once, also those published while the plugin was off; <c>handler => handler with { Durable = false }</c> asks for a lossy one instead.</summary>
public static class EventPluginExtensions
{
    /// <summary>Handles typed events.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="handle">The handler; throwing means that this try failed.</param>
    /// <param name="adjust">Changes priority, group, filter, tries, time limit; <c>handler => handler with { Priority = 10 }</c>.</param>
    public static IPluginBuilder On<TEvent>(this IPluginBuilder plugin, Func<TEvent, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null) =>
        plugin.Handle(TypedEvent<TEvent>.Name, (_, context, ct) => new ValueTask(handle(TypedEvent<TEvent>.FromMessage(context.Message), ct)), adjust);

    /// <summary>Handles typed events with a scope of the plugin's own services.</summary>
    public static IPluginBuilder On<TEvent>(this IPluginBuilder plugin, Func<IServiceProvider, TEvent, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null) =>
        plugin.Handle(TypedEvent<TEvent>.Name, (services, context, ct) => new ValueTask(handle(services, TypedEvent<TEvent>.FromMessage(context.Message), ct)), adjust);

    /// <summary>Handles typed events with services and the delivery: its id, try, cancellation, settlement.</summary>
    public static IPluginBuilder On<TEvent>(this IPluginBuilder plugin, Func<IServiceProvider, TEvent, EventContext, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null) =>
        plugin.Handle(TypedEvent<TEvent>.Name, (services, context, ct) => new ValueTask(handle(services, TypedEvent<TEvent>.FromMessage(context.Message), context, ct)), adjust);

    /// <summary>Handles events of a name or pattern (<c>orders.created</c>, <c>orders.*</c>, <c>*.failed</c>, <c>*</c>).</summary>
    public static IPluginBuilder On(this IPluginBuilder plugin, string pattern, Func<EventContext, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null) =>
        plugin.Handle(pattern, (_, context, ct) => new ValueTask(handle(context, ct)), adjust);

    /// <summary>Handles events of a name or pattern with a scope of the plugin's own services.</summary>
    public static IPluginBuilder On(this IPluginBuilder plugin, string pattern, Func<IServiceProvider, EventContext, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null) =>
        plugin.Handle(pattern, (services, context, ct) => new ValueTask(handle(services, context, ct)), adjust);

    /// <summary>Handles events of a name or pattern several at once: up to <paramref name="size"/> of those that wait, of one tenant, and of one key never more than one. What the handler writes is committed once for all of them; when it fails, each is tried by itself, so that one that cannot be handled holds up no other.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="pattern">Event name or pattern.</param>
    /// <param name="size">Greatest number of events at once, from 1.</param>
    /// <param name="handle">The handler, with a scope of the plugin's own services.</param>
    /// <param name="adjust">Changes priority, group, filter, tries, time limit.</param>
    public static IPluginBuilder OnBatch(this IPluginBuilder plugin, string pattern, int size, Func<IServiceProvider, ImmutableArray<EventContext>, CancellationToken, Task> handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust = null)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return plugin.Handle(pattern, (services, context, ct) => new ValueTask(handle(services, [context], ct)), declared =>
        {
            var batched = declared with { BatchSize = size, HandleBatch = (services, contexts, ct) => new ValueTask(handle(services, contexts, ct)) };
            return adjust?.Invoke(batched) ?? batched;
        });
    }

    private static IPluginBuilder Handle(this IPluginBuilder plugin, string pattern, EventHandlerDelegate handle, Func<SubscriptionDescriptor, SubscriptionDescriptor>? adjust)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        EventPattern.Parse(pattern);
        var ordinal = 1 + plugin.Services.Count(s => s.ImplementationInstance is SubscriptionContribution other && other.Descriptor.Pattern == pattern);
        var declared = new SubscriptionDescriptor { Pattern = pattern, Group = $"{plugin.Id}/{pattern}{(ordinal == 1 ? "" : $"/{ordinal}")}", Handle = handle };
        return plugin.Contribute(new SubscriptionContribution(adjust?.Invoke(declared) ?? declared));
    }
}
