using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Pipeline;

/// <summary>Reads and checks bodies before any plugin sees them.</summary>
internal sealed class RequestBody(ServerSettings settings, IOptions<FormOptions> forms)
{
    /// <summary>Whether the request has or may have a body.</summary>
    public static bool Exists(HttpContext context) =>
        context.Request.ContentLength is { } length ? length > 0 : context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;

    /// <summary>Whether handlers of a method read bodies.</summary>
    public static bool IsExpected(string method) => HttpMethods.IsPost(method) || HttpMethods.IsPut(method) || HttpMethods.IsPatch(method);

    /// <summary>Whether a media type is JSON: <c>application/json</c> or any <c>+json</c>.</summary>
    public static bool IsJson(string? contentType)
    {
        if (contentType is null)
            return false;
        var type = contentType.AsSpan();
        if (type.IndexOf(';') is >= 0 and var end)
            type = type[..end];
        type = type.Trim();
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Reads a JSON body into memory, checks its limits and lets the handler read it again. Other bodies stay streams.</summary>
    public async ValueTask CheckAsync(HttpContext context, GatewayRequest request)
    {
        context.Features.Set<IFormFeature>(new CheckedForm(context, forms.Value));
        if (!Exists(context) || !IsJson(context.Request.ContentType))
            return;
        var body = await ReadJsonAsync(context, request);
        context.Request.Body = new ReadOnlyMemoryStream(body);
    }

    /// <summary>The JSON body, within all limits; empty when there is none.</summary>
    /// <exception cref="NexusException">A limit is exceeded, or it is not JSON.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReadJsonAsync(HttpContext context, GatewayRequest request) => ReadJsonAsync(context, request, null);

    /// <summary>The JSON body of a batch, whose outermost array may have more elements than others.</summary>
    /// <exception cref="NexusException">A limit is exceeded, or it is not JSON.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReadBatchAsync(HttpContext context, GatewayRequest request) => ReadJsonAsync(context, request, settings.Current.Limits.BatchLength);

    /// <summary>The JSON body of a route whose texts may be longer than those of others.</summary>
    /// <exception cref="NexusException">A limit is exceeded, or it is not JSON.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReadLongTextAsync(HttpContext context, GatewayRequest request, int stringLength) => ReadJsonAsync(context, request, null, stringLength);

    private async ValueTask<ReadOnlyMemory<byte>> ReadJsonAsync(HttpContext context, GatewayRequest request, int? outerLength, int stringLength = 0)
    {
        if (request.Body is { } read)
            return read;
        if (!Exists(context))
            return default;
        if (!IsJson(context.Request.ContentType))
            throw new NexusException(ErrorCodes.UnsupportedMediaType, $"This route reads application/json, not {context.Request.ContentType ?? "a body without Content-Type"}.");
        var limits = settings.Current.Limits;
        var body = await ReadAsync(context, limits);
        JsonLimits.Check(body.Span, stringLength > limits.StringLength ? limits.WithTexts(stringLength) : limits, outerLength);
        request.Body = body;
        return body;
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContext context, LimitOptions limits)
    {
        if (context.Request.ContentLength > limits.JsonBytes)
            throw TooLarge(limits);
        var reader = context.Request.BodyReader;
        var unread = reader.TryRead(out var seen);
        if (unread && seen.IsCompleted)
            return Take(reader, seen.Buffer, limits);
        using var slow = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        slow.CancelAfter(TimeSpan.FromSeconds(limits.BodySeconds));
        try
        {
            while (!seen.IsCompleted)
            {
                if (seen.Buffer.Length > limits.JsonBytes)
                    throw TooLarge(reader, seen.Buffer, limits);
                if (unread)
                    reader.AdvanceTo(seen.Buffer.Start, seen.Buffer.End);
                seen = await reader.ReadAsync(slow.Token);
                unread = true;
            }
            return Take(reader, seen.Buffer, limits);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            context.Response.Headers.Connection = "close";
            throw new NexusException(ErrorCodes.RequestTimeout, $"The body did not arrive within {limits.BodySeconds} s.");
        }
    }

    private static ReadOnlyMemory<byte> Take(PipeReader reader, ReadOnlySequence<byte> buffer, LimitOptions limits)
    {
        if (buffer.Length > limits.JsonBytes)
            throw TooLarge(reader, buffer, limits);
        var body = buffer.ToArray();
        reader.AdvanceTo(buffer.End);
        // A byte order mark is allowed by many senders and by no JSON reader.
        return body is [0xEF, 0xBB, 0xBF, ..] ? body.AsMemory(3) : body;
    }

    // A read that is left open makes the server fail where it drains the rest of the body ("Reading is already in progress").
    private static NexusException TooLarge(PipeReader reader, ReadOnlySequence<byte> buffer, LimitOptions limits)
    {
        reader.AdvanceTo(buffer.End);
        return TooLarge(limits);
    }

    private static NexusException TooLarge(LimitOptions limits) =>
        new(ErrorCodes.PayloadTooLarge, $"A JSON body may have {limits.JsonBytes:N0} bytes (server.limits.jsonBytes).");

    /// <summary>A body in memory that a handler reads as a stream.</summary>
    private sealed class ReadOnlyMemoryStream(ReadOnlyMemory<byte> body) : Stream
    {
        private int position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => body.Length;

        public override long Position
        {
            get => position;
            set => position = (int)Math.Clamp(value, 0, body.Length);
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, body.Length - position);
            body.Span.Slice(position, count).CopyTo(buffer);
            position += count;
            return count;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer, offset, count));

        public override long Seek(long offset, SeekOrigin origin) =>
            Position = offset + (origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => position, _ => body.Length });

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
