using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The newest lines that one plugin logged.</summary>
internal sealed class PluginLogRoutes(IPlugins plugins, IServiceProvider host) : IPlatformRoutes
{
    private const int MaxLines = 1_000;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/plugins/{id}/logs", "getPluginLogs", "The newest lines that a plugin logged, oldest first", "platform.plugins:read", ReadAsync)
        {
            Query = [("level", "least level: trace, debug, information, warning, error, critical"), ("limit", "greatest number of lines, 1 to 1000, 200 when absent"), ("after", "only lines after this number")],
            Answer = Answer.Of<PluginLogLine[]>(),
        },
    ];

    private Task ReadAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (plugins.List().All(p => p.Id != id))
            throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        var query = context.Request.Query;
        var limit = (int)Number(query["limit"], "limit", 1, MaxLines, 200);
        var after = Number(query["after"], "after", 0, long.MaxValue, 0);
        var least = LogLevel.Trace;
        if (query["level"] is [{ Length: > 0 } level] && (!Enum.TryParse(level, ignoreCase: true, out least) || !Enum.IsDefined(least) || char.IsAsciiDigit(level[0])))
            throw Invalid("level", "level is one of trace, debug, information, warning, error, critical.");
        return JsonAnswer.SendAsync(context, [.. host.GetRequiredService<IPluginLogs>().Read(id, after, limit, least)], PlatformJson.Shared.PluginLogLineArray);
    }

    private static long Number(string? text, string name, long least, long most, long absent)
    {
        if (string.IsNullOrEmpty(text))
            return absent;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Invalid(name, $"{name} is a whole number from {least} to {most}.");
    }

    private static NexusException Invalid(string name, string message) =>
        new(ErrorCodes.ValidationError, message) { Errors = [new FieldError($"/{name}", "invalid", message)] };
}
