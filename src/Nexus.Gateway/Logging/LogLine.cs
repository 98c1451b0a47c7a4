using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Logging;

/// <summary>Writes one event, masked, as one line. JSON lines have ten fields always: <c>timestamp, service, level, message, user_id, ip_address, user_agent, request_id, response_time_ms, status_code</c>; then <c>category</c> and, of failures, <c>exception</c>.</summary>
internal static class LogLine
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The event as a JSON line.</summary>
    public static byte[] Json(LogEntry line, string service)
    {
        var request = GatewayRequest.Current;
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("timestamp"u8, line.At.UtcDateTime);
            json.WriteString("service"u8, service);
            json.WriteString("level"u8, Name(line.Level));
            json.WriteString("message"u8, line.Message);
            json.WriteString("user_id"u8, line.UserId);
            json.WriteString("ip_address"u8, request?.Address);
            json.WriteString("user_agent"u8, request?.UserAgent);
            json.WriteString("request_id"u8, line.RequestId);
            if (request is { Status: > 0 })
            {
                json.WriteNumber("response_time_ms"u8, Math.Round(request.ElapsedMilliseconds, 3));
                json.WriteNumber("status_code"u8, request.Status);
            }
            else
            {
                json.WriteNull("response_time_ms"u8);
                json.WriteNull("status_code"u8);
            }
            json.WriteString("category"u8, line.Category);
            if (line.Exception is not null)
                json.WriteString("exception"u8, line.Exception);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The event as text for people.</summary>
    public static byte[] Text(LogEntry line)
    {
        var text = new StringBuilder(128);
        text.Append(CultureInfo.InvariantCulture, $"{line.At.ToLocalTime():HH:mm:ss.fff} {Name(line.Level),-8} {line.Category}: ").Append(Printable(line.Message));
        if (line.RequestId is not null && line.Level >= LogLevel.Warning)
            text.Append(" [").Append(line.RequestId).Append(']');
        text.Append('\n');
        if (line.Exception is not null)
            text.Append("    ").Append(line.Exception.ReplaceLineEndings("\n    ")).Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Line breaks and control characters in a message could forge lines or drive a terminal.</summary>
    private static string Printable(string message) =>
        message.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0 ? message : string.Concat(message.Select(c => c < ' ' ? $"\\u{(int)c:x4}" : c.ToString()));

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRACE",
        LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARNING",
        LogLevel.Error => "ERROR",
        _ => "CRITICAL",
    };
}
