using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Rest;

/// <summary>The files of a request, as streams in the order they come: the body itself, or the files of a multipart form.</summary>
internal sealed class AttachmentUploads(HttpContext context, AttachmentRules rules)
{
    private const int MaxBoundary = 128;
    private const int MaxPartHeaders = 8 * 1024;

    /// <summary>Reads them. A file's stream is valid until the next one is asked for.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>, <c>PAYLOAD_TOO_LARGE</c>, <c>REQUEST_TIMEOUT</c>: the body is damaged, longer than it may be, or came too slowly.</exception>
    public async IAsyncEnumerable<AttachmentUpload> ReadAsync()
    {
        var request = context.Request;
        var type = MediaTypeHeaderValue.TryParse(request.ContentType, out var sent) ? sent : null;
        await using var body = new CallersBody(context);
        if (type?.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase) != true)
        {
            if (request.ContentLength > rules.MaxBytes)
                throw new NexusException(ErrorCodes.PayloadTooLarge, $"The file has {request.ContentLength:N0} bytes; {rules.MaxBytes:N0} are the most that may be attached here.");
            // A file may be empty; nothing at all is no file.
            var given = NameOf(request.Headers.ContentDisposition.ToString()) ?? request.Query["name"].ToString();
            if (given.Length > 0 || RequestBody.Exists(context))
                yield return new AttachmentUpload(given, request.ContentType, body);
            yield break;
        }
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (boundary is not { Length: > 0 and <= MaxBoundary })
            throw new NexusException(ErrorCodes.BadRequest, $"The multipart body has no boundary of 1 to {MaxBoundary} characters.");
        var reader = new MultipartReader(boundary, body) { HeadersLengthLimit = MaxPartHeaders };
        while (await NextAsync(reader) is { } part)
        {
            // Other fields of a form are passed over.
            if (NameOf(part.ContentDisposition) is { } name)
                yield return new AttachmentUpload(name, part.ContentType, new DamagedForm(part.Body));
        }
    }

    private async Task<MultipartSection?> NextAsync(MultipartReader reader)
    {
        try
        {
            return await reader.ReadNextSectionAsync(context.RequestAborted);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw DamagedForm.Of(exception);
        }
    }

    /// <summary>The file name of a <c>Content-Disposition</c>; null when it names none. The extended form (RFC 8187) goes before the plain one.</summary>
    private static string? NameOf(string? disposition)
    {
        if (!ContentDispositionHeaderValue.TryParse(disposition, out var parsed))
            return null;
        return parsed.FileNameStar is { HasValue: true, Length: > 0 } full ? full.Value
            : parsed.FileName.HasValue ? HeaderUtilities.UnescapeAsQuotedString(parsed.FileName).Value
            : null;
    }

    /// <summary>A part of a form that may be cut off.</summary>
    private sealed class DamagedForm(Stream inner) : ReadOnlyBody
    {
        public static NexusException Of(Exception exception) => new(ErrorCodes.BadRequest, "The multipart body is damaged: a boundary or a header of a part is missing, or it ends before its last part does.", exception);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await inner.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception exception) when (exception is InvalidDataException or IOException)
            {
                throw Of(exception);
            }
        }
    }

    /// <summary>The body of a request, whose failures are the caller's and not those of whoever stores it.</summary>
    private sealed class CallersBody(HttpContext context) : ReadOnlyBody
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await context.Request.Body.ReadAsync(buffer, cancellationToken);
            }
            catch (IOException exception)
            {
                context.RequestAborted.ThrowIfCancellationRequested();
                throw (exception as BadHttpRequestException)?.StatusCode switch
                {
                    StatusCodes.Status413PayloadTooLarge => new NexusException(ErrorCodes.PayloadTooLarge, "The body is longer than all files that a record may have.", exception),
                    StatusCodes.Status408RequestTimeout => new NexusException(ErrorCodes.RequestTimeout, "The body came too slowly.", exception),
                    _ => new NexusException(ErrorCodes.BadRequest, "The body ends before its length says so.", exception),
                };
            }
        }
    }

    /// <summary>A stream that is read once, forwards.</summary>
    private abstract class ReadOnlyBody : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
