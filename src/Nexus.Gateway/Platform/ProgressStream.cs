using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Runs a command and streams its steps as JSON lines or server-sent events; the last one has the result or the problem.</summary>
internal sealed class ProgressStream(bool events)
{
    /// <summary>The stream that a caller asked for, or null.</summary>
    public static ProgressStream? Of(HttpContext context)
    {
        var accept = context.Request.Headers.Accept.ToString();
        return accept.Contains("text/event-stream", StringComparison.OrdinalIgnoreCase) ? new ProgressStream(events: true)
            : accept.Contains("application/x-ndjson", StringComparison.OrdinalIgnoreCase) ? new ProgressStream(events: false) : null;
    }

    public async Task RunAsync(HttpContext context, Func<IProgress<PluginProgress>, Task<JsonNode>> execute)
    {
        var steps = Channel.CreateUnbounded<PluginProgress>();
        var work = ExecuteAsync(execute, steps.Writer);
        context.Response.ContentType = events ? "text/event-stream" : "application/x-ndjson";
        context.Response.Headers.CacheControl = "no-store";
        await foreach (var step in steps.Reader.ReadAllAsync(CancellationToken.None))
            await WriteAsync(context, "progress", JsonSerializer.SerializeToNode(step, PlatformJson.Shared.PluginProgress)!);
        try
        {
            await WriteAsync(context, "done", await work);
        }
        catch (NexusException exception)
        {
            await WriteAsync(context, "failed", Describe(ErrorCodes.Get(exception.Code), exception.Message, exception.Errors));
        }
        catch (Exception)
        {
            await WriteAsync(context, "failed", Describe(ErrorCodes.Get(ErrorCodes.InternalError), null, []));
        }
    }

    private static async Task<JsonNode> ExecuteAsync(Func<IProgress<PluginProgress>, Task<JsonNode>> execute, ChannelWriter<PluginProgress> steps)
    {
        await Task.Yield();
        try
        {
            return await execute(new Reporter(steps));
        }
        finally
        {
            steps.Complete();
        }
    }

    private async Task WriteAsync(HttpContext context, string kind, JsonNode json)
    {
        var text = json.ToJsonString();
        await context.Response.WriteAsync(events ? $"event: {kind}\ndata: {text}\n\n" : $$"""{"event":"{{kind}}","data":{{text}}}""" + "\n", CancellationToken.None);
        await context.Response.Body.FlushAsync(CancellationToken.None);
    }

    private static JsonNode Describe(ErrorCode entry, string? detail, IReadOnlyCollection<FieldError> errors)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            Problem.WriteMembers(json, entry, 0, detail, errors);
            json.WriteEndObject();
        }
        return JsonNode.Parse(buffer.WrittenSpan)!;
    }

    /// <summary>Reports at once, in order; <see cref="Progress{T}"/> would post to the pool and shuffle.</summary>
    private sealed class Reporter(ChannelWriter<PluginProgress> steps) : IProgress<PluginProgress>
    {
        public void Report(PluginProgress value) => steps.TryWrite(value);
    }
}
