using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus record</c>: the records of any resource that a plugin declares. What there is, is asked of the host: a plugin that comes needs no new command line.</summary>
internal static class RecordCommand
{
    internal static readonly Argument<string> Resource = new("resource") { Description = "Such as orders.orders; 'nexus record types' lists them" };
    internal static readonly Argument<string> Id = new("id") { Description = "Id of the record" };
    private static readonly Option<string?> Body = new("--body") { Description = "JSON of the fields; @FILE reads a file, - the input" };
    private static readonly Option<string[]> Set = new("--set") { Description = "A field, as name=value; may be repeated" };
    private static readonly Option<long?> IfRevision = new("--if-revision") { Description = "Refuse when somebody changed the record since this revision" };
    private static readonly Option<string?> Key = new("--key") { Description = "Idempotency key: the same call again has no further effect" };

    public static Command Build() => new("record", "Find and change records of any plugin's resources")
    {
        Types(), List(), Get(), Create(),
        Change("update", "Change the named fields of a record", HttpMethod.Patch),
        Change("replace", "Write a record anew; fields that are not named become empty", HttpMethod.Put),
        Delete(), Act(), Batch(),
        AttachmentCommands.List(), AttachmentCommands.Attach(), AttachmentCommands.Download(), AttachmentCommands.Detach(),
    };

    private static Command Types()
    {
        var command = new Command("types", "List the resources that you may do anything with");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/resources", cancel), found => Output.Table(found,
                Output.Column("NAME", "name"), ("FIELDS", r => string.Join(' ', r["input"]!["properties"]!.AsObject().Select(p => p.Key))),
                ("ALLOWED", r => string.Join(' ', r["allowed"]!.AsObject().Select(a => a.Key))), Output.Column("DESCRIPTION", "description")));
        });
        return command;
    }

    private static Command List()
    {
        var filter = new Option<string?>("--filter") { Description = """Conditions as JSON, such as '{"quantity":{"$gte":5}}'; @FILE reads a file""" };
        var sort = new Option<string?>("--sort") { Description = "Fields by comma, - before one for descending" };
        var words = new Option<string?>("--search", "-q") { Description = "Words to find" };
        var fields = new Option<string?>("--fields") { Description = "Only these fields, by comma" };
        var limit = new Option<int?>("--limit") { Description = "Records of a page, 1 to 1000" };
        var cursor = new Option<string?>("--cursor") { Description = "Where an earlier page ended" };
        var count = new Option<bool>("--count") { Description = "Also count all that match" };
        var command = new Command("list", "Find records") { Resource, filter, sort, words, fields, limit, cursor, count };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var type = await TypeAsync(host, call, cancel);
            var query = new (string Name, string? Value)[]
            {
                ("filter", call.GetValue(filter) is ['@', .. var file] ? await ReadAsync(file, cancel) : call.GetValue(filter)), ("sort", call.GetValue(sort)), ("q", call.GetValue(words)), ("fields", call.GetValue(fields)),
                ("limit", call.GetValue(limit)?.ToString(CultureInfo.InvariantCulture)), ("cursor", call.GetValue(cursor)), ("count", call.GetValue(count) ? "true" : null),
            };
            var text = string.Join('&', query.Where(q => q.Value is not null).Select(q => $"{q.Name}={Uri.EscapeDataString(q.Value!)}"));
            var (found, headers) = await host.AskAsync(HttpMethod.Get, $"{PathOf(type)}{(text.Length == 0 ? "" : $"?{text}")}", null, [], cancel);
            var page = new JsonObject { ["items"] = found };
            if (NextOf(headers) is { } next)
                page["nextCursor"] = next;
            if (headers.TryGetValues("X-Total-Count", out var total))
                page["total"] = long.Parse(total.First(), CultureInfo.InvariantCulture);
            return Output.Print(call, page, _ => Show(type, page));
        });
        return command;
    }

    private static Command Get()
    {
        var command = new Command("get", "Read one record") { Resource, Id };
        command.SetAction((call, cancel) => OneAsync(call, HttpMethod.Get, "", body: false, cancel));
        return command;
    }

    private static Command Create()
    {
        var command = new Command("create", "Make a record") { Resource, Body, Set, Key };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var type = await TypeAsync(host, call, cancel);
            var (made, _) = await host.AskAsync(HttpMethod.Post, PathOf(type), await ContentAsync(call, type["input"], cancel), Headers(call), cancel);
            return Output.Print(call, made, Output.Text);
        });
        return command;
    }

    private static Command Change(string verb, string description, HttpMethod method)
    {
        var command = new Command(verb, description) { Resource, Id, Body, Set, IfRevision };
        command.SetAction((call, cancel) => OneAsync(call, method, "", body: true, cancel));
        return command;
    }

    private static Command Delete()
    {
        var command = new Command("delete", "Delete a record") { Resource, Id, IfRevision };
        command.SetAction((call, cancel) => OneAsync(call, HttpMethod.Delete, "", body: false, cancel));
        return command;
    }

    private static Command Act()
    {
        var action = new Argument<string>("action") { Description = "Name of the action" };
        var command = new Command("act", "Run an action of a record") { Resource, Id, action, Body, Set, IfRevision, Key };
        command.SetAction((call, cancel) => OneAsync(call, HttpMethod.Post, $"/actions/{Uri.EscapeDataString(call.GetValue(action)!)}", body: true, cancel));
        return command;
    }

    private static Command Batch()
    {
        var kind = new Argument<string>("kind") { Description = "create, replace, update or delete" };
        kind.AcceptOnlyFromAmong("create", "replace", "update", "delete");
        var atomic = new Option<bool>("--atomic") { Description = "All or nothing" };
        var command = new Command("batch", "Change many records: --body is an array of records, or of ids to delete") { Resource, kind, Body, atomic, Key };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var type = await TypeAsync(host, call, cancel);
            var method = call.GetValue(kind) switch { "create" => HttpMethod.Post, "replace" => HttpMethod.Put, "update" => HttpMethod.Patch, _ => HttpMethod.Delete };
            var (done, _) = await host.AskAsync(method, $"{PathOf(type)}/batch{(call.GetValue(atomic) ? "?atomic=true" : "")}", await ContentAsync(call, null, cancel), Headers(call), cancel);
            Output.Print(call, done, Output.Text);
            return (int?)done?["failed"] > 0 ? ExitCodes.Refused : ExitCodes.Done;
        });
        return command;
    }

    private static async Task<int> OneAsync(ParseResult call, HttpMethod method, string suffix, bool body, CancellationToken cancel)
    {
        using var host = Host.Of(call);
        var type = await TypeAsync(host, call, cancel);
        var fields = suffix.Length == 0 ? type["input"] : type["actions"]!.AsArray().FirstOrDefault(a => suffix == $"/actions/{(string?)a!["name"]}")?["input"];
        var (answer, _) = await host.AskAsync(method, $"{PathOf(type)}/{Uri.EscapeDataString(call.GetValue(Id)!)}{suffix}", body ? await ContentAsync(call, fields, cancel) : null, Headers(call), cancel);
        return Output.Print(call, answer, found => Output.Text(found ?? "done"));
    }

    internal static async Task<JsonNode> TypeAsync(Host host, ParseResult call, CancellationToken cancel) =>
        (await host.GetAsync($"/api/v1/resources?name={Uri.EscapeDataString(call.GetValue(Resource)!)}", cancel))!.AsArray()[0]!;

    internal static string PathOf(JsonNode type) => (string)type["path"]!;

    private static (string, string)[] Headers(ParseResult call) =>
    [
        .. call.CommandResult.Command.Options.Contains(IfRevision) && call.GetValue(IfRevision) is { } revision ? [("If-Match", $"\"{revision.ToString(CultureInfo.InvariantCulture)}\"")] : Array.Empty<(string, string)>(),
        .. call.CommandResult.Command.Options.Contains(Key) && call.GetValue(Key) is { } key ? [("Idempotency-Key", key)] : Array.Empty<(string, string)>(),
    ];

    /// <summary>The body as it was given, with the fields of <c>--set</c> in it; what is not JSON is sent as it is, so that the host says what is wrong with it.</summary>
    private static async Task<HttpContent> ContentAsync(ParseResult call, JsonNode? schema, CancellationToken cancel)
    {
        var text = call.GetValue(Body) switch
        {
            null => "{}",
            "-" => await Console.In.ReadToEndAsync(cancel),
            ['@', .. var file] => await ReadAsync(file, cancel),
            var given => given,
        };
        if (call.CommandResult.Command.Options.Contains(Set) && call.GetValue(Set) is { Length: > 0 } fields)
        {
            var body = Parse(text) as JsonObject ?? throw new CliException("nexus: --set adds to a JSON object; --body is none.", ExitCodes.Usage);
            foreach (var field in fields)
            {
                var at = field.IndexOf('=', StringComparison.Ordinal);
                if (at < 1)
                    throw new CliException($"nexus: --set takes name=value; '{field}' is not.", ExitCodes.Usage);
                body[field[..at]] = ValueOf(schema?["properties"]?[field[..at]], field[(at + 1)..]);
            }

            text = body.ToJsonString();
        }

        return new StringContent(text, Encoding.UTF8, "application/json");
    }

    private static async Task<string> ReadAsync(string file, CancellationToken cancel) =>
        File.Exists(file) ? await File.ReadAllTextAsync(file, cancel) : throw new CliException($"nexus: there is no file {file}.", ExitCodes.Invalid);

    // Text stays text where the field is one; otherwise what is JSON is sent as that.
    private static JsonNode? ValueOf(JsonNode? schema, string text)
    {
        var types = schema?["type"] switch { JsonArray many => [.. many.Select(t => (string?)t)], JsonValue one => [(string?)one], _ => Array.Empty<string?>() };
        return types.Contains("string") ? text : Parse(text) ?? (text == "null" ? null : text);
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? NextOf(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("Link", out var links))
            return null;
        var next = string.Join(", ", links).Split(", ").FirstOrDefault(l => l.EndsWith("rel=\"next\"", StringComparison.Ordinal));
        var at = next?.IndexOf("cursor=", StringComparison.Ordinal) ?? -1;
        return at < 0 ? null : Uri.UnescapeDataString(next![(at + 7)..].Split('&', '>')[0]);
    }

    private static void Show(JsonNode type, JsonObject page)
    {
        var columns = type["record"]!["properties"]!.AsObject().Select(p => p.Key).Where(n => n is not ("owner" or "team" or "createdAt" or "updatedAt" or "revision")).Take(8);
        Output.Table(page, [.. columns.Select(name => Output.Column(name.ToUpperInvariant(), name))]);
        if (page["total"] is { } total) Console.WriteLine($"{total} in all");
        if (page["nextCursor"] is { } next) Console.WriteLine($"more: --cursor {next}");
    }
}
