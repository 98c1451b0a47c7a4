using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Audit.Search;

namespace Nexus.Core.Audit.Http;

/// <summary>Reads what a caller looks for.</summary>
internal static class EntryQuery
{
    private const int MaxBody = 64 * 1024;

    /// <summary>What a filter is made of.</summary>
    public static readonly ImmutableArray<(string Name, string Meaning)> Words =
    [
        ("actor", "who did it, by id"), ("action", "what was done, such as core.identity.signed_in; a star at the end stands for any"), ("subject", "to what"), ("result", "success, denied or failure"),
        ("address", "from which address"), ("correlationId", "in which request"), ("from", "not before this instant"), ("to", "before this instant"), ("q", "words of the entry"),
    ];

    /// <summary>The filter of named texts.</summary>
    public static EntryFilter Filter(Func<string, string?> text) => new()
    {
        Actor = text("actor"),
        Action = text("action"),
        Subject = text("subject"),
        Result = text("result") switch
        {
            null => null,
            "success" => AuditResult.Success,
            "denied" => AuditResult.Denied,
            "failure" => AuditResult.Failure,
            _ => throw Invalid("/result", "result is success, denied or failure."),
        },
        Address = text("address"),
        CorrelationId = text("correlationId"),
        From = Instant("from", text("from")),
        To = Instant("to", text("to")),
        Text = text("q"),
    };

    /// <summary>Size of a page: 50 unless asked otherwise, 1 to 1000.</summary>
    public static int Limit(string? text) => string.IsNullOrEmpty(text) ? 50
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= 1000 ? limit : throw Invalid("/limit", "limit is a number from 1 to 1000.");

    /// <summary>The body as an object; empty when there is none.</summary>
    public static async Task<JsonObject> BodyAsync(HttpContext context)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[4096];
        for (int read; (read = await context.Request.Body.ReadAsync(chunk, context.RequestAborted)) > 0;)
        {
            if (buffer.Length + read > MaxBody)
                throw new NexusException(ErrorCodes.PayloadTooLarge, "The body is larger than 64 KiB.");
            buffer.Write(chunk, 0, read);
        }

        try
        {
            return buffer.Length == 0 ? [] : JsonNode.Parse(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)) as JsonObject ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.BadRequest, """The body is a JSON object, such as {"format":"csv","from":"2026-01-01T00:00:00Z"}.""", e);
        }
    }

    /// <summary>An error of one field.</summary>
    public static NexusException Invalid(string pointer, string message) => new(ErrorCodes.ValidationError, message) { Errors = [new FieldError(pointer, "invalid", message)] };

    private static DateTimeOffset? Instant(string name, string? text) => text is null ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : throw Invalid("/" + name, $"{name} is an instant such as 2026-01-31T12:00:00Z.");
}
