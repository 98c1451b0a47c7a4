using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Notifications;

/// <summary>Says when something may concern a person, so that what is shown is read anew, where permissions are asked. Listens to what happens only while somebody watches. Thread-safe.</summary>
internal sealed class NotificationWatch(IServiceProvider host)
{
    private static readonly EventPattern[] Topics = [EventPattern.Parse("task.*"), EventPattern.Parse("event.dead")];
    private readonly Lock gate = new();
    private volatile Watcher[] watchers = [];
    private IDisposable?[] listening = [];

    /// <summary>Calls when something may concern the caller, until the answer is disposed.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="told">Neither waits nor throws.</param>
    public IDisposable Watch(CallContext caller, Action told)
    {
        var watcher = new Watcher(this, caller.Tenant, caller.Caller.Id, told);
        lock (gate)
        {
            watchers = [.. watchers, watcher];
            if (watchers.Length == 1)
            {
                var topics = host.GetService<ISystemEvents>();
                listening = [host.GetService<IEventTail>()?.Follow(Take), .. Topics.Select(topic => topics?.Listen(topic))];
            }
        }

        return watcher;
    }

    private void Take(EventMessage message, long? position)
    {
        if (message.Name.StartsWith("plugin.", StringComparison.Ordinal))
            Tell(null, null);
        else if (message.Name.StartsWith("user.security.", StringComparison.Ordinal))
            Tell(message.Tenant, message.Key);
        else if (message.Name is "task.completed" or "task.failed")
            Tell(message.Tenant, AskedBy(message));
        else if (message.Name == "event.dead")
            Tell(message.Tenant, null);
    }

    /// <summary>Tells one person of a tenant, or all of it, or of all tenants.</summary>
    private void Tell(string? tenant, string? person)
    {
        foreach (var watcher in watchers)
        {
            if ((tenant is null || watcher.Tenant == tenant) && (person is null || watcher.Person == person))
                watcher.Told();
        }
    }

    private static string AskedBy(EventMessage message)
    {
        try
        {
            using var data = JsonDocument.Parse(message.Data);
            return data.RootElement.ValueKind == JsonValueKind.Object && data.RootElement.TryGetProperty("createdBy", out var by) && by.ValueKind == JsonValueKind.String ? by.GetString()! : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private void Remove(Watcher watcher)
    {
        IDisposable?[] idle = [];
        lock (gate)
        {
            watchers = [.. watchers.Where(w => w != watcher)];
            if (watchers.Length == 0)
                (idle, listening) = (listening, []);
        }

        foreach (var one in idle)
            one?.Dispose();
    }

    private sealed class Watcher(NotificationWatch owner, string tenant, string person, Action told) : IDisposable
    {
        public string Tenant => tenant;

        public string Person => person;

        public Action Told => told;

        public void Dispose() => owner.Remove(this);
    }
}
