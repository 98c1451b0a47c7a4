using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Platform;

/// <summary>Tasks for operators and programs: ask for, look at, follow, call off, retry. Callers see the tasks of their tenant.</summary>
internal sealed class TaskRoutes(IServiceProvider host, RequestBody bodies, TimeProvider time, IHostApplicationLifetime lifetime, OpenCallers callers) : IPlatformRoutes
{
    private const string Root = "/api/v1/tasks";
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listTasks", "Tasks, newest first", "platform.tasks:read", ListAsync) { Query = [("state", "PENDING, STARTED, SUCCESS, FAILURE or CANCELLED"), ("task", "of one name"), ("plugin", "of one plugin"), ("schedule", "fired by one schedule"), ("before", "only older ones than this task"), ("limit", "1 to 1000")], Answer = TaskJson.Form.Many() },
        new("POST", Root, "enqueueTask", "Ask for a task; with Prefer: wait=5 the answer is its end when it comes within so many seconds", "platform.tasks:create", EnqueueAsync)
        {
            Success = 202,
            Input = """{"type":"object","required":["task"],"properties":{"task":{"type":"string"},"input":{},"delaySeconds":{"type":"number","minimum":0},"dueAt":{"type":"string","format":"date-time"},"priority":{"type":"integer"},"key":{"type":"string"},"maxRetries":{"type":"integer","minimum":0}}}""",
            Answer = TaskJson.Form with { AlsoAt = [200] },
        },
        new("POST", Root + "/retry", "retryTasks", "Make failed tasks due again", "platform.tasks:update", RetryAllAsync) { Query = [("task", "of one name"), ("plugin", "of one plugin"), ("limit", "1 to 1000")], Answer = Answer.Of<TasksRetried>() },
        new("GET", Root + "/{id}", "getTask", "One task with its steps", "platform.tasks:read", GetAsync) { Answer = TaskJson.Form },
        new("DELETE", Root + "/{id}", "deleteTask", "Call a task off", "platform.tasks:update", CancelAsync) { Query = [("force", "cancel a running one at once, without waiting for it to stop")], Answer = TaskJson.Form with { AlsoAt = [202] } },
        new("POST", Root + "/{id}/cancel", "cancelTask", "Call a task off", "platform.tasks:update", CancelAsync) { Query = [("force", "cancel a running one at once, without waiting for it to stop")], Answer = TaskJson.Form with { AlsoAt = [202] } },
        new("POST", Root + "/{id}/retry", "retryTask", "Make a failed or cancelled task due again with all its tries", "platform.tasks:update", RetryAsync) { Success = 202, Answer = TaskJson.Form },
        new("GET", Root + "/{id}/result", "getTaskResult", "The result of a successful task", "platform.tasks:read", ResultAsync) { Answer = Answer.AnyJson },
        new("GET", Root + "/{id}/logs", "getTaskLogs", "What a task wrote to its log", "platform.tasks:read", LogsAsync) { Query = [("after", "only lines after this position")], Answer = Answer.Of<TaskLogLine[]>() },
        new("GET", Root + "/{id}/progress", "followTask", "Progress, log and end of a task as server-sent events; Last-Event-ID goes on after that line", "platform.tasks:read", context => new TaskStream(Tasks, callers, time).SendAsync(context, TaskOf, lifetime.ApplicationStopping)) { Streams = true },
    ];

    private ITasks Tasks => host.GetService<ITasks>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no task queue.");

    private ITaskHistory History => host.GetService<ITaskHistory>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no task queue.");

    private static string Tenant(HttpContext context) => GatewayRequest.Of(context).Context.Tenant;

    private async Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var found = await Tasks.ListAsync(
            new TaskQuery
            {
                Tenant = Tenant(context),
                State = State(query["state"].FirstOrDefault()),
                Task = query["task"].FirstOrDefault(),
                Plugin = query["plugin"].FirstOrDefault(),
                Schedule = query["schedule"].FirstOrDefault(),
                Before = query["before"] is [{ } before] ? Id(before) : null,
                Limit = Limit(context),
            },
            context.RequestAborted);
        if (found.Length == Limit(context))
            context.Response.Headers.Link = $"<{Root}?{string.Join('&', query.Where(p => p.Key != "before").Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value.ToString())}").Append($"before={found[^1].Id}"))}>; rel=\"next\"";
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var task in found)
                TaskJson.Write(json, task);
            json.WriteEndArray();
        });
    }

    private async Task EnqueueAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        var asked = Read(body);
        if (asked?.Task is not { Length: > 0 } name)
            throw new NexusException(ErrorCodes.ValidationError, "A task needs a name.") { Errors = [new FieldError("/task", "required", "task must be given, such as orders.nightly-report; /api/v1/tasks/types lists the names.")] };
        var id = await Tasks.EnqueueAsync(
            new NewTask(name)
            {
                Input = asked.Input is { } input ? Encoding.UTF8.GetBytes(input.GetRawText()) : "null"u8.ToArray(),
                DueAt = asked.DueAt,
                Delay = TimeSpan.FromSeconds(Math.Clamp(asked.DelaySeconds, 0, TimeSpan.FromDays(3650).TotalSeconds)),
                Priority = asked.Priority,
                Key = asked.Key,
                MaxRetries = asked.MaxRetries,
            },
            CancellationToken.None);
        await RecordAsync("platform.task.enqueued", id, new JsonObject { ["task"] = name });
        context.Response.Headers.Location = $"{Root}/{id}";
        var task = await Tasks.WaitAsync(id, Wait(context), time, context.RequestAborted);
        if (Wait(context) > TimeSpan.Zero)
            context.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={Wait(context).TotalSeconds}");
        await JsonAnswer.SendAsync(context, json => TaskJson.Write(json, task, whole: task.State.IsFinished()), task.State.IsFinished() ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
    }

    private async Task GetAsync(HttpContext context)
    {
        var task = await TaskOf(context);
        var log = await Tasks.ReadLogAsync(task.Id, 0, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json => TaskJson.Write(json, task, whole: true, [.. log.Where(l => l.Kind == "step")]));
    }

    private async Task CancelAsync(HttpContext context)
    {
        var task = await TaskOf(context);
        var force = context.Request.Query["force"] is ["" or "true" or "1"];
        var changed = await Tasks.CancelAsync(task.Id, CancellationToken.None);
        if (force)
            changed |= (await History.ChangeAsync(TaskChange.Abandon, new TaskQuery { Ids = [task.Id] }, CancellationToken.None)).Length > 0;
        if (changed)
            await RecordAsync("platform.task.cancelled", task.Id, new JsonObject { ["task"] = task.Task, ["forced"] = force });
        var now = await Tasks.GetAsync(task.Id, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json => TaskJson.Write(json, now), now.State == TaskState.Started ? StatusCodes.Status202Accepted : StatusCodes.Status200OK);
    }

    private async Task RetryAsync(HttpContext context)
    {
        var task = await TaskOf(context);
        if (!await Tasks.RetryAsync(task.Id, CancellationToken.None))
            throw new NexusException(ErrorCodes.Conflict, $"Task {task.Id} is {task.State.ToWord()}; only a FAILURE or CANCELLED one can be retried, and not while another with its key is unfinished.");
        await RecordAsync("platform.task.retried", task.Id, new JsonObject { ["task"] = task.Task });
        var now = await Tasks.GetAsync(task.Id, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json => TaskJson.Write(json, now), StatusCodes.Status202Accepted);
    }

    private async Task RetryAllAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var which = new TaskQuery { Tenant = Tenant(context), State = TaskState.Failure, Task = query["task"].FirstOrDefault(), Plugin = query["plugin"].FirstOrDefault(), Limit = Limit(context) };
        var retried = await History.ChangeAsync(TaskChange.Retry, which, CancellationToken.None);
        foreach (var task in retried)
            await RecordAsync("platform.task.retried", task.Id, new JsonObject { ["task"] = task.Task });
        await JsonAnswer.SendAsync(context, new TasksRetried(retried.Length));
    }

    private async Task ResultAsync(HttpContext context)
    {
        var task = await TaskOf(context);
        if (task.State != TaskState.Success)
            throw new NexusException(ErrorCodes.TaskNotFinished, $"Task {task.Id} has no result: it is {task.State.ToWord()}{(task.Error is { } error ? $" ({error})" : "")}.");
        await JsonAnswer.SendBytesAsync(context, task.Result.IsEmpty ? "null"u8.ToArray() : task.Result);
    }

    private async Task LogsAsync(HttpContext context)
    {
        var task = await TaskOf(context);
        var after = long.TryParse(context.Request.Query["after"], NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position : 0;
        var lines = await Tasks.ReadLogAsync(task.Id, after, context.RequestAborted);
        await JsonAnswer.SendAsync(context, lines);
    }

    /// <summary>The task of the route, when it is of the caller's tenant.</summary>
    private async Task<TaskEntry> TaskOf(HttpContext context)
    {
        var id = Id((string?)context.Request.RouteValues["id"]);
        return (await Tasks.ListAsync(new TaskQuery { Ids = [id], Tenant = Tenant(context) }, context.RequestAborted)).FirstOrDefault() ?? throw new NexusException(ErrorCodes.TaskNotFound, $"There is no task {id}.");
    }

    private async Task RecordAsync(string action, Guid id, JsonObject detail)
    {
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), action, $"tasks/{id}", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(detail)), CancellationToken.None);
    }

    private static Guid Id(string? text) => Guid.TryParse(text, out var id) ? id : throw new NexusException(ErrorCodes.TaskNotFound, "A task's id is a UUID.");

    private static TaskState? State(string? word)
    {
        if (string.IsNullOrEmpty(word))
            return null;
        return Enum.TryParse<TaskState>(word, ignoreCase: true, out var state) && !char.IsAsciiDigit(word[0]) ? state : throw new NexusException(ErrorCodes.BadRequest, "state is PENDING, STARTED, SUCCESS, FAILURE or CANCELLED.");
    }

    private static int Limit(HttpContext context)
    {
        if (context.Request.Query["limit"].FirstOrDefault() is not { Length: > 0 } text)
            return 100;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? Math.Min(number, 1000) : throw new NexusException(ErrorCodes.BadRequest, "limit must be a whole number from 1 to 1000.");
    }

    /// <summary>RFC 7240: how long the caller wants to wait for the end.</summary>
    private static TimeSpan Wait(HttpContext context)
    {
        var wait = context.Request.Headers["Prefer"].SelectMany(p => p?.Split(',') ?? []).Select(p => p.Trim()).FirstOrDefault(p => p.StartsWith("wait=", StringComparison.OrdinalIgnoreCase));
        return int.TryParse(wait?["wait=".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(Math.Min(seconds, MaxWait.TotalSeconds)) : TimeSpan.Zero;
    }

    private static EnqueueRequest? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            return body.IsEmpty ? null : JsonSerializer.Deserialize<EnqueueRequest>(body.Span, JsonAnswer.Options);
        }
        catch (JsonException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"The body does not have the form that is asked for, at {exception.Path}.");
        }
    }

    /// <summary>A task to ask for.</summary>
    private sealed record EnqueueRequest(string? Task, JsonElement? Input, double DelaySeconds, DateTimeOffset? DueAt, int? Priority, string? Key, int? MaxRetries);
}

/// <summary>How many tasks were made due again.</summary>
internal sealed record TasksRetried(int Retried);
