using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Rest;

/// <summary>Writes JSON answers with their length.</summary>
internal static class JsonAnswer
{
    public const string ContentType = "application/json; charset=utf-8";

    /// <summary>Escapes what HTML would interpret, so that stored text stays text wherever it is pasted.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new() { Encoder = JavaScriptEncoder.Create(System.Text.Unicode.UnicodeRanges.All), SkipValidation = true };

    /// <summary>The form of the platform's own answers.</summary>
    public static JsonSerializerOptions Options { get; } = Form();

    private static JsonSerializerOptions Form()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            Encoder = JavaScriptEncoder.Create(System.Text.Unicode.UnicodeRanges.All),
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Converters = { new JsonStringEnumConverter() },
        };
        // Its types are asked for their schemas too, which may be before anything was written.
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>Sends bytes; completes synchronously where the transport does.</summary>
    public static Task SendBytesAsync(HttpContext context, ReadOnlyMemory<byte> json, string contentType = ContentType)
    {
        if (contentType == ContentType && json.Span.Contains((byte)'<'))
            json = Escape(json.Span);
        var response = context.Response;
        response.ContentType = contentType;
        response.ContentLength = json.Length;
        if (HttpMethods.IsHead(context.Request.Method))
            return Task.CompletedTask;
        var sent = response.BodyWriter.WriteAsync(json, CancellationToken.None);
        return sent.IsCompletedSuccessfully ? Task.CompletedTask : sent.AsTask();
    }

    /// <summary>Stored JSON is kept as it was written; a <c>&lt;</c> stands in strings only, and without it no markup begins.</summary>
    private static byte[] Escape(ReadOnlySpan<byte> json)
    {
        var escaped = new byte[json.Length + (json.Count((byte)'<') * 5)];
        var at = 0;
        while (json.IndexOf((byte)'<') is >= 0 and var next)
        {
            json[..next].CopyTo(escaped.AsSpan(at));
            "\\u003C"u8.CopyTo(escaped.AsSpan(at += next));
            at += 6;
            json = json[(next + 1)..];
        }
        json.CopyTo(escaped.AsSpan(at));
        return escaped;
    }

    /// <summary>Sends one of the platform's own values.</summary>
    public static Task SendAsync<T>(HttpContext context, T value, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return SendBytesAsync(context, JsonSerializer.SerializeToUtf8Bytes(value, Options));
    }

    /// <summary>Sends a value by generated code, which keeps nothing in the framework's caches.</summary>
    public static Task SendAsync<T>(HttpContext context, T value, JsonTypeInfo<T> form, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return SendBytesAsync(context, JsonSerializer.SerializeToUtf8Bytes(value, form));
    }

    /// <summary>Sends what a writer writes.</summary>
    public static Task SendAsync(HttpContext context, Action<Utf8JsonWriter> write, int status = StatusCodes.Status200OK)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
            write(json);
        context.Response.StatusCode = status;
        return SendBytesAsync(context, buffer.WrittenMemory);
    }
}
