using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Errors;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Queries and changes of any resource by its table's name, for administrators' programs. They go the way of all surfaces: the permissions, rules and events of the resource hold besides.</summary>
internal sealed class DatabaseQueryRoutes(IServiceProvider host, ServerSettings settings, RequestBody bodies) : IPlatformRoutes
{
    private const string QueryForm = """{"type":"object","required":["resource"],"properties":{"resource":{"type":"string"},"filter":{"type":"object"},"sort":{"type":"array","items":{"type":"string"}},"fields":{"type":"array","items":{"type":"string"}},"q":{"type":"string"},"limit":{"type":"integer","minimum":1,"maximum":1000},"offset":{"type":"integer","minimum":0}},"additionalProperties":false}""";
    private const string BulkForm = """{"type":"object","required":["resource","operations"],"properties":{"resource":{"type":"string"},"atomic":{"type":"boolean"},"operations":{"type":"array","items":{"type":"object","required":["op"],"properties":{"op":{"enum":["insert","replace","update","delete"]},"id":{"type":"string"},"data":{"type":"object"}},"additionalProperties":false}}},"additionalProperties":false}""";

    private const string RecordsForm = """{"type":"object","required":["count","total","data","execution_time_ms"],"properties":{"count":{"type":"integer"},"total":{"type":"integer","format":"int64"},"data":{"type":"array","items":{"type":"object","additionalProperties":true}},"execution_time_ms":{"type":"number"}}}""";
    private const string ChangesForm = """{"type":"object","required":["count","data","execution_time_ms"],"properties":{"count":{"type":"integer"},"data":{"type":"array","items":{"type":"object","required":["id"],"properties":{"id":{"type":["string","null"]},"error":{"type":"object","additionalProperties":true}}}},"execution_time_ms":{"type":"number"}}}""";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("POST", "/api/v1/database/query", "queryDatabase", "Records of a resource by filter, sort and projection, with their count", "platform.database:read", QueryAsync) { Input = QueryForm, Answer = Answer.Written("DatabaseRecords", RecordsForm) },
        new("POST", "/api/v1/database/bulk", "changeDatabase", "Many changes of one resource, each on its own or all in one commit", "platform.database:update", BulkAsync) { Input = BulkForm, Answer = Answer.Written("DatabaseChanges", ChangesForm) with { AlsoAt = [207] } },
    ];

    private IResourceOperations Operations => host.GetRequiredService<IResourceOperations>();

    private async Task QueryAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        var request = GatewayRequest.Of(context);
        using var body = Read(await bodies.ReadJsonAsync(context, request), "resource", "filter", "sort", "fields", "q", "limit", "offset");
        var asked = body.RootElement;
        var call = Call(asked, request.Context);
        var fields = Words(asked, "fields");
        foreach (var field in fields)
            _ = FieldPaths.Get(call.Resource, field);
        var always = JsonProjection.For(call.Resource, settings.Current.HiddenFields);
        var projection = fields.IsEmpty ? always : JsonProjection.Of(always, fields);
        var page = await Operations.ListAsync(call, new ResourceQuery
        {
            Filter = asked.TryGetProperty("filter", out var filter) ? FilterJson.Parse(filter) : null,
            Sort = [.. Words(asked, "sort").Select(word => ListRequest.Key(call.Resource, word))],
            Search = asked.TryGetProperty("q", out var q) ? Text(q, "q") : null,
            Limit = Number(asked, "limit", 1, 1000, 50),
            Offset = Number(asked, "offset", 0, 1_000_000, 0),
            Count = true,
        }, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", page.Records.Length);
            json.WriteNumber("total", page.Total ?? page.Records.Length);
            json.WriteStartArray("data");
            foreach (var record in page.Records)
                json.WriteRawValue((projection?.Apply(record.Json) ?? record.Json).Span, skipInputValidation: true);
            json.WriteEndArray();
            WriteTime(json, started);
            json.WriteEndObject();
        });
    }

    private async Task BulkAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        var request = GatewayRequest.Of(context);
        using var body = Read(await bodies.ReadJsonAsync(context, request), "resource", "atomic", "operations");
        var asked = body.RootElement;
        var call = Call(asked, request.Context);
        if (!asked.TryGetProperty("operations", out var operations) || operations.ValueKind != JsonValueKind.Array || operations.GetArrayLength() == 0)
            throw Wrong("`operations` is a list of one or more changes.");
        ImmutableArray<ResourceChange> changes = [.. operations.EnumerateArray().Select(ChangeOf)];
        var atomic = asked.TryGetProperty("atomic", out var flag) && flag.ValueKind == JsonValueKind.True;
        // What has begun is not left half-done because its caller hung up.
        var results = await Operations.ChangeAsync(call, changes, atomic, CancellationToken.None);
        var failed = results.Count(r => r.Error is not null);
        // Records that were only held back by the fault of another are in conflict with it.
        var fault = results.FirstOrDefault(r => r.Error is { } error && error.Code != ErrorCodes.Conflict)?.Error ?? results.FirstOrDefault(r => r.Error is not null)?.Error;
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", atomic && failed > 0 ? 0 : results.Length - failed);
            json.WriteStartArray("data");
            foreach (var result in results)
            {
                json.WriteStartObject();
                json.WriteString("id", result.Id ?? result.Record?.Id);
                if (result.Error is { } error)
                {
                    json.WriteStartObject("error");
                    Problem.WriteMembers(json, ErrorCodes.Get(error.Code), 0, error.Message, error.Errors);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            WriteTime(json, started);
            json.WriteEndObject();
        }, fault is null ? StatusCodes.Status200OK : atomic ? fault.Status : StatusCodes.Status207MultiStatus);
    }

    private static ResourceChange ChangeOf(JsonElement operation)
    {
        Members(operation, "op", "id", "data");
        var kind = operation.TryGetProperty("op", out var op) ? Text(op, "op") switch
        {
            "insert" => ChangeKind.Create,
            "replace" => ChangeKind.Replace,
            "update" => ChangeKind.Merge,
            "delete" => ChangeKind.Delete,
            var other => throw Wrong($"`op` is insert, replace, update or delete, not {other}."),
        } : throw Wrong("Each change says its `op`.");
        var id = operation.TryGetProperty("id", out var named) ? Text(named, "id") : null;
        if (id is null && kind != ChangeKind.Create)
            throw Wrong($"A change by {op.GetString()} names its `id`.");
        if (kind == ChangeKind.Delete)
            return new ResourceChange { Kind = kind, Id = id };
        return operation.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object
            ? new ResourceChange { Kind = kind, Id = id, Body = JsonSerializer.SerializeToUtf8Bytes(data) }
            : throw Wrong($"A change by {op.GetString()} has an object as its `data`.");
    }

    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    private ResourceCall Call(JsonElement asked, CallContext context)
    {
        var table = asked.TryGetProperty("resource", out var named) ? Text(named, "resource") : throw Wrong("Name a `resource`, such as orders.orders.");
        foreach (var plugin in host.GetRequiredService<IPlugins>().Current.Plugins)
        {
            if (plugin.Resources.FirstOrDefault(r => r.Table == table) is not { } resource)
                continue;
            plugin.Quota?.Call();
            return new ResourceCall(plugin, resource, context);
        }

        throw new NexusException(ErrorCodes.ResourceNotFound, $"No active plugin has a resource {table}; they are named like orders.orders.");
    }

    private static JsonDocument Read(ReadOnlyMemory<byte> body, params string[] members)
    {
        var document = body.IsEmpty ? throw Wrong("The body is a JSON object.") : JsonDocument.Parse(body);
        Members(document.RootElement, members);
        return document;
    }

    private static void Members(JsonElement value, params string[] members)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Wrong("The body, and each change, is a JSON object.");
        if (value.EnumerateObject().FirstOrDefault(m => !members.Contains(m.Name)) is { Value.ValueKind: not JsonValueKind.Undefined } unknown)
            throw Wrong($"`{unknown.Name}` is none of {string.Join(", ", members)}.");
    }

    private static string Text(JsonElement value, string name) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong($"`{name}` is a text.");

    private static ImmutableArray<string> Words(JsonElement asked, string name) =>
        !asked.TryGetProperty(name, out var list) ? []
        : list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(w => Text(w, name))]
        : throw Wrong($"`{name}` is a list of texts.");

    private static int Number(JsonElement asked, string name, int least, int most, int absent) =>
        !asked.TryGetProperty(name, out var number) ? absent
        : number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var value) && value >= least && value <= most ? value
        : throw Wrong($"`{name}` is a whole number from {least} to {most}.");

    private static void WriteTime(Utf8JsonWriter json, long started) => json.WriteNumber("execution_time_ms", Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3));

    private static NexusException Wrong(string message) => new(ErrorCodes.BadRequest, message);
}
