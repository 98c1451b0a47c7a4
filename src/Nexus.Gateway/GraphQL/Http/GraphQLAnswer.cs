using System.Buffers;
using System.Text.Json;
using Nexus.Gateway.Errors;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>Writes answers (section 7 of the specification).</summary>
internal static class GraphQLAnswer
{
    /// <summary>The answer as JSON.</summary>
    public static ReadOnlyMemory<byte> Write(OperationResult result)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            Write(json, result);
        return buffer.WrittenMemory;
    }

    /// <summary>Writes the answer.</summary>
    public static void Write(Utf8JsonWriter json, OperationResult result)
    {
        json.WriteStartObject();
        if (result.Errors.Count > 0)
        {
            json.WritePropertyName("errors");
            Write(json, result.Errors);
        }
        if (!result.IsRefused)
        {
            json.WritePropertyName("data");
            if (result.Data is { } data)
                data.Write(json);
            else
                json.WriteNullValue();
        }
        json.WriteEndObject();
    }

    /// <summary>Writes errors as a list.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<GraphError> errors)
    {
        json.WriteStartArray();
        foreach (var error in errors)
            Write(json, error);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, GraphError error)
    {
        json.WriteStartObject();
        json.WriteString("message", Masking.Mask(error.Message));
        if (error.Locations.Count > 0)
        {
            json.WriteStartArray("locations");
            foreach (var (line, column) in error.Locations)
            {
                json.WriteStartObject();
                json.WriteNumber("line", line);
                json.WriteNumber("column", column);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        if (error.Path is { } path)
        {
            json.WriteStartArray("path");
            foreach (var key in path)
            {
                if (key is int index)
                    json.WriteNumberValue(index);
                else
                    json.WriteStringValue((string)key);
            }
            json.WriteEndArray();
        }
        json.WriteStartObject("extensions");
        json.WriteString("code", error.Code);
        if (GatewayRequest.Current is { } request)
            json.WriteString("requestId", request.Id);
        Origins.Write(json, error.Origin);
        if (error.Fields.Count > 0)
            WriteFields(json, error.Fields);
        foreach (var (name, value) in error.Extensions ?? [])
        {
            json.WritePropertyName(name);
            if (value is null)
                json.WriteNullValue();
            else
                value.WriteTo(json);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, IReadOnlyList<FieldError> fields)
    {
        json.WriteStartArray("errors");
        foreach (var field in fields)
        {
            json.WriteStartObject();
            json.WriteString("pointer", field.Pointer);
            json.WriteString("code", field.Code);
            json.WriteString("detail", Masking.Mask(field.Message));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
