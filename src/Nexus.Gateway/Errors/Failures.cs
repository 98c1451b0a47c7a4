using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Errors;

/// <summary>Turns exceptions into answers. Only the text of <see cref="NexusException"/> leaves the process.</summary>
internal static partial class Failures
{
    /// <summary>Answers with what an exception means to the caller and logs what it means to the operator.</summary>
    public static Task AnswerAsync(HttpContext context, Exception exception, ILogger log)
    {
        switch (exception)
        {
            case NexusException known:
                if (known.Status >= 500)
                    log.LogError(exception, "{Method} {Path} failed with {Code}", context.Request.Method, context.Request.Path.Value, known.Code);
                return Problem.WriteAsync(context, known);
            case BadHttpRequestException bad:
                return AnswerAsync(context, bad);
            case IOException { InnerException: OverflowException }:
                // How the server says that the size of a chunk is no number.
                return Problem.WriteAsync(context, ErrorCodes.BadRequest, "The body's chunks cannot be read.");
            case OperationCanceledException when context.RequestAborted.IsCancellationRequested:
                // The caller has gone: there is nobody to answer, and it is no failure of ours.
                if (!context.Response.HasStarted)
                    context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
                context.Abort();
                return Task.CompletedTask;
            case OperationCanceledException:
                return Problem.WriteAsync(context, ErrorCodes.RequestTimeout);
            default:
                log.LogError(exception, "{Method} {Path} failed (plugin {Plugin}, trace {TraceId})", context.Request.Method, context.Request.Path.Value, GatewayRequest.Of(context).Route?.Plugin ?? "none", GatewayRequest.Of(context).TraceId);
                return Problem.WriteAsync(context, ErrorCodes.InternalError, failure: exception);
        }
    }

    private static Task AnswerAsync(HttpContext context, BadHttpRequestException exception)
    {
        var code = exception.StatusCode switch
        {
            408 => ErrorCodes.RequestTimeout,
            413 => ErrorCodes.PayloadTooLarge,
            415 => ErrorCodes.UnsupportedMediaType,
            _ => ErrorCodes.BadRequest,
        };
        // The framework's own text names CLR types; of it only the parameter's name is passed on.
        var detail = code != ErrorCodes.BadRequest ? null
            : FindParameter(exception.Message) is { } parameter ? $"The value of parameter `{parameter}` is missing or not of its form."
            : "The request cannot be read as this route expects it; /openapi.json has its form.";
        return Problem.WriteAsync(context, code, detail);
    }

    private static string? FindParameter(string message)
    {
        try
        {
            return ParameterName().Match(message) is { Success: true } found ? found.Groups[1].Value : null;
        }
        catch (RegexMatchTimeoutException)
        {
            // Wall-clock time: the machine stalled. The answer does without the name.
            return null;
        }
    }

    [GeneratedRegex("""arameter "[^"]*?(\w+)" """, RegexOptions.CultureInvariant, 100)]
    private static partial Regex ParameterName();
}
