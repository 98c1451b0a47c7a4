using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Errors;

/// <summary>Writes RFC 9457 problem details: <c>type, title, status, detail, instance, code, requestId, traceId, errors</c>, and <c>plugin, version, component</c> for who may look at plugins.</summary>
internal static class Problem
{
    public const string ContentType = "application/problem+json";

    /// <summary>Answers with the catalogue entry of a code.</summary>
    /// <param name="context">The request; nothing of its response may have been sent.</param>
    /// <param name="code">Code of the catalogue.</param>
    /// <param name="detail">A safe text for this occurrence; the entry's cause when null.</param>
    /// <param name="errors">Field errors.</param>
    /// <param name="extend">Writes further members.</param>
    /// <param name="failure">What failed, for its origin; none of its text is shown.</param>
    public static Task WriteAsync(HttpContext context, string code, string? detail = null, IReadOnlyCollection<FieldError>? errors = null, Action<Utf8JsonWriter>? extend = null, Exception? failure = null) =>
        WriteAsync(context, ErrorCodes.Get(code), 0, detail, errors, extend, failure);

    /// <summary>Answers with a Nexus exception.</summary>
    public static Task WriteAsync(HttpContext context, NexusException exception) =>
        WriteAsync(context, ErrorCodes.Get(exception.Code), 0, exception.Message, exception.Errors, exception.Extensions is { } further ? json => Extend(json, further) : null, exception);

    /// <summary>Gives an error status that was set without a body its problem.</summary>
    public static Task WriteForStatusAsync(HttpContext context)
    {
        var status = context.Response.StatusCode;
        var code = status switch
        {
            401 => ErrorCodes.AuthenticationRequired,
            403 => ErrorCodes.PermissionDenied,
            404 => ErrorCodes.RouteNotFound,
            405 => ErrorCodes.MethodNotAllowed,
            406 => ErrorCodes.NotAcceptable,
            408 => ErrorCodes.RequestTimeout,
            409 => ErrorCodes.Conflict,
            412 => ErrorCodes.PreconditionFailed,
            413 => ErrorCodes.PayloadTooLarge,
            415 => ErrorCodes.UnsupportedMediaType,
            422 => ErrorCodes.ValidationError,
            503 => ErrorCodes.ServiceUnavailable,
            >= 500 => ErrorCodes.InternalError,
            _ => ErrorCodes.BadRequest,
        };
        if (status == 404 && GatewayRequest.Of(context).Route is not null)
            code = ErrorCodes.ResourceNotFound;
        var detail = status switch
        {
            404 when code == ErrorCodes.RouteNotFound => $"Nothing is served at {context.Request.Path}.",
            405 => $"{context.Request.Path} does not answer {context.Request.Method}; it answers {context.Response.Headers.Allow}.",
            _ => null,
        };
        return WriteAsync(context, ErrorCodes.Get(code), status, detail, null, null);
    }

    /// <summary>Writes the members of a problem into an open object.</summary>
    public static void WriteMembers(Utf8JsonWriter json, ErrorCode entry, int status, string? detail, IReadOnlyCollection<FieldError>? errors)
    {
        json.WriteString("type", $"/api/v1/errors/{entry.Code}");
        json.WriteString("title", entry.Title);
        json.WriteNumber("status", status == 0 ? entry.Status : status);
        json.WriteString("detail", detail is null ? entry.Cause : Masking.Mask(detail));
        json.WriteString("code", entry.Code);
        if (GatewayRequest.Current is { } request)
            json.WriteString("requestId", request.Id);
        if (errors is not { Count: > 0 })
            return;
        json.WriteStartArray("errors");
        foreach (var error in errors)
        {
            json.WriteStartObject();
            json.WriteString("pointer", error.Pointer);
            json.WriteString("code", error.Code);
            json.WriteString("detail", Masking.Mask(error.Message));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Extend(Utf8JsonWriter json, JsonObject further)
    {
        foreach (var (name, value) in further)
        {
            json.WritePropertyName(name);
            if (value is null) json.WriteNullValue();
            else value.WriteTo(json);
        }
    }

    private static async Task WriteAsync(HttpContext context, ErrorCode entry, int status, string? detail, IReadOnlyCollection<FieldError>? errors, Action<Utf8JsonWriter>? extend, Exception? failure = null)
    {
        var response = context.Response;
        if (response.HasStarted)
        {
            context.Abort();
            return;
        }
        var origin = await Origins.ShowAsync(context, failure);
        // Whoever speaks gRPC reads no other form of an error, whichever stage it came from.
        if (GrpcStatus.IsAsked(context.Request))
        {
            (GrpcStatus.Of(entry, detail, errors) with { Origin = origin }).Send(context);
            return;
        }
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteMembers(json, entry, status, detail, errors);
            json.WriteString("instance", context.Request.Path.Value);
            json.WriteString("traceId", GatewayRequest.Of(context).TraceId);
            Origins.Write(json, origin);
            extend?.Invoke(json);
            json.WriteEndObject();
        }
        var headers = response.Headers;
        headers.ContentEncoding = headers.ETag = headers.LastModified = headers.ContentDisposition = headers.Link = default;
        headers.CacheControl = "no-store";
        response.StatusCode = status == 0 ? entry.Status : status;
        if (response.StatusCode == 503 && headers.RetryAfter.Count == 0)
            headers.RetryAfter = "1";
        if (response.StatusCode == 401 && headers.WWWAuthenticate.Count == 0)
            headers.WWWAuthenticate = GatewayRequest.Of(context).Refusal is null ? "Bearer realm=\"nexus\"" : "Bearer realm=\"nexus\", error=\"invalid_token\"";
        response.ContentType = ContentType;
        response.ContentLength = buffer.WrittenCount;
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.BodyWriter.WriteAsync(buffer.WrittenMemory, CancellationToken.None);
    }
}
