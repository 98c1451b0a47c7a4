using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Net.Http.Headers;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Metrics;

/// <summary><c>/metrics</c> for Prometheus, and as JSON over time for those who have none.</summary>
internal sealed class MetricsRoutes(NodeMetrics metrics, RequestHistory history, TimeProvider time) : IPlatformRoutes
{
    private const int MaxSteps = 1500;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly (string, string) Start = ("start", "not before, RFC 3339; an hour before the end when left out");
    private static readonly (string, string) End = ("end", "before, RFC 3339; now when left out");

    private const string Always = """ "requests","errors","average","p50","p95","p99","by_status" """;
    private const string Tally = """ "requests":{"type":"integer"},"errors":{"type":"integer"},"average":{"type":["number","null"]},"p50":{"type":["number","null"]},"p95":{"type":["number","null"]},"p99":{"type":["number","null"]},"by_status":{"type":"object","additionalProperties":{"type":"integer"}} """;
    private const string RangeForm = """ "start":{"type":"string","format":"date-time"},"end":{"type":"string","format":"date-time"} """;
    private static readonly Answer Summary = Answer.Written("RequestSummary", """{"type":"object","required":["start","end",""" + Always + """],"properties":{""" + RangeForm + "," + Tally + "}}");
    private static readonly Answer Steps = Answer.Written("RequestSteps", """{"type":"object","required":["start","end","resolution_seconds","points"],"properties":{""" + RangeForm + ""","resolution_seconds":{"type":"number"},"points":{"type":"array","items":{"type":"object","required":["at",""" + Always + """],"properties":{"at":{"type":"string","format":"date-time"},""" + Tally + "}}}}}");

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/metrics", "getMetrics", "Metrics in the Prometheus text form, or as OpenMetrics where that is accepted", ScrapeToken.Permission, MetricsAsync)
        {
            Quiet = true,
            Query = [("resolution", "length of a step, 1m to 1d, such as 5m or 6h; with this, a start or an end the answer is JSON"), Start, End],
            Answer = Steps with { Types = ["text/plain", "application/openmetrics-text", "application/json"] },
        },
        new("GET", "/metrics/summary", "getMetricsSummary", "Requests of a stretch of time in numbers: how many, by status, how long", ScrapeToken.Permission, SummaryAsync) { Quiet = true, Query = [Start, End], Answer = Summary },
    ];

    private Task MetricsAsync(HttpContext context)
    {
        context.Response.Headers.Vary = "Accept";
        return WantsSteps(context.Request) ? StepsAsync(context) : TextAsync(context);
    }

    private async Task TextAsync(HttpContext context)
    {
        var to = Exposition.For(context.Request);
        await metrics.WriteAsync(to, context.RequestAborted);
        await JsonAnswer.SendBytesAsync(context, to.End(), to.ContentType);
    }

    private static bool WantsSteps(HttpRequest request) =>
        request.Query.ContainsKey("start") || request.Query.ContainsKey("end") || request.Query.ContainsKey("resolution")
        || MediaTypeHeaderValue.TryParseList([.. request.Headers.Accept.OfType<string>()], out var accepted) && accepted.MaxBy(a => a.Quality ?? 1)?.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) == true;

    private Task StepsAsync(HttpContext context)
    {
        var (start, end) = Range(context.Request);
        var step = Resolution(context.Request.Query["resolution"].FirstOrDefault());
        if ((end - start) / step > MaxSteps)
            throw new NexusException(ErrorCodes.BadRequest, $"That would be more than {MaxSteps} steps; ask for a shorter range or a coarser resolution.");
        var steps = history.Read(start, end, step);
        return JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("start", steps.Count > 0 ? steps[0].At : start);
            json.WriteString("end", end);
            json.WriteNumber("resolution_seconds", step.TotalSeconds);
            json.WriteStartArray("points");
            foreach (var (at, tally) in steps)
            {
                json.WriteStartObject();
                json.WriteString("at", at);
                Write(json, tally);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private Task SummaryAsync(HttpContext context)
    {
        var (start, end) = Range(context.Request);
        var step = start < time.GetUtcNow() - RequestHistory.MinutesKept ? TimeSpan.FromHours(1) : Minute;
        var tally = history.Read(start, end, step).Aggregate(new RequestTally(), static (sum, one) => sum.Plus(one.Tally));
        return JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("start", RequestHistory.Floor(start, step));
            json.WriteString("end", end);
            Write(json, tally);
            json.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter json, RequestTally tally)
    {
        json.WriteNumber("requests", tally.Requests);
        json.WriteNumber("errors", tally.Errors);
        foreach (var (name, seconds) in new[] { ("average", tally.Average), ("p50", tally.Quantile(0.5)), ("p95", tally.Quantile(0.95)), ("p99", tally.Quantile(0.99)) })
        {
            if (seconds is { } known)
                json.WriteNumber(name, Math.Round(known, 6));
            else
                json.WriteNull(name);
        }

        json.WriteStartObject("by_status");
        foreach (var (status, count) in tally.ByStatus)
            json.WriteNumber(status.ToString(CultureInfo.InvariantCulture), count);
        json.WriteEndObject();
    }

    private (DateTimeOffset Start, DateTimeOffset End) Range(HttpRequest request)
    {
        var end = Instant(request, "end") ?? time.GetUtcNow();
        var start = Instant(request, "start") ?? end - TimeSpan.FromHours(1);
        if (start >= end)
            throw new NexusException(ErrorCodes.BadRequest, "start must lie before end.");
        if (end - start > RequestHistory.HoursKept)
            throw new NexusException(ErrorCodes.BadRequest, string.Create(CultureInfo.InvariantCulture, $"A range has {RequestHistory.HoursKept.TotalDays} days at most, which is how long the node remembers."));
        return (start, end);
    }

    private static DateTimeOffset? Instant(HttpRequest request, string name)
    {
        if (request.Query[name].FirstOrDefault() is not { Length: > 0 } text)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? instant : throw new NexusException(ErrorCodes.BadRequest, $"{name} must be an instant such as 2030-01-31T12:00:00Z.");
    }

    private static TimeSpan Resolution(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return Minute;
        var unit = text[^1] switch { 'm' => Minute, 'h' => TimeSpan.FromHours(1), 'd' => TimeSpan.FromDays(1), _ => TimeSpan.Zero };
        var step = int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= 1440 ? number * unit : TimeSpan.Zero;
        return step >= Minute && step <= TimeSpan.FromDays(1) ? step : throw new NexusException(ErrorCodes.BadRequest, "resolution is a length from 1m to 1d, such as 5m, 1h or 1d.");
    }
}

/// <summary>A token that opens <c>/metrics</c> and nothing else, so that who collects metrics needs no account. The file of <c>metrics.tokenFile</c> holds it.</summary>
internal sealed class ScrapeToken(IConfiguration configuration)
{
    /// <summary>The permission it stands for.</summary>
    public const string Permission = "platform.metrics:read";
    private const string Scheme = "Bearer ";
    private const int LeastLength = 16;

    /// <summary>Who has it; recognised by reference, so that nobody becomes it by bearing its name.</summary>
    public static Caller Caller { get; } = new("metrics", "Metrics collector", [], []);

    /// <summary>Whether a request for metrics brought it.</summary>
    public bool Sent(HttpContext context, string? authorization)
    {
        if (authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) != true || context.Request.Path != "/metrics" || configuration["metrics:tokenFile"] is not { Length: > 0 } file)
            return false;
        try
        {
            var token = File.ReadAllText(file).Trim();
            return token.Length >= LeastLength && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
