using System.Buffers;
using System.Text.Json;

namespace Nexus.Kernel.Tasks.Transport;

/// <summary>A reserved task as a message: JSON, so that an operator can read it in the engine's own tools. Its input stays in the store.</summary>
internal static class TaskTicket
{
    private const int Version = 1;

    public static ReadOnlyMemory<byte> Write(TaskEntry task)
    {
        var buffer = new ArrayBufferWriter<byte>(192);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteNumber("v", Version);
        json.WriteString("id", task.Id);
        json.WriteNumber("fence", task.Fence);
        json.WriteString("task", task.Task);
        json.WriteString("tenant", task.Tenant);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Reads a message; null when it is not one of ours or of a later version.</summary>
    public static TaskReservation? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var root = json.RootElement;
            return root.GetProperty("v").GetInt32() == Version ? new TaskReservation(root.GetProperty("id").GetGuid(), root.GetProperty("fence").GetInt64()) : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
