using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Reads requests with errors that name the place.</summary>
internal static class Reading
{
    /// <summary>Prefix of all routes.</summary>
    public const string Prefix = "/api/business/ledger";

    private const int MaxJson = 1024 * 1024;

    /// <summary>Reads a JSON body of at most 1 MiB.</summary>
    /// <exception cref="NexusException"><c>UNSUPPORTED_MEDIA_TYPE</c>, <c>PAYLOAD_TOO_LARGE</c>, <c>BAD_REQUEST</c>.</exception>
    public static async Task<T> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasJsonContentType()) throw new NexusException(ErrorCodes.UnsupportedMediaType, $"This route reads application/json, not {context.Request.ContentType ?? "a body without Content-Type"}.");
        var bytes = await BytesAsync(context.Request.Body, context.Request.ContentLength, MaxJson, context.RequestAborted);
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw new NexusException(ErrorCodes.BadRequest, "The body is null; send an object.");
        }
        catch (JsonException e)
        {
            var place = e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine + 1})" : "";
            throw new NexusException(ErrorCodes.BadRequest, $"The body is not what the route reads, at {e.Path ?? "$"}{place}: a value of another type, an unknown field or broken JSON.", e) { Errors = [new FieldError(Pointer(e.Path), "json", "A value of another type, an unknown field or broken JSON.")] };
        }
    }

    /// <summary>Reads a stream to its end, bounded.</summary>
    public static async Task<byte[]> BytesAsync(Stream stream, long? announced, int limit, CancellationToken cancellationToken)
    {
        if (announced > limit) throw TooLarge(limit);
        using var buffer = new MemoryStream((int)Math.Min(announced ?? 4_096, limit));
        var chunk = new byte[64 * 1024];
        for (int read; (read = await stream.ReadAsync(chunk, cancellationToken)) > 0;)
        {
            if (buffer.Length + read > limit) throw TooLarge(limit);
            buffer.Write(chunk, 0, read);
        }
        return buffer.ToArray();
    }

    /// <summary>Text of a query parameter, or null.</summary>
    public static string? Query(HttpContext context, string name) => context.Request.Query[name] is { Count: > 0 } values && values[0] is { Length: > 0 } text ? text : null;

    /// <summary>Text of a query parameter that is needed.</summary>
    public static string NeededQuery(HttpContext context, string name) => Query(context, name) ?? throw Invalid($"/query/{name}", "required", $"Name the {name} in the query: ?{name}=…");

    /// <summary>Day of a query parameter, or null.</summary>
    public static DateOnly? DayQuery(HttpContext context, string name) => Query(context, name) is { } text ? Day(text, $"/query/{name}") : null;

    /// <summary>Size of a page: 100 unless <c>?limit=</c> says 1 to 1,000.</summary>
    public static int Limit(HttpContext context) => Query(context, "limit") is not { } text ? 100
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= 1_000 ? limit
        : throw Invalid("/query/limit", "range", "limit is a number from 1 to 1000.");

    /// <summary>A day of the form 2024-12-31.</summary>
    public static DateOnly Day(string text, string pointer) => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is >= 1900 and < 2200
        ? day
        : throw Invalid(pointer, "date", "A day is written 2024-12-31 and lies between 1900 and 2199.");

    /// <summary>An optional text within a length.</summary>
    public static string? Text(string? text, string pointer, int longest) => text is null || (text.Length <= longest && !text.AsSpan().Contains('\0')) ? text : throw Invalid(pointer, "max_length", $"At most {longest} characters.");

    /// <summary>A text that is needed.</summary>
    public static string Needed(string? text, string pointer, int longest) => string.IsNullOrWhiteSpace(text) ? throw Invalid(pointer, "required", "A value is needed.") : Text(text.Trim(), pointer, longest)!;

    /// <summary>An error of one field.</summary>
    public static NexusException Invalid(string pointer, string code, string message) => new(ErrorCodes.ValidationError, $"{pointer}: {message}") { Errors = [new FieldError(pointer, code, message)] };

    /// <summary>Collects errors of many fields and throws them together.</summary>
    public sealed class Errors
    {
        private readonly ImmutableArray<FieldError>.Builder _errors = ImmutableArray.CreateBuilder<FieldError>();

        /// <summary>Runs a check; its field errors are kept, and null is returned for its value.</summary>
        public T? Try<T>(string pointer, Func<T> read)
        {
            try
            {
                return read();
            }
            catch (NexusException e)
            {
                if (e.Errors.IsEmpty) _errors.Add(new FieldError(pointer, e.Code.ToLowerInvariant(), e.Message));
                else _errors.AddRange(e.Errors);
                return default;
            }
        }

        /// <summary>Throws when there was an error.</summary>
        public void Throw()
        {
            if (_errors.Count > 0) throw new NexusException(ErrorCodes.ValidationError, $"{_errors[0].Pointer}: {_errors[0].Message}") { Errors = _errors.ToImmutable() };
        }
    }

    // System.Text.Json names places as $.postings[0].amount.
    private static string Pointer(string? path) => path is null ? "" : path.TrimStart('$').Replace("[", "/", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal).Replace('.', '/');

    private static NexusException TooLarge(int limit) => new(ErrorCodes.PayloadTooLarge, $"The body is larger than the {limit:N0} bytes that this route reads.");
}
