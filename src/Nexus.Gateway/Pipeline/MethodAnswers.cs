using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Pipeline;

/// <summary>Answers OPTIONS from what routing knows: where a path exists but not with this method, <c>Allow</c> has those it does.</summary>
internal static class MethodAnswers
{
    /// <summary>Runs after routing has refused a method and before the refusal becomes a problem.</summary>
    public static Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        if (!HttpMethods.IsOptions(context.Request.Method))
            return next(context);
        return AwaitAsync(context, next);
    }

    private static async Task AwaitAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response is not { StatusCode: StatusCodes.Status405MethodNotAllowed, HasStarted: false })
            return;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.Allow = context.Response.Headers.Allow + ", OPTIONS";
    }
}
