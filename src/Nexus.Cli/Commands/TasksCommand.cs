using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus tasks</c>: look at, run, call off, retry; schedules and workers.</summary>
internal static class TasksCommand
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
        [Output.Column("ID", "id"), Output.Column("TASK", "task"), Output.Column("STATE", "state"), Output.Column("%", "percent"), Output.Column("TRY", "attempt"), Output.Column("CREATED", "createdAt"), Output.Column("ERROR", "error")];

    public static Command Build() => new("tasks", "Look at, run, cancel and retry background tasks") { List(), Show(), Run(), One("cancel", "Call a task off", "cancel"), Retry(), Logs(), Types(), Schedules(), Stats(), Workers() };

    private static Command List()
    {
        var state = new Option<string>("--state") { Description = "PENDING, STARTED, SUCCESS, FAILURE or CANCELLED" };
        var task = new Option<string>("--task") { Description = "Of one name" };
        var limit = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 50 };
        var command = new Command("list", "List tasks, newest first") { state, task, limit };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var path = $"/api/v1/tasks?limit={call.GetValue(limit)}{Part("state", call.GetValue(state))}{Part("task", call.GetValue(task))}";
            return Output.Print(call, await host.GetAsync(path, cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command Show()
    {
        var id = new Argument<string>("id") { Description = "The task" };
        var command = new Command("show", "One task with its input, steps and result") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(Path(call.GetValue(id)!), cancel), Output.Text);
        });
        return command;
    }

    private static Command Run()
    {
        var name = new Argument<string>("task") { Description = "Such as orders.nightly-report; see 'nexus tasks types'" };
        var input = new Argument<string>("input") { Description = "JSON", DefaultValueFactory = _ => "null" };
        var delay = new Option<double>("--delay") { Description = "Seconds to wait before it runs" };
        var priority = new Option<int?>("--priority") { Description = "Higher is run first" };
        var key = new Option<string>("--key") { Description = "Adds nothing while an unfinished task of the name has this key" };
        var wait = new Option<bool>("--wait") { Description = "Wait for its end; exit code 1 when it did not succeed" };
        var command = new Command("run", "Ask for a task") { name, input, delay, priority, key, wait };
        command.SetAction(async (call, cancel) =>
        {
            var body = new JsonObject { ["task"] = call.GetValue(name), ["input"] = Parse(call.GetValue(input)!), ["delaySeconds"] = call.GetValue(delay) };
            if (call.GetValue(priority) is { } number) body["priority"] = number;
            if (call.GetValue(key) is { } text) body["key"] = text;
            using var host = Host.Of(call);
            var task = await host.PostAsync("/api/v1/tasks", body, cancel);
            if (!call.GetValue(wait)) return Output.Print(call, task, Output.Text);
            while ((string?)task?["state"] is "PENDING" or "STARTED")
            {
                await Task.Delay(250, cancel);
                task = await host.GetAsync(Path((string)task["id"]!), cancel);
            }

            Output.Print(call, task, Output.Text);
            return (string?)task?["state"] == "SUCCESS" ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static Command One(string verb, string description, string action)
    {
        var id = new Argument<string>("id") { Description = "The task" };
        var force = new Option<bool>("--force") { Description = "Do not wait for a running one to stop" };
        var command = new Command(verb, description) { id, force };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync($"{Path(call.GetValue(id)!)}/{action}{(call.GetValue(force) ? "?force=true" : "")}", null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Retry()
    {
        var id = new Argument<string?>("id") { Description = "The task", Arity = ArgumentArity.ZeroOrOne };
        var task = new Option<string>("--task") { Description = "All failed ones of one name" };
        var all = new Option<bool>("--all") { Description = "All failed ones" };
        var command = new Command("retry", "Make a failed or cancelled task due again with all its tries") { id, task, all };
        command.SetAction(async (call, cancel) =>
        {
            if (call.GetValue(id) is null && call.GetValue(task) is null && !call.GetValue(all))
                throw new CliException("nexus: name a task by its id, or those of a name by --task, or --all.", ExitCodes.Usage);
            using var host = Host.Of(call);
            var path = call.GetValue(id) is { } one ? $"{Path(one)}/retry" : $"/api/v1/tasks/retry?limit=1000{Part("task", call.GetValue(task))}";
            return Output.Print(call, await host.PostAsync(path, null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Logs()
    {
        var id = new Argument<string>("id") { Description = "The task" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the task ends" };
        var command = new Command("logs", "What a task wrote to its log") { id, follow };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            if (!call.GetValue(follow))
                return Output.Print(call, await host.GetAsync($"{Path(call.GetValue(id)!)}/logs", cancel), found => Output.Table(found, Output.Column("AT", "at"), Output.Column("TRY", "attempt"), Output.Column("KIND", "kind"), Output.Column("TEXT", "text")));
            var kind = "";
            await foreach (var line in host.LinesAsync($"{Path(call.GetValue(id)!)}/progress", cancel))
            {
                if (line.StartsWith("event:", StringComparison.Ordinal)) kind = line[6..].Trim();
                if (line.StartsWith("data:", StringComparison.Ordinal)) Print(call.GetValue(Root.Json), kind, line[5..].Trim());
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Types() => Table("types", "List the tasks that active plugins declare", "/api/v1/tasks/types", Output.Column("NAME", "name"), Output.Column("RETRIES", "maxRetries"), Output.Column("TIMEOUT", "timeout"), Output.Column("AT ONCE", "concurrency"), Output.Column("DESCRIPTION", "description"));

    private static Command Schedules() => Table("schedules", "List schedules with their last and next time", "/api/v1/tasks/schedules", Output.Column("NAME", "name"), Output.Column("TASK", "task"), Output.Column("WHEN", "expression"), Output.Column("ZONE", "timeZone"), Output.Column("LAST", "lastFireAt"), Output.Column("NEXT", "nextFireAt"));

    private static Command Stats() => Table("stats", "Count tasks by name and state", "/api/v1/tasks/stats", Output.Column("TASK", "task"), Output.Column("PENDING", "PENDING"), Output.Column("STARTED", "STARTED"), Output.Column("SUCCESS", "SUCCESS"), Output.Column("FAILURE", "FAILURE"), Output.Column("CANCELLED", "CANCELLED"));

    private static Command Workers() => Table("workers", "List workers with what they run", "/api/v1/workers", Output.Column("NAME", "name"), Output.Column("SEEN", "seenAt"), Output.Column("RUNNING", "running"), Output.Column("OF", "concurrency"), Output.Column("SUCCEEDED", "succeeded"), Output.Column("FAILED", "failed"), Output.Column("PER MINUTE", "perMinute"));

    private static Command Table(string name, string description, string path, params (string, Func<JsonNode, string?>)[] columns)
    {
        var command = new Command(name, description);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(path, cancel), found => Output.Table(found, columns));
        });
        return command;
    }

    private static string Path(string id) => $"/api/v1/tasks/{Uri.EscapeDataString(id)}";

    private static string Part(string name, string? value) => string.IsNullOrEmpty(value) ? "" : $"&{name}={Uri.EscapeDataString(value)}";

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException error)
        {
            throw new CliException($"nexus: the input is not JSON: {error.Message}", ExitCodes.Usage);
        }
    }

    private static void Print(bool json, string kind, string data)
    {
        if (json)
        {
            Console.WriteLine(data);
            return;
        }

        var line = JsonNode.Parse(data)!;
        Console.WriteLine(kind switch
        {
            "log" => string.Create(CultureInfo.InvariantCulture, $"{(string?)line["at"]} {(string?)line["kind"],-7} {(string?)line["text"]}"),
            "done" => $"{(string?)line["state"]}{((string?)line["error"] is { } error ? $": {error}" : "")}",
            _ => $"{(string?)line["state"]} {line["percent"]?.ToString() ?? "?"} % {(string?)line["step"]}",
        });
    }
}
