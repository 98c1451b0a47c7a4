using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>Answers as server-sent events by the protocol "GraphQL over Server-Sent Events", distinct connections mode: <c>next</c> for each answer, then <c>complete</c>.</summary>
internal sealed class EventStreamAnswer(OperationGate gate, OpenCallers callers, HttpContext context)
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(12);

    /// <summary>Sends the one answer to an operation, or those of a subscription; returns when there are no more or the caller has gone.</summary>
    public async Task SendAsync(OperationResult? result, GraphQLRequest request, SurfaceCall call)
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        if (result is null)
        {
            await FollowAsync(request, call, context.RequestAborted);
            return;
        }
        await SendAsync(result);
        await SendAsync("event: complete\ndata: \n\n");
    }

    private async Task FollowAsync(GraphQLRequest request, SurfaceCall call, CancellationToken aborted)
    {
        await SendAsync(":\n\n");
        using var caller = callers.Open(context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(aborted, caller.Ended);
        await using var answers = gate.SubscribeAsync(request, call with { Now = () => caller.Context }, ends.Token).GetAsyncEnumerator(ends.Token);
        try
        {
            while (true)
            {
                var next = answers.MoveNextAsync().AsTask();
                while (await Task.WhenAny(next, Task.Delay(Heartbeat, ends.Token)) != next && !ends.IsCancellationRequested)
                    await SendAsync(":\n\n");
                if (!await next)
                    break;
                await SendAsync(answers.Current);
            }
            await SendAsync("event: complete\ndata: \n\n");
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            // The caller left: that is how a stream ends.
        }
        catch (OperationCanceledException)
        {
            await SendAsync(new OperationResult(null, [new GraphError("The credentials have expired or were revoked.", []) { Code = ErrorCodes.AuthenticationRequired }]) { IsRefused = true });
            await SendAsync("event: complete\ndata: \n\n");
        }
    }

    private Task SendAsync(OperationResult result) => SendAsync($"event: next\ndata: {Encoding.UTF8.GetString(GraphQLAnswer.Write(result).Span)}\n\n");

    private async Task SendAsync(string text)
    {
        await context.Response.WriteAsync(text, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
