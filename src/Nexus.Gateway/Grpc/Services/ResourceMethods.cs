using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Wire;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Grpc.Services;

/// <summary>Methods of resources: of the service that is for all of them, and of each one's own.</summary>
internal sealed class ResourceMethods(IResourceOperations operations, ResourceAccess access, RecordFeed feed, OpenCallers callers, ServerSettings settings)
{
    private const int MaxPage = 1000;

    /// <summary>One record.</summary>
    public async Task GetAsync(GrpcCall call, ResourceTarget target)
    {
        var request = await call.ReadOneAsync();
        var (id, fields) = (Id(request), Words(request, "fields"));
        var json = await access.DoAsync(Resource(request, target), call.Caller, async resource =>
        {
            var found = await operations.FindAsync(resource, id, call.Stop) ?? throw FailureOrigin.Keep(new NexusException(ErrorCodes.ResourceNotFound, $"{resource.Resource.Name} have no record {id} that you may see."), FailureOrigin.Of(resource.Plugin, resource.Resource.Table));
            return (found.Id, found.Revision, Json: Shown(resource.Resource, found, fields));
        }, call.Stop);
        await SendAsync(call, target, json.Id, json.Revision, json.Json);
    }

    /// <summary>A page of records.</summary>
    public async Task ListAsync(GrpcCall call, ResourceTarget target)
    {
        var request = await call.ReadOneAsync();
        var page = await PageAsync(call, target, request, Text(request, "pageToken"));
        await call.WriteAsync(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("records");
            foreach (var (id, revision, record) in page.Records)
                WriteRecord(json, target, id, revision, record);
            json.WriteEndArray();
            json.WriteString("nextPageToken", page.Next);
            if (page.Total is { } total)
                json.WriteNumber("total", total);
            json.WriteEndObject();
        });
    }

    /// <summary>What is attached to a record.</summary>
    public async Task ListAttachmentsAsync(GrpcCall call, ResourceTarget target)
    {
        var request = await call.ReadOneAsync();
        var id = Id(request);
        var (files, address) = await access.DoAsync(Resource(request, target), call.Caller, async resource =>
        {
            var found = await access.Attachments.ListAsync(resource, [id], call.Stop);
            return found.TryGetValue(id, out var its) ? (its, AttachmentJson.AddressOf(resource.Plugin, resource.Resource, id)) : throw new NexusException(ErrorCodes.ResourceNotFound, $"{resource.Resource.Name} have no record {id} that you may see.");
        }, call.Stop);
        await call.WriteAsync(json =>
        {
            json.WriteStartObject();
            json.WritePropertyName("attachments");
            AttachmentJson.WriteAll(json, files, address);
            json.WriteEndObject();
        });
    }

    /// <summary>All records, page by page.</summary>
    public async Task StreamAsync(GrpcCall call, ResourceTarget target)
    {
        var request = await call.ReadOneAsync();
        var token = Text(request, "pageToken");
        do
        {
            var page = await PageAsync(call, target, request, token);
            foreach (var (id, revision, record) in page.Records)
                await SendAsync(call, target, id, revision, record);
            token = page.Next;
        }
        while (token is not null);
    }

    /// <summary>One change.</summary>
    public async Task ChangeAsync(GrpcCall call, ResourceTarget target, ChangeKind kind)
    {
        var request = await call.ReadOneAsync();
        var change = Change(request, kind, target.Action);
        var key = IdempotencyKeys.Of(call.Context.Request) is { } given ? new IdempotentRequest(given, IdempotencyKeys.Fingerprint(call.Context.Request, JsonMarshal.GetRawUtf8Value(request))) : null;
        var (result, shown) = await ChangeAsync(call, Resource(request, target), change, key);
        if (result.Replayed)
            call.Context.Response.Headers["idempotency-replayed"] = "true";
        if (result.Record is { } record)
            await SendAsync(call, target, record.Id, record.Revision, shown);
        else
            await call.WriteAsync(json => WriteId(json, result.Id ?? change.Id));
    }

    /// <summary>What happens to records from now on.</summary>
    public async Task WatchAsync(GrpcCall call, ResourceTarget target)
    {
        var request = await call.ReadOneAsync();
        var resource = Resource(request, target);
        // Asked for once, so that a resource that is not served is refused rather than never heard of.
        var filter = await access.DoAsync(resource, call.Caller, one => ValueTask.FromResult(FilterOf(one.Resource, request)), call.Stop);
        var (plugin, name) = ResourceAccess.Split(resource);
        var wish = new RecordWish(plugin, name) { Record = Text(request, "id"), Verbs = [.. Words(request, "verbs")], Filter = filter, After = request.TryGetProperty("after", out var after) ? after.GetInt64() : null };
        using var caller = callers.Open(call.Context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(call.Stop, caller.Ended);
        try
        {
            using var subscription = await feed.OpenAsync(wish, caller.Context, ends.Token);
            await call.StartAsync();
            await foreach (var told in feed.ReadAsync(subscription, wish, () => caller.Context, ends.Token))
                await TellAsync(call, target, resource, told);
        }
        catch (OperationCanceledException) when (!call.Stop.IsCancellationRequested)
        {
            throw new NexusException(ErrorCodes.AuthenticationRequired, "The credentials have expired or were revoked.");
        }
    }

    private async Task TellAsync(GrpcCall call, ResourceTarget target, string resource, SeenChange told)
    {
        var shown = told.Record is { } record ? await access.DoAsync(resource, call.Caller, one => ValueTask.FromResult(Shown(one.Resource, record, [])), call.Stop) : default;
        await call.WriteAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("name", told.Change.Message.Name);
            json.WriteString("verb", told.Verb);
            json.WriteString("id", told.Id);
            json.WriteString("occurredAt", told.Change.Message.OccurredAt.UtcDateTime);
            if (told.Record is { } record)
            {
                json.WritePropertyName("record");
                WriteRecord(json, target, record.Id, record.Revision, shown);
            }
            if (told.Change.At is { } position)
                json.WriteNumber("position", position);
            json.WriteEndObject();
        });
    }

    /// <summary>Changes as they come.</summary>
    public async Task BatchAsync(GrpcCall call)
    {
        while (await call.ReadAsync() is { } request)
        {
            var number = request.TryGetProperty("number", out var given) ? given.GetInt64() : 0;
            try
            {
                var (kind, body) = Kind(request);
                var target = new ResourceTarget(null);
                var change = Change(body, kind, null);
                var (result, shown) = await ChangeAsync(call, Resource(body, target), change, null);
                await call.WriteAsync(json => WriteResult(json, number, result.Id ?? result.Record?.Id ?? change.Id, result.Record is { } record ? () => WriteRecord(json, target, record.Id, record.Revision, shown) : null));
            }
            catch (NexusException error)
            {
                var origin = await access.OriginAsync(call.Caller, error, call.Stop);
                await call.WriteAsync(json => WriteResult(json, number, null, () => WriteError(json, GrpcStatus.Of(error) with { Origin = origin }), "error"));
            }
        }
    }

    private static (ChangeKind Kind, JsonElement Body) Kind(JsonElement change)
    {
        foreach (var member in change.EnumerateObject())
        {
            ChangeKind? kind = member.Name switch { "create" => ChangeKind.Create, "update" => ChangeKind.Merge, "delete" => ChangeKind.Delete, "act" => ChangeKind.Action, _ => null };
            if (kind is { } found)
                return (found, member.Value);
        }
        throw new NexusException(ErrorCodes.BadRequest, "A change is one of create, update, delete and act.");
    }

    private async Task<(ChangeResult Result, ReadOnlyMemory<byte> Shown)> ChangeAsync(GrpcCall call, string name, ResourceChange change, IdempotentRequest? key)
    {
        // The pipeline gets no token: what was asked completely is done, whether or not the caller waits for the answer. Only the waiting ends.
        var work = access.DoAsync(name, call.Caller, async resource =>
        {
            var results = await operations.ChangeAsync(resource with { Idempotency = key }, [change], atomic: true, CancellationToken.None);
            return (results[0], results[0].Record is { } record ? Shown(resource.Resource, record, []) : default);
        }, CancellationToken.None);
        var (result, shown) = await work.WaitAsync(call.Stop);
        if (result.Error is { } error)
            throw error.Code == ErrorCodes.Conflict && change.ExpectedRevision is { } expected ? FailureOrigin.Keep(new NexusException(ErrorCodes.PreconditionFailed, $"{error.Message} if_revision demanded {expected}."), FailureOrigin.Find(error)) : error;
        return (result, shown);
    }

    private ResourceChange Change(JsonElement request, ChangeKind kind, string? action)
    {
        if (kind == ChangeKind.Merge && request.TryGetProperty("replace", out var replace) && replace.ValueKind == JsonValueKind.True)
            kind = ChangeKind.Replace;
        var body = request.TryGetProperty(kind == ChangeKind.Action ? "input" : "record", out var given) ? JsonMarshal.GetRawUtf8Value(given).ToArray() : "{}"u8.ToArray();
        if (Words(request, "clear") is { Length: > 0 } cleared)
            body = Clear(body, cleared);
        JsonLimits.Check(body, settings.Current.Limits, null);
        return new ResourceChange
        {
            Kind = kind,
            Id = kind == ChangeKind.Create ? Text(request, "id") : Id(request),
            Body = kind == ChangeKind.Delete ? default : body,
            ExpectedRevision = request.TryGetProperty("ifRevision", out var revision) ? revision.GetInt64() : null,
            Action = kind != ChangeKind.Action ? null : action ?? Text(request, "action") ?? throw new NexusException(ErrorCodes.BadRequest, "Name the action."),
        };
    }

    /// <summary>A patch that also takes values away.</summary>
    private static byte[] Clear(byte[] body, string[] cleared)
    {
        var fields = System.Text.Json.Nodes.JsonNode.Parse(body)!.AsObject();
        foreach (var name in cleared)
            fields[name] = null;
        return JsonSerializer.SerializeToUtf8Bytes(fields, JsonAnswer.Options);
    }

    private async Task<(List<(string Id, long Revision, ReadOnlyMemory<byte> Json)> Records, string? Next, long? Total)> PageAsync(GrpcCall call, ResourceTarget target, JsonElement request, string? token)
    {
        var size = request.TryGetProperty("pageSize", out var given) ? given.GetInt32() : 50;
        if (size is < 1)
            throw new NexusException(ErrorCodes.BadRequest, "page_size is a whole number from 1.");
        var fields = Words(request, "fields");
        return await access.DoAsync(Resource(request, target), call.Caller, async resource =>
        {
            var page = await operations.ListAsync(resource, new ResourceQuery
            {
                Filter = FilterOf(resource.Resource, request),
                Sort = [.. Words(request, "sort").Select(word => ListRequest.Key(resource.Resource, word))],
                Search = Text(request, "search") is { } words ? ListRequest.Searched(resource.Resource, words) : null,
                Limit = Math.Min(size, MaxPage),
                Cursor = token,
                Count = request.TryGetProperty("count", out var count) && count.GetBoolean(),
            }, call.Stop);
            return (page.Records.Select(record => (record.Id, record.Revision, Shown(resource.Resource, record, fields))).ToList(), page.NextCursor, page.Total);
        }, call.Stop);
    }

    private static Filter? FilterOf(ResourceDescriptor resource, JsonElement request) =>
        request.TryGetProperty("filter", out var filter) ? FilterSyntax.FromJson(resource, filter.GetRawText()) : null;

    private ReadOnlyMemory<byte> Shown(ResourceDescriptor resource, StoredRecord record, string[] fields)
    {
        var projection = access.Projection(resource);
        foreach (var field in fields)
            _ = FieldPaths.Get(resource, field);
        if (fields.Length > 0)
            projection = JsonProjection.Of(projection, fields);
        return projection?.Apply(record.Json) ?? record.Json;
    }

    private static async Task SendAsync(GrpcCall call, ResourceTarget target, string id, long revision, ReadOnlyMemory<byte> json)
    {
        if (target.IsTyped)
        {
            await call.WriteAsync(json);
            return;
        }
        // The way of most calls: no JSON is made for what is known already.
        using var message = new ProtoWriter();
        message.Text(1, id);
        message.Int64(2, revision);
        var start = message.Begin(3);
        JsonToProto.WriteStruct(message, json.Span);
        message.End(start);
        await call.WriteAsync(message);
    }

    private static void WriteRecord(Utf8JsonWriter json, ResourceTarget target, string id, long revision, ReadOnlyMemory<byte> record)
    {
        if (target.IsTyped)
        {
            json.WriteRawValue(record.Span, skipInputValidation: true);
            return;
        }
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteNumber("revision", revision);
        json.WritePropertyName("fields");
        json.WriteRawValue(record.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static void WriteId(Utf8JsonWriter json, string? id)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, long number, string? id, Action? further, string name = "record")
    {
        json.WriteStartObject();
        json.WriteNumber("number", number);
        json.WriteString("id", id);
        if (further is not null)
        {
            json.WritePropertyName(name);
            further();
        }
        json.WriteEndObject();
    }

    private static void WriteError(Utf8JsonWriter json, GrpcStatus status)
    {
        json.WriteStartObject();
        json.WriteNumber("code", (int)status.Code);
        json.WriteString("reason", status.Reason);
        json.WriteString("message", status.Message);
        if (GatewayRequest.Current is { } request)
            json.WriteString("requestId", request.Id);
        Origins.Write(json, status.Origin);
        json.WriteStartArray("violations");
        foreach (var error in status.Errors)
        {
            json.WriteStartObject();
            json.WriteString("field", error.Pointer);
            json.WriteString("reason", error.Code);
            json.WriteString("description", Masking.Mask(error.Message));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Resource(JsonElement request, ResourceTarget target) => target.Resource ?? Text(request, "resource") ?? throw new NexusException(ErrorCodes.BadRequest, "Name the resource, such as orders.orders.");

    private static string Id(JsonElement request) => Text(request, "id") ?? throw new NexusException(ErrorCodes.BadRequest, "Name the record by its id.");

    private static string? Text(JsonElement request, string name) => request.TryGetProperty(name, out var value) && value.GetString() is { Length: > 0 } text ? text : null;

    private static string[] Words(JsonElement request, string name) => request.TryGetProperty(name, out var values) ? [.. values.EnumerateArray().Select(v => v.GetString()!)] : [];
}
