using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Platform;

/// <summary>Follows one task as server-sent events: <c>progress</c> when it changed, <c>log</c> for each line, <c>done</c> at the end.</summary>
internal sealed class TaskStream(ITasks tasks, OpenCallers callers, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public async Task SendAsync(HttpContext context, Func<HttpContext, Task<TaskEntry>> find, CancellationToken stopping)
    {
        var task = await find(context);
        using var caller = callers.Open(context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping, caller.Ended);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        try
        {
            await FollowAsync(context.Response, task, Last(context), ends.Token);
        }
        catch (OperationCanceledException)
        {
            // The follower left, the node stops or the credentials ended: all are how a stream ends.
        }

        await StreamEnd.SendAsync(context, caller);
    }

    private static long Last(HttpContext context) =>
        long.TryParse(context.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last : 0;

    private async Task FollowAsync(HttpResponse response, TaskEntry task, long after, CancellationToken ends)
    {
        (TaskState, int, double?, string?)? told = null;
        var spoke = time.GetTimestamp();
        while (true)
        {
            var now = await tasks.GetAsync(task.Id, ends);
            var before = response.HasStarted ? spoke : 0;
            foreach (var line in await tasks.ReadLogAsync(task.Id, after, ends))
            {
                after = line.Position;
                await response.WriteAsync($"id: {line.Position}\nevent: log\ndata: {JsonSerializer.Serialize(line, JsonAnswer.Options)}\n\n", ends);
                spoke = time.GetTimestamp();
            }

            var state = (now.State, now.Attempt, now.Percent, now.Step);
            if (now.State.IsFinished() || told != state)
            {
                told = state;
                await response.WriteAsync($"event: {(now.State.IsFinished() ? "done" : "progress")}\ndata: {Text(now)}\n\n", ends);
                spoke = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(spoke) >= Heartbeat)
            {
                await response.WriteAsync(": alive\n\n", ends);
                spoke = time.GetTimestamp();
            }

            if (before != spoke)
                await response.Body.FlushAsync(ends);
            if (now.State.IsFinished())
                return;
            await Task.Delay(Look, time, ends);
        }
    }

    private static string Text(TaskEntry task)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            TaskJson.Write(json, task, whole: task.State.IsFinished());
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
