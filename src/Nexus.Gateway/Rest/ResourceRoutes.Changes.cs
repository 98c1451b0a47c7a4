using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Rest;

/// <content>Changes of one record and of many.</content>
internal sealed partial class ResourceRoutes
{
    private async Task CreateAsync(HttpContext context)
    {
        var body = await BodyAsync(context);
        RequireObject(body);
        var result = await ChangeOneAsync(context, body, new ResourceChange { Kind = ChangeKind.Create, Id = IdOf(body), Body = body });
        if (result.Record is not { } record)
            return;
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.Location = $"{context.Request.PathBase}{path}/{Uri.EscapeDataString(record.Id)}";
        await SendRecordAsync(context, record);
    }

    private async Task ChangeAsync(HttpContext context, ChangeKind kind, string? action = null)
    {
        ReadOnlyMemory<byte> body = default;
        if (kind != ChangeKind.Delete)
        {
            body = await BodyAsync(context);
            if (kind == ChangeKind.Action && body.IsEmpty)
                body = "{}"u8.ToArray();
            RequireObject(body);
        }
        var expected = EntityTags.Demanded(context.Request);
        var id = (string)context.Request.RouteValues["id"]!;
        var result = await ChangeOneAsync(context, body, new ResourceChange { Kind = kind, Id = id, Body = body, ExpectedRevision = expected, Action = action });
        if (result.Record is { } record)
            await SendRecordAsync(context, record);
        else if (result.Error is null)
            context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>Carries out one change; a refusal is answered and leaves neither record nor success.</summary>
    private async ValueTask<ChangeResult> ChangeOneAsync(HttpContext context, ReadOnlyMemory<byte> body, ResourceChange change)
    {
        // No abort signal: what was sent completely is done, whether or not the caller waits for the answer.
        var results = await parts.Operations.ChangeAsync(CallWithKey(context, body), [change], atomic: true, CancellationToken.None);
        var result = results[0];
        if (result.Error is { } error)
        {
            if (IsRefused(error))
                throw error;
            if (error.Code == ErrorCodes.Conflict && change.ExpectedRevision is not null)
                error = new NexusException(ErrorCodes.PreconditionFailed, $"{error.Message} If-Match demanded revision {change.ExpectedRevision}.");
            await Problem.WriteAsync(context, error);
        }
        else if (result.Replayed)
        {
            context.Response.Headers["Idempotency-Replayed"] = "true";
        }
        return result;
    }

    private Task SendRecordAsync(HttpContext context, StoredRecord record)
    {
        context.Response.Headers.ETag = EntityTags.For(record.Revision);
        return JsonAnswer.SendBytesAsync(context, always?.Apply(record.Json) ?? record.Json);
    }

    private async Task BatchAsync(HttpContext context, ChangeKind kind, string? action = null)
    {
        var body = await parts.Bodies.ReadBatchAsync(context, GatewayRequest.Of(context));
        ImmutableArray<ResourceChange> changes = kind switch
        {
            ChangeKind.Delete => [.. Named(context, body).Select(id => new ResourceChange { Kind = kind, Id = id })],
            ChangeKind.Action => Actions(context, body, action),
            _ => [.. Elements(body).Select(e => ChangeOf(kind, e))],
        };
        if (changes.IsEmpty)
            throw new NexusException(ErrorCodes.BadRequest, kind is ChangeKind.Delete or ChangeKind.Action ? "Name the records by ?ids=a,b or by a JSON array of ids." : "The body is a JSON array of one or more records.");
        var atomic = context.Request.Query["atomic"] is ["true" or "1"];
        var results = await parts.Operations.ChangeAsync(CallWithKey(context, body), changes, atomic, CancellationToken.None);
        if (results.Any(r => r.Error is { } error && IsRefused(error)) && results.All(r => r.Error is not null))
            throw results.First(r => r.Error is not null).Error!;
        if (results.Any(r => r.Replayed))
            context.Response.Headers["Idempotency-Replayed"] = "true";
        await AnswerBatchAsync(context, kind, atomic, results);
    }

    private Task AnswerBatchAsync(HttpContext context, ChangeKind kind, bool atomic, ImmutableArray<ChangeResult> results)
    {
        var done = kind switch { ChangeKind.Create => 201, ChangeKind.Delete => 204, _ => 200 };
        var failed = results.Count(r => r.Error is not null);
        if (atomic && failed > 0)
        {
            // All or nothing: the whole answer is the fault's. Records that were only held back by it are in conflict with it.
            var first = (results.FirstOrDefault(r => r.Error is { } error && error.Code != ErrorCodes.Conflict) ?? results.First(r => r.Error is not null)).Error!;
            return Problem.WriteAsync(context, first.Code, $"Nothing was changed. {first.Message}", PointersOf(results), json => WriteResults(json, results, 424));
        }
        var whole = failed > 0 ? StatusCodes.Status207MultiStatus : kind == ChangeKind.Create ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        return JsonAnswer.SendAsync(
            context,
            json =>
            {
                json.WriteStartObject();
                json.WriteNumber("succeeded", results.Length - failed);
                json.WriteNumber("failed", failed);
                WriteResults(json, results, done);
                json.WriteEndObject();
            },
            whole);
    }

    private void WriteResults(Utf8JsonWriter json, ImmutableArray<ChangeResult> results, int statusWithoutError)
    {
        json.WriteStartArray("results");
        foreach (var result in results)
        {
            json.WriteStartObject();
            if (result.Error is { } error)
            {
                json.WriteNumber("status", error.Status);
                json.WriteString("id", result.Id);
                json.WriteStartObject("error");
                Problem.WriteMembers(json, ErrorCodes.Get(error.Code), 0, error.Message, error.Errors);
                json.WriteEndObject();
            }
            else
            {
                json.WriteNumber("status", statusWithoutError);
                json.WriteString("id", result.Id ?? result.Record?.Id);
                if (result.Record is { } record && statusWithoutError != 424)
                {
                    json.WritePropertyName("record");
                    json.WriteRawValue((always?.Apply(record.Json) ?? record.Json).Span, skipInputValidation: true);
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static List<FieldError> PointersOf(ImmutableArray<ChangeResult> results) =>
        [.. results.SelectMany((r, i) => r.Error?.Errors.Select(e => e with { Pointer = $"/{i}{e.Pointer}" }) ?? [])];

    private ResourceCall CallWithKey(HttpContext context, ReadOnlyMemory<byte> body)
    {
        if (!HttpMethods.IsPost(context.Request.Method) || IdempotencyKeys.Of(context.Request) is not { } key)
            return Call(context);
        return Call(context) with { Idempotency = new IdempotentRequest(key, IdempotencyKeys.Fingerprint(context.Request, body.Span)) };
    }

    private ValueTask<ReadOnlyMemory<byte>> BodyAsync(HttpContext context) => parts.Bodies.ReadJsonAsync(context, GatewayRequest.Of(context));

    private static ResourceChange ChangeOf(ChangeKind kind, ReadOnlyMemory<byte> element)
    {
        RequireObject(element);
        var id = IdOf(element);
        if (id is null && kind != ChangeKind.Create)
            throw new NexusException(ErrorCodes.BadRequest, "Each record of a batch update names its id.");
        return new ResourceChange { Kind = kind, Id = id, Body = element };
    }

    /// <summary>One action of all the records that a body names, each with the same input.</summary>
    private static ImmutableArray<ResourceChange> Actions(HttpContext context, ReadOnlyMemory<byte> body, string? action)
    {
        var input = "{}"u8.ToArray();
        if (!body.IsEmpty)
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("input", out var sent))
                input = sent.ValueKind == JsonValueKind.Object ? Encoding.UTF8.GetBytes(sent.GetRawText()) : throw new NexusException(ErrorCodes.BadRequest, "`input` is a JSON object with the fields of the action's input.");
        }
        return [.. Named(context, body).Select(id => new ResourceChange { Kind = ChangeKind.Action, Id = id, Body = input, Action = action })];
    }

    /// <summary>The ids that a query and a body name.</summary>
    private static List<string> Named(HttpContext context, ReadOnlyMemory<byte> body)
    {
        IEnumerable<string> ids = context.Request.Query["ids"].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        if (!body.IsEmpty)
        {
            using var document = JsonDocument.Parse(body);
            var named = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("ids", out var inner) ? inner : document.RootElement;
            if (named.ValueKind != JsonValueKind.Array || named.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.String))
                throw new NexusException(ErrorCodes.BadRequest, "The body is a JSON array of ids, or an object with one under `ids`.");
            ids = [.. ids, .. named.EnumerateArray().Select(e => e.GetString()!)];
        }
        return [.. ids];
    }

    /// <summary>The elements of a JSON array, each as the bytes it was sent as.</summary>
    private static List<ReadOnlyMemory<byte>> Elements(ReadOnlyMemory<byte> body)
    {
        var elements = new List<ReadOnlyMemory<byte>>();
        var reader = new Utf8JsonReader(body.Span);
        if (body.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            throw new NexusException(ErrorCodes.BadRequest, "The body is a JSON array of records.");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            elements.Add(body[start..(int)reader.BytesConsumed]);
        }
        return elements;
    }

    private static void RequireObject(ReadOnlyMemory<byte> body)
    {
        var reader = new Utf8JsonReader(body.Span);
        if (body.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new NexusException(ErrorCodes.BadRequest, "The body is a JSON object with the record's fields.");
    }

    private static string? IdOf(ReadOnlyMemory<byte> body)
    {
        var reader = new Utf8JsonReader(body.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals("id"u8);
            reader.Read();
            if (found)
                return reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            reader.Skip();
        }
        return null;
    }
}

/// <summary>The <c>Idempotency-Key</c> header.</summary>
internal static class IdempotencyKeys
{
    private const int MaxLength = 200;

    /// <summary>The key of a request, or null.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c> when it is not 1 to 200 visible ASCII characters.</exception>
    public static string? Of(HttpRequest request) => request.Headers["Idempotency-Key"] switch
    {
        [] => null,
        [{ Length: > 0 and <= MaxLength } key] when key.All(c => c is > ' ' and < (char)127) => key,
        _ => throw new NexusException(ErrorCodes.BadRequest, $"Idempotency-Key is 1 to {MaxLength} visible ASCII characters, given once."),
    };

    /// <summary>SHA-256 over method, path, query and body, hex.</summary>
    public static string Fingerprint(HttpRequest request, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method}\n{request.Path}{request.QueryString}\n"));
        hash.AppendData(body);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
