using System.Diagnostics;

namespace Nexus;

/// <summary>
/// The platform's spans. A listener (OpenTelemetry, <see cref="ActivityListener"/>) subscribes to <see cref="SourceName"/>; without one, a span costs one check.
/// A request through a plugin has, in this order: <see cref="Gateway"/>, below it <see cref="Routing"/> and <see cref="Plugin"/>, below that
/// <see cref="ServiceCall"/>, the storage spans and <see cref="EventPublish"/>, as the plugin calls them.
/// </summary>
public static class NexusTracing
{
    /// <summary>Name of the source.</summary>
    public const string SourceName = "Nexus";

    /// <summary>A request from its first to its last stage. Tags: <c>http.request.method</c>, <c>url.path</c>, <c>http.route</c>, <c>http.response.status_code</c>, <c>nexus.request_id</c>.</summary>
    public const string Gateway = "gateway";

    /// <summary>From the end of the common stages to the handler that was chosen.</summary>
    public const string Routing = "routing";

    /// <summary>The handler of a plugin with the plugins' middleware around it. Tags: <c>nexus.plugin</c>, <c>http.route</c>.</summary>
    public const string Plugin = "plugin";

    /// <summary>A call of another plugin's service. Tags: <c>nexus.contract</c>, <c>nexus.plugin</c> (the provider).</summary>
    public const string ServiceCall = "service.call";

    /// <summary>The read of one record. Tag: <c>nexus.table</c>.</summary>
    public const string StorageFind = "storage.find";

    /// <summary>The read of a page of records. Tag: <c>nexus.table</c>.</summary>
    public const string StorageQuery = "storage.query";

    /// <summary>An atomic write. Tags: <c>nexus.writes</c>, <c>nexus.events</c>: how many records and events.</summary>
    public const string StorageCommit = "storage.commit";

    /// <summary>The publication of events; of a durable one it contains the commit. Tags: <c>nexus.event</c>, <c>nexus.delivery</c>.</summary>
    public const string EventPublish = "event.publish";

    /// <summary>The run of an event's handler. Its parent is the publication, also on another node and after a restart. Tags: <c>nexus.event</c>, <c>nexus.plugin</c>, <c>nexus.attempt</c>.</summary>
    public const string EventHandle = "event.handle";

    /// <summary>The request for tasks. Tag: <c>nexus.task</c>.</summary>
    public const string TaskEnqueue = "task.enqueue";

    /// <summary>A try of a task. Its parent is the request for it, also on another node. Tags: <c>nexus.task</c>, <c>nexus.attempt</c>.</summary>
    public const string TaskRun = "task.run";

    /// <summary>A statement of a plugin on its own database. Tags: <c>nexus.plugin</c>, <c>db.system.name</c>, <c>db.query.text</c> (without literals; parameters are never there).</summary>
    public const string SqlStatement = "sql.statement";

    /// <summary>A unit of work of a plugin on its own database. Tags: <c>nexus.plugin</c>, <c>db.system.name</c>.</summary>
    public const string SqlWrite = "sql.write";

    /// <summary>The delivery of an event to a webhook. Tags: <c>server.address</c>, <c>http.response.status_code</c>.</summary>
    public const string WebhookSend = "webhook.send";

    /// <summary>Name of the header of an event that carries the span in which it was published, and of the W3C header.</summary>
    public const string ParentHeader = "traceparent";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether anybody listens.</summary>
    public static bool IsListenedTo => Source.HasListeners();

    /// <summary>Starts a span below the current one; null when nobody listens or wants it.</summary>
    public static Activity? Start(string name) => Source.StartActivity(name);

    /// <summary>The current span in the W3C form, for what goes on in another flow, process or time; null when there is none.</summary>
    public static string? Parent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;

    /// <summary>Starts the span of work that another flow, process or time has asked for; null when nobody listens or wants it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="parent">What <see cref="Parent"/> was there; null or unreadable begins a trace of its own.</param>
    public static Activity? StartRemote(string name, ActivityKind kind, string? parent)
    {
        if (!Source.HasListeners())
            return null;
        // The flow may still have a span of the loop that took the work up: it is not what asked for it.
        Activity.Current = null;
        return Source.StartActivity(name, kind, ActivityContext.TryParse(parent, null, isRemote: true, out var context) ? context : default);
    }

    /// <summary>Starts the span of a request that may belong to a trace of its caller.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="traceParent">W3C <c>traceparent</c> of the caller, or null; one that cannot be read is ignored.</param>
    /// <param name="traceState">W3C <c>tracestate</c>, or null.</param>
    public static Activity? StartServer(string name, string? traceParent, string? traceState) =>
        Activity.Current is null && ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var parent)
            ? Source.StartActivity(name, ActivityKind.Server, parent)
            : Source.StartActivity(name, ActivityKind.Server);
}
