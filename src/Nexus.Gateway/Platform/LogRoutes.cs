using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Logging;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The newest lines of this node's log, searched.</summary>
internal sealed class LogRoutes(RecentLines recent) : IPlatformRoutes
{
    private const int MaxLines = 1_000;
    private const int MaxText = 200;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/logs", "getLogs", "The newest lines of the node's log, oldest first", "platform.logs:read", ReadAsync)
        {
            Quiet = true,
            Query =
            [
                ("level", "least level: trace, debug, information, warning, error, critical"), ("component", "beginning of the category, such as Nexus.Gateway"), ("search", "part of the text, the failure, the category or the request's id"),
                ("request", "id of a request"), ("from", "from this moment on, RFC 3339"), ("to", "before this moment, RFC 3339"), ("limit", "greatest number of lines, 1 to 1000, 200 when absent"), ("after", "only lines after this number; then the oldest of them"),
            ],
            Answer = Answer.Of<NodeLogLine[]>(),
        },
    ];

    private Task ReadAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var filter = new LogFilter(Level(query["level"]), Number(query["after"], "after", 0, long.MaxValue, 0))
        {
            Component = Text(query["component"], "component"),
            Search = Text(query["search"], "search"),
            Request = Text(query["request"], "request"),
            From = Moment(query["from"], "from"),
            To = Moment(query["to"], "to"),
        };
        return JsonAnswer.SendAsync(context, recent.Read(filter, (int)Number(query["limit"], "limit", 1, MaxLines, 200)));
    }

    internal static LogLevel Level(string? text)
    {
        var least = LogLevel.Trace;
        return string.IsNullOrEmpty(text) || (!char.IsAsciiDigit(text[0]) && Enum.TryParse(text, ignoreCase: true, out least) && Enum.IsDefined(least) && least != LogLevel.None)
            ? least
            : throw Invalid("level", "level is one of trace, debug, information, warning, error, critical.");
    }

    internal static long Number(string? text, string name, long least, long most, long absent)
    {
        if (string.IsNullOrEmpty(text))
            return absent;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Invalid(name, $"{name} is a whole number from {least} to {most}.");
    }

    private static string? Text(string? text, string name) => text switch
    {
        null or "" => null,
        { Length: > MaxText } => throw Invalid(name, $"{name} has at most {MaxText} characters."),
        _ => text,
    };

    private static DateTimeOffset? Moment(string? text, string name)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment
            : throw Invalid(name, $"{name} is a moment such as 2026-01-02T03:04:05Z.");
    }

    private static NexusException Invalid(string name, string message) =>
        new(ErrorCodes.ValidationError, message) { Errors = [new FieldError($"/{name}", "invalid", message)] };
}
