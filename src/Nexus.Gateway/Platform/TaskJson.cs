using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Gateway.OpenApi;

namespace Nexus.Gateway.Platform;

/// <summary>A task as JSON.</summary>
internal static class TaskJson
{
    /// <summary>The form of a task. Input and result stand where it is shown as a whole, steps where one is asked for.</summary>
    public static Answer Form { get; } = Answer.Written("TaskView", """
        {"type":"object","required":["id","task","state","attempt","priority","createdAt","createdBy","dueAt"],"properties":{"id":{"type":"string","format":"uuid"},"task":{"type":"string"},"state":{"type":"string","enum":["PENDING","STARTED","SUCCESS","FAILURE","CANCELLED"]},"percent":{"type":"number"},"step":{"type":"string"},
          "attempt":{"type":"integer"},"priority":{"type":"integer"},"createdAt":{"type":"string","format":"date-time"},"createdBy":{"type":["string","null"]},"dueAt":{"type":"string","format":"date-time"},"startedAt":{"type":"string","format":"date-time"},"finishedAt":{"type":"string","format":"date-time"},
          "worker":{"type":"string"},"key":{"type":"string"},"schedule":{"type":"string"},"correlationId":{"type":"string"},"cancelRequested":{"type":"boolean"},"error":{"type":"string"},"input":{},"result":{},
          "steps":{"type":"array","items":{"type":"object","required":["at","attempt","text"],"properties":{"at":{"type":"string","format":"date-time"},"attempt":{"type":"integer"},"text":{"type":"string"}}}}}}
        """);

    /// <summary>Writes a task.</summary>
    /// <param name="json">The writer.</param>
    /// <param name="task">The task.</param>
    /// <param name="whole">With input and result.</param>
    /// <param name="steps">What it was at, in order.</param>
    public static void Write(Utf8JsonWriter json, TaskEntry task, bool whole = false, ImmutableArray<TaskLogLine> steps = default)
    {
        json.WriteStartObject();
        json.WriteString("id", task.Id);
        json.WriteString("task", task.Task);
        json.WriteString("state", task.State.ToWord());
        WriteProgress(json, task);
        json.WriteNumber("attempt", task.Attempt);
        json.WriteNumber("priority", task.Priority);
        json.WriteString("createdAt", task.CreatedAt.UtcDateTime);
        json.WriteString("createdBy", task.CreatedBy);
        json.WriteString("dueAt", task.DueAt.UtcDateTime);
        Write(json, "startedAt", task.StartedAt);
        Write(json, "finishedAt", task.FinishedAt);
        Write(json, "worker", task.Worker);
        Write(json, "key", task.Key);
        Write(json, "schedule", task.Schedule);
        Write(json, "correlationId", task.CorrelationId);
        if (task is { State: TaskState.Started, CancelRequested: true })
            json.WriteBoolean("cancelRequested", true);
        Write(json, "error", task.Error);
        if (whole)
        {
            WriteRaw(json, "input", task.Input);
            if (task.State == TaskState.Success)
                WriteRaw(json, "result", task.Result);
        }

        if (!steps.IsDefault)
        {
            json.WriteStartArray("steps");
            foreach (var step in steps)
            {
                json.WriteStartObject();
                json.WriteString("at", step.At.UtcDateTime);
                json.WriteNumber("attempt", step.Attempt);
                json.WriteString("text", step.Text);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteProgress(Utf8JsonWriter json, TaskEntry task)
    {
        if (task.Percent is { } percent)
            json.WriteNumber("percent", percent);
        Write(json, "step", task.Step);
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static void Write(Utf8JsonWriter json, string name, DateTimeOffset? value)
    {
        if (value is { } instant)
            json.WriteString(name, instant.UtcDateTime);
    }

    private static void WriteRaw(Utf8JsonWriter json, string name, ReadOnlyMemory<byte> value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value.IsEmpty ? "null"u8 : value.Span, skipInputValidation: true);
    }
}
