using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Notifications;

/// <summary>Draws what concerns a person from what the platform keeps anyway: nothing is stored for it, and what somebody may not read any more is not told any more.</summary>
internal sealed class NotificationFeed(IServiceProvider host, IPlugins plugins, IAuthorization authorization)
{
    private const int Most = 50;

    /// <summary>As far back as is looked for what is one person's among that of many.</summary>
    private const int Searched = 200;

    private const int OfOneSource = 20;

    /// <summary>The newest first.</summary>
    public async ValueTask<ImmutableArray<Notification>> ReadAsync(CallContext caller, CancellationToken cancellationToken)
    {
        var found = new List<Notification>();
        await AddTasksAsync(found, caller, cancellationToken);
        var events = (IEventHistory?)host.GetService<IEventLog>() ?? host.GetService<IEventStore>();
        if (events is not null)
            await AddAccountAsync(found, events, caller, cancellationToken);
        if (await MayAsync(caller, "platform.plugins:read", cancellationToken))
            await AddPluginsAsync(found, events, cancellationToken);
        if (events is not null && await MayAsync(caller, "platform.events:read", cancellationToken))
            await AddDeadLettersAsync(found, events, caller, cancellationToken);
        return [.. found.OrderByDescending(n => n.At).ThenBy(n => n.Id, StringComparer.Ordinal).Take(Most)];
    }

    private async ValueTask<bool> MayAsync(CallContext caller, string permission, CancellationToken cancellationToken) =>
        (await authorization.DecideAsync(caller, permission, cancellationToken)).Scope != AccessScope.None;

    /// <summary>Tasks that the person asked for and that are over.</summary>
    private async ValueTask AddTasksAsync(List<Notification> found, CallContext caller, CancellationToken cancellationToken)
    {
        if (host.GetService<ITasks>() is not { } tasks)
            return;
        foreach (var task in await tasks.ListAsync(new TaskQuery { Tenant = caller.Tenant, Limit = Searched }, cancellationToken))
        {
            if (task.CreatedBy != caller.Caller.Id || task.Schedule is not null || task.State is not (TaskState.Success or TaskState.Failure))
                continue;
            var isDone = task.State == TaskState.Success;
            found.Add(new Notification($"task:{task.Id}:{task.Attempt}", isDone ? "task.done" : "task.failed", task.FinishedAt ?? task.CreatedAt, task.Id.ToString(), task.Task, isDone ? null : task.Error));
        }
    }

    /// <summary>What was done to the person's own account.</summary>
    private static async ValueTask AddAccountAsync(List<Notification> found, IEventHistory events, CallContext caller, CancellationToken cancellationToken)
    {
        const string Prefix = "user.security.";
        var page = await events.ReadAsync(new EventQuery { Pattern = Prefix + "*", Tenant = caller.Tenant, Newest = true, Limit = Searched }, cancellationToken);
        foreach (var message in page.Events.Select(e => e.Message).Where(m => m.Key == caller.Caller.Id).Take(OfOneSource))
            found.Add(new Notification($"event:{message.Id}", "account." + message.Name[Prefix.Length..], message.OccurredAt, caller.Caller.Id, caller.Caller.Name));
    }

    private async ValueTask AddPluginsAsync(List<Notification> found, IEventHistory? events, CancellationToken cancellationToken)
    {
        foreach (var plugin in plugins.List().Where(p => p.State == PluginState.Quarantined))
            found.Add(new Notification($"plugin:{plugin.Id}:{plugin.Since.UtcTicks}", "plugin.quarantined", plugin.Since, plugin.Id, plugin.Id, plugin.Cause));
        if (events is null)
            return;
        var page = await events.ReadAsync(new EventQuery { Pattern = "plugin.error", Tenant = CallContext.DefaultTenant, Newest = true, Limit = OfOneSource }, cancellationToken);
        foreach (var message in page.Events.Select(e => e.Message))
        {
            var (id, state, detail) = Told(message);
            // Where it is quarantined still, that was said above.
            if (id is not null && state != nameof(PluginState.Quarantined))
                found.Add(new Notification($"event:{message.Id}", "plugin.failed", message.OccurredAt, id, id, detail));
        }
    }

    private static async ValueTask AddDeadLettersAsync(List<Notification> found, IEventHistory events, CallContext caller, CancellationToken cancellationToken)
    {
        var dead = await events.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Limit: Searched, Tenant: caller.Tenant), cancellationToken);
        foreach (var letter in dead.OrderByDescending(d => d.Message.OccurredAt).Take(OfOneSource))
            found.Add(new Notification($"dead:{letter.Message.Id}:{letter.Group}", "event.dead", letter.Message.OccurredAt, letter.Message.Id.ToString(), letter.Message.Name, letter.Message.IsSealed() ? letter.Group : $"{letter.Group}: {letter.LastError}"));
    }

    private static (string? Id, string? State, string? Detail) Told(EventMessage message)
    {
        try
        {
            using var data = JsonDocument.Parse(message.Data);
            string? Text(string name) => data.RootElement.ValueKind == JsonValueKind.Object && data.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            return (Text("id"), Text("state"), Text("detail"));
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
