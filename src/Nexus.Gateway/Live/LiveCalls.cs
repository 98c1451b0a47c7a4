using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Live;

/// <summary>Calls over a socket: <c>list</c>, <c>get</c>, <c>create</c>, <c>replace</c>, <c>update</c>, <c>delete</c> and the actions of a resource, by the pipeline of all surfaces.</summary>
internal sealed class LiveCalls(LiveFeed feed, IResourceOperations operations)
{
    private static readonly string[] OfRecords = ["id", "record", "input", "revision", "key"];

    /// <summary>Carries out a call and answers with the writer of its result's members.</summary>
    /// <exception cref="NexusException">Why it was refused.</exception>
    public async ValueTask<Action<Utf8JsonWriter>> RunAsync(JsonElement message, CallContext context, CancellationToken cancellationToken)
    {
        var (resource, method) = (Text(message, "resource"), Text(message, "method"));
        if (resource is null || method is null)
            throw new NexusException(ErrorCodes.BadRequest, "A call names a resource and a method: list, get, create, replace, update, delete, or an action.");
        var parameters = message.TryGetProperty("params", out var sent) ? sent : default;
        for (var again = false; ; again = true)
        {
            try
            {
                return await RunAsync(resource, method, parameters, context, cancellationToken);
            }
            catch (NexusException exception) when (!again && exception.Code == ErrorCodes.ServiceUnavailable)
            {
                // The plugin is being replaced: what replaces it is published already.
                await Task.Yield();
            }
        }
    }

    private async ValueTask<Action<Utf8JsonWriter>> RunAsync(string name, string method, JsonElement parameters, CallContext context, CancellationToken cancellationToken)
    {
        var (plugin, resource) = await feed.FindAsync(name, context, cancellationToken);
        plugin.Quota?.Call();
        var call = new ResourceCall(plugin, resource, context);
        if (method == "list")
            return await ListAsync(call, parameters, cancellationToken);
        var id = Text(parameters, "id");
        if (method == "get")
        {
            var fields = ListRequest.Selection(resource, LiveWish.ToQuery(parameters, OfRecords));
            var found = await operations.FindAsync(call, id ?? throw MissingId(), cancellationToken)
                ?? throw FailureOrigin.Keep(new NexusException(ErrorCodes.ResourceNotFound, $"{resource.Name} have no record {id} that you may see."), FailureOrigin.Of(plugin, resource.Table));
            var record = feed.Projection(resource, fields)?.Apply(found.Json) ?? found.Json;
            return json => WriteRaw(json, record);
        }
        var change = ChangeOf(resource, method, id, parameters);
        if (Text(parameters, "key") is { } key)
            call = call with { Idempotency = new IdempotentRequest(key, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"live {name} {method} {parameters.GetRawText()}")))) };
        // No cancellation: what was asked completely is done, whether or not the caller waits for the answer.
        var result = (await operations.ChangeAsync(call, [change], atomic: true, CancellationToken.None))[0];
        if (result.Error is { } error)
            throw error.Code == ErrorCodes.Conflict && change.ExpectedRevision is { } expected ? FailureOrigin.Keep(new NexusException(ErrorCodes.PreconditionFailed, $"{error.Message} The call demanded revision {expected}."), FailureOrigin.Find(error)) : error;
        ReadOnlyMemory<byte>? after = result.Record is { } changed ? feed.Projection(resource, [])?.Apply(changed.Json) ?? changed.Json : (ReadOnlyMemory<byte>?)null;
        return json => WriteRaw(json, after);
    }

    private async ValueTask<Action<Utf8JsonWriter>> ListAsync(ResourceCall call, JsonElement parameters, CancellationToken cancellationToken)
    {
        var list = ListRequest.Read(call.Resource, LiveWish.ToQuery(parameters));
        var page = await operations.ListAsync(call, list.Query, cancellationToken);
        var projection = feed.Projection(call.Resource, list.Fields);
        ImmutableArray<ReadOnlyMemory<byte>> records = [.. page.Records.Select(record => projection?.Apply(record.Json) ?? record.Json)];
        return json =>
        {
            json.WriteStartArray("result");
            foreach (var record in records)
                json.WriteRawValue(record.Span, skipInputValidation: true);
            json.WriteEndArray();
            if (page.NextCursor is { } next)
                json.WriteString("next", next);
            if (page.Total is { } total)
                json.WriteNumber("total", total);
        };
    }

    private static ResourceChange ChangeOf(ResourceDescriptor resource, string method, string? id, JsonElement parameters)
    {
        var (kind, body) = method switch
        {
            "create" => (ChangeKind.Create, "record"),
            "replace" => (ChangeKind.Replace, "record"),
            "update" => (ChangeKind.Merge, "record"),
            "delete" => (ChangeKind.Delete, null),
            _ when resource.Actions.Any(action => action.Name == method) => (ChangeKind.Action, "input"),
            _ => throw new NexusException(ErrorCodes.MethodNotAllowed, $"{resource.Name} have no {method}; there are {string.Join(", ", ["list", "get", "create", "replace", "update", "delete", .. resource.Actions.Select(action => action.Name)])}."),
        };
        if (kind != ChangeKind.Create && id is null)
            throw MissingId();
        return new ResourceChange
        {
            Kind = kind,
            Id = id,
            Action = kind == ChangeKind.Action ? method : null,
            ExpectedRevision = parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty("revision", out var revision) && revision.TryGetInt64(out var expected) ? expected : null,
            Body = body is null ? default : Body(parameters, body, kind),
        };
    }

    private static byte[] Body(JsonElement parameters, string name, ChangeKind kind) =>
        parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty(name, out var body) && body.ValueKind == JsonValueKind.Object ? Encoding.UTF8.GetBytes(body.GetRawText())
        : kind == ChangeKind.Action ? "{}"u8.ToArray()
        : throw new NexusException(ErrorCodes.BadRequest, $"params.{name} is a JSON object.");

    private static void WriteRaw(Utf8JsonWriter json, ReadOnlyMemory<byte>? value)
    {
        json.WritePropertyName("result");
        if (value is { } record)
            json.WriteRawValue(record.Span, skipInputValidation: true);
        else
            json.WriteNullValue();
    }

    private static NexusException MissingId() => new(ErrorCodes.BadRequest, "params.id names the record.");

    private static string? Text(JsonElement message, string name) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
