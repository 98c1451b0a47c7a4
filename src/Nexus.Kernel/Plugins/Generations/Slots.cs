using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>
/// The host's side of a generation's delegates. Rooms keep what they were given for as long as they like (route tables, schema
/// caches, idle connections), so they are never given a plugin's own delegate but one that can be cut off at unload.
/// </summary>
internal sealed class Slots
{
    private readonly List<Action> cuts = [];

    public void Cut()
    {
        cuts.ForEach(cut => cut());
        cuts.Clear();
    }

    public RequestDelegate Wrap(RequestDelegate target)
    {
        var slot = Open(target);
        return context => slot.Target(context);
    }

    public MiddlewareContribution Wrap(MiddlewareContribution middleware)
    {
        var slot = Open(middleware.Invoke);
        return new MiddlewareContribution(middleware.Order, (context, next) => slot.Target(context, next));
    }

    public AuthenticationContribution Wrap(AuthenticationContribution strategy)
    {
        var slot = Open(strategy.Authenticate);
        return strategy with { Authenticate = (credentials, token) => slot.Target(credentials, token) };
    }

    public AuthorizationContribution Wrap(AuthorizationContribution policy)
    {
        var slot = Open(policy.Decide);
        return new AuthorizationContribution((context, permission, token) => slot.Target(context, permission, token));
    }

    public MailContribution Wrap(MailContribution mail)
    {
        var slot = Open(mail.Queue);
        return new MailContribution((plugin, letter, token) => slot.Target(plugin, letter, token));
    }

    public PictureContribution Wrap(PictureContribution pictures)
    {
        var slot = Open(pictures.Scale);
        return new PictureContribution((original, width, scaled, token) => slot.Target(original, width, scaled, token));
    }

    public SubscriptionDescriptor Wrap(SubscriptionDescriptor subscription)
    {
        var slot = Open(subscription.Handle);
        return subscription with { Handle = (services, context, token) => slot.Target(services, context, token) };
    }

    public TaskDescriptor Wrap(TaskDescriptor task)
    {
        var slot = Open(task.Handle);
        return task with { Handle = (services, context, token) => slot.Target(services, context, token) };
    }

    public ToolDescriptor Wrap(ToolDescriptor tool)
    {
        var slot = Open(tool.Run);
        return tool with { Run = (services, input, token) => slot.Target(services, input, token) };
    }

    public ProvidedServiceDescriptor Wrap(ProvidedServiceDescriptor service)
    {
        var resolve = Open(service.Resolve);
        var dispatch = Open(service.Dispatch);
        return service with
        {
            Resolve = services => resolve.Target(services),
            Dispatch = (implementation, method, arguments, token) => dispatch.Target(implementation, method, arguments, token),
        };
    }

    public SharedPorts Wrap(SharedPorts ports, IGeneration lease) => new(ports.Name)
    {
        Cache = ports.Cache is { } cache ? Keep(new SharedSlots.Level(cache, lease)) : null,
        Broadcast = ports.Broadcast is { } broadcast ? Keep(new SharedSlots.Broadcast(broadcast, lease)) : null,
        Leases = ports.Leases is { } leases ? Keep(new SharedSlots.Leases(leases, lease)) : null,
        Limits = ports.Limits is { } limits ? Keep(new SharedSlots.Limits(limits, lease)) : null,
        Events = ports.Events is { } events ? Keep(new SharedSlots.Transport(events, lease)) : null,
        Tasks = ports.Tasks is { } tasks ? Keep(new SharedSlots.Transport(tasks, lease)) : null,
        Transport = ports.Transport is { } transport ? Keep(new SharedSlots.Passing(transport, lease)) : null,
    };

    public ResourceDescriptor Wrap(ResourceDescriptor resource) => resource with
    {
        BeforeWrite = resource.BeforeWrite is { } hook ? Wrap(hook) : null,
        Upgrade = resource.Upgrade is { } upgrade ? Wrap(upgrade) : null,
        Actions = [.. resource.Actions.Select(a => a with { Run = Wrap(a.Run) })],
    };

    private RecordHook Wrap(RecordHook hook)
    {
        var slot = Open(hook);
        return (services, change, token) => slot.Target(services, change, token);
    }

    private RecordUpgrade Wrap(RecordUpgrade upgrade)
    {
        var slot = Open(upgrade);
        return (from, fields) => slot.Target(from, fields);
    }

    private T Keep<T>(T slot)
        where T : SharedSlots.ICut
    {
        cuts.Add(slot.Cut);
        return slot;
    }

    private Slot<T> Open<T>(T target)
        where T : Delegate
    {
        var slot = new Slot<T>(target);
        cuts.Add(slot.Cut);
        return slot;
    }

    private sealed class Slot<T>(T target)
        where T : Delegate
    {
        private T? target = target;

        public T Target => target ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This version of the plugin has been unloaded.");

        public void Cut() => target = null;
    }
}
