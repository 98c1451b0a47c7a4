using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security;
using Nexus.Gateway.Security.Answers;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// The outermost stage: request id, time, access log, metrics, and the turning of every failure into problem details.
/// 1. Give the request an id. 2. Run the rest. 3. Turn an exception, or an error status without a body, into a problem. 4. Count and log.
/// </summary>
internal sealed class RequestEntry(RequestDelegate next, RequestMetrics metrics, ILoggerFactory loggers, ServerSettings settings, SecuritySettings security, IServiceScopeFactory services, RequestMonitor monitor, ISystemEvents? listeners = null)
{
    private static readonly JsonSerializerOptions Told = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private readonly ILogger log = loggers.CreateLogger("Nexus.Gateway");
    private readonly ILogger access = loggers.CreateLogger("Nexus.Access");

    public Task InvokeAsync(HttpContext context)
    {
        var request = new GatewayRequest(RequestIds.Choose(context)) { StartedAt = Stopwatch.GetTimestamp(), RemoteAddress = context.Connection.RemoteIpAddress };
        if (context.Request.Headers.UserAgent is { Count: > 0 } agent)
            request.UserAgent = agent[0];
        var view = RequestView.Begin(context, request, services);
        GatewayRequest.Current = request;
        if (NexusTracing.IsListenedTo)
            BeginSpan(context, request);
        if (monitor.IsWatched)
        {
            context.Features.Set(new WatchedRequest(monitor, context.Request.Method));
            request.IsWatched = true;
        }

        if (listeners?.Hears(SystemTopic.Requests) == true)
            Tell("started", context, request);
        var headers = context.Response.Headers;
        headers["X-Request-ID"] = request.Id;
        headers.XContentTypeOptions = "nosniff";
        if (security.Current.Headers)
            AnswerHeaders.Begin(context);
        context.Response.OnStarting(Complete, view);

        Task rest;
        try
        {
            rest = next(context);
        }
        catch (Exception exception)
        {
            return FailAsync(context, request, exception);
        }
        if (!rest.IsCompletedSuccessfully || LacksBody(context))
            return AwaitAsync(context, request, rest);
        Finish(context, request);
        return Task.CompletedTask;
    }

    private static void BeginSpan(HttpContext context, GatewayRequest request)
    {
        var headers = context.Request.Headers;
        request.Span = NexusTracing.StartServer(NexusTracing.Gateway, headers.TraceParent, headers.TraceState);
        request.Span?.SetTag("http.request.method", context.Request.Method).SetTag("url.path", context.Request.Path.Value).SetTag("nexus.request_id", request.Id);
    }

    private static void EndSpan(Activity span, GatewayRequest request)
    {
        if (request.Route is { } route)
            span.SetTag("http.route", route.Pattern);
        span.SetTag("http.response.status_code", request.Status);
        if (request.Status >= 500)
            span.SetStatus(ActivityStatusCode.Error);
        request.Routing?.Dispose();
        span.Dispose();
    }

    private static Task Complete(object state)
    {
        var view = (RequestView)state;
        AnswerHeaders.Complete(view.Context, view.Request);
        view.Context.Response.Headers["X-Process-Time"] = Seconds(Stopwatch.GetElapsedTime(view.Request.StartedAt));
        return Task.CompletedTask;
    }

    /// <summary>With six decimals; of whole numbers, because formatting a fraction takes longer than the rest of the header.</summary>
    internal static string Seconds(TimeSpan elapsed)
    {
        Span<char> text = stackalloc char[32];
        var (seconds, rest) = Math.DivRem(elapsed.Ticks / TimeSpan.TicksPerMicrosecond, 1_000_000);
        seconds.TryFormat(text, out var length, default, CultureInfo.InvariantCulture);
        text[length++] = '.';
        rest.TryFormat(text[length..], out var decimals, "D6", CultureInfo.InvariantCulture);
        return new string(text[..(length + decimals)]);
    }

    private static bool LacksBody(HttpContext context) =>
        context.Response is { StatusCode: >= 400, HasStarted: false, ContentLength: null or 0, ContentType: null };

    private async Task AwaitAsync(HttpContext context, GatewayRequest request, Task rest)
    {
        try
        {
            await rest;
            if (LacksBody(context))
                await Problem.WriteForStatusAsync(context);
        }
        catch (Exception exception)
        {
            await FailAsync(context, request, exception);
            return;
        }
        Finish(context, request);
    }

    private async Task FailAsync(HttpContext context, GatewayRequest request, Exception exception)
    {
        await Failures.AnswerAsync(context, exception, log);
        Finish(context, request);
    }

    private void Finish(HttpContext context, GatewayRequest request)
    {
        request.Status = context.Response.StatusCode;
        var elapsed = Stopwatch.GetElapsedTime(request.StartedAt);
        request.ElapsedMilliseconds = elapsed.TotalMilliseconds;
        if (request.Span is { } span)
            EndSpan(span, request);
        metrics.Count(request.Route, context.Request.Method, request.Status, elapsed);
        if (request.Route?.Counters is { IsLasting: false } counters && (request.Status == StatusCodes.Status101SwitchingProtocols || context.Response.ContentType?.StartsWith("text/event-stream", StringComparison.Ordinal) == true))
            counters.IsLasting = true;
        if (monitor.IsWatched)
            monitor.Finish(request, context.Request.Method);
        if (listeners?.Hears(SystemTopic.Requests) == true)
            Tell(request.Status >= 500 ? "failed" : "completed", context, request);
        if (request.Status >= 500 && listeners?.Hears(SystemTopic.System) == true)
            TellError(context, request);
        if (settings.Current.AccessLog && request.Route is not { Quiet: true } && access.IsEnabled(LogLevel.Information))
            access.LogInformation("{Method} {Path} {Status} {Elapsed:F2} ms", context.Request.Method, context.Request.Path.Value, request.Status, request.ElapsedMilliseconds);
    }

    private void Tell(string verb, HttpContext context, GatewayRequest request)
    {
        var isOver = verb != "started";
        listeners!.Tell(
            $"http.request.{verb}",
            JsonSerializer.SerializeToUtf8Bytes(new RequestTold(request.Id, context.Request.Method, context.Request.Path.Value, isOver ? request.Route?.Pattern : null, isOver ? request.Route?.Plugin : null, isOver ? request.Status : null, isOver ? request.ElapsedMilliseconds : null), Told),
            request.Context);
    }

    /// <summary>What went wrong stays in the log: it may hold what is nobody's business.</summary>
    private void TellError(HttpContext context, GatewayRequest request) =>
        listeners!.Tell("system.error", JsonSerializer.SerializeToUtf8Bytes(new { request = request.Id, method = context.Request.Method, path = context.Request.Path.Value, plugin = request.Route?.Plugin, status = request.Status }), request.Context);

    private sealed record RequestTold(string Id, string Method, string? Path, string? Route, string? Plugin, int? Status, double? Milliseconds);
}

/// <summary>Ids of requests.</summary>
internal static class RequestIds
{
    private const int MaxLength = 128;

    /// <summary>The caller's <c>X-Request-ID</c> when it is 1 to 128 letters, digits or <c>. _ - : /</c>; else the server's own. Other text could forge log lines.</summary>
    public static string Choose(HttpContext context)
    {
        if (context.Request.Headers.TryGetValue("X-Request-ID", out var given) && given is [{ Length: > 0 and <= MaxLength } id] && id.AsSpan().IndexOfAnyExcept(Allowed) < 0)
            return id;
        return context.TraceIdentifier;
    }

    private static readonly System.Buffers.SearchValues<char> Allowed =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/");
}
