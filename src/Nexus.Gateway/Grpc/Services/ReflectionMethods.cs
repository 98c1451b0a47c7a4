using System.Text.Json;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Grpc.Services;

/// <summary><c>grpc.reflection.v1</c> and <c>v1alpha</c>, which differ by name alone: what this node serves, as descriptors.</summary>
internal sealed class ReflectionMethods(Func<GrpcCall, ValueTask<GrpcFiles>> files)
{
    /// <summary>Makes the file of a version.</summary>
    public ProtoFile Draw(string version)
    {
        var file = new ProtoFile($"grpc/reflection/{version}/reflection.proto", $"grpc.reflection.{version}");
        var extension = file.Message("ExtensionRequest").Add("containing_type", 1, ProtoKind.Text).Add("extension_number", 2, ProtoKind.Int32);
        var request = file.Message("ServerReflectionRequest").Add("host", 1, ProtoKind.Text)
            .Add("file_by_filename", 3, ProtoKind.Text, oneOf: "message_request").Add("file_containing_symbol", 4, ProtoKind.Text, oneOf: "message_request").Add("file_containing_extension", 5, extension, oneOf: "message_request")
            .Add("all_extension_numbers_of_type", 6, ProtoKind.Text, oneOf: "message_request").Add("list_services", 7, ProtoKind.Text, oneOf: "message_request");
        var response = file.Message("ServerReflectionResponse").Add("valid_host", 1, ProtoKind.Text).Add("original_request", 2, request)
            .Add("file_descriptor_response", 4, file.Message("FileDescriptorResponse").Add("file_descriptor_proto", 1, ProtoKind.Bytes, repeated: true), oneOf: "message_response")
            .Add("all_extension_numbers_response", 5, file.Message("ExtensionNumberResponse").Add("base_type_name", 1, ProtoKind.Text).Add("extension_number", 2, ProtoKind.Int32, repeated: true), oneOf: "message_response")
            .Add("list_services_response", 6, file.Message("ListServiceResponse").Add("service", 1, file.Message("ServiceResponse").Add("name", 1, ProtoKind.Text), repeated: true), oneOf: "message_response")
            .Add("error_response", 7, file.Message("ErrorResponse").Add("error_code", 1, ProtoKind.Int32).Add("error_message", 2, ProtoKind.Text), oneOf: "message_response");
        file.Service("ServerReflection").Add("ServerReflectionInfo", request, response, AnswerAsync, clientStreams: true, serverStreams: true);
        return file;
    }

    private async Task AnswerAsync(GrpcCall call)
    {
        while (await call.ReadAsync() is { } request)
        {
            // Asked anew for each question: the answer is that of what is served now.
            var served = await files(call);
            await call.WriteAsync(json => Write(json, request, served));
        }
    }

    private static void Write(Utf8JsonWriter json, JsonElement request, GrpcFiles served)
    {
        json.WriteStartObject();
        json.WriteString("validHost", request.TryGetProperty("host", out var host) ? host.GetString() : "");
        json.WritePropertyName("originalRequest");
        request.WriteTo(json);
        if (request.TryGetProperty("listServices", out _))
            WriteServices(json, served);
        else if (request.TryGetProperty("fileByFilename", out var name))
            WriteFile(json, served.FindFile(name.GetString()!), name.GetString()!);
        else if (request.TryGetProperty("fileContainingSymbol", out var symbol))
            WriteFile(json, served.FindSymbol(symbol.GetString()!), symbol.GetString()!);
        else
            WriteError(json, GrpcCode.NotFound, "No type of this node has extensions.");
        json.WriteEndObject();
    }

    private static void WriteServices(Utf8JsonWriter json, GrpcFiles served)
    {
        json.WriteStartObject("listServicesResponse");
        json.WriteStartArray("service");
        foreach (var service in served.Services.Order(StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("name", service);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The file with all that it imports, so that one answer is enough.</summary>
    private static void WriteFile(Utf8JsonWriter json, ProtoFile? file, string sought)
    {
        if (file is null)
        {
            WriteError(json, GrpcCode.NotFound, $"This node serves no {sought}.");
            return;
        }
        json.WriteStartObject("fileDescriptorResponse");
        json.WriteStartArray("fileDescriptorProto");
        foreach (var one in new[] { file }.Concat(file.Imports.SelectMany(i => i.Imports.Append(i))).Distinct())
            json.WriteBase64StringValue(ProtoDescriptors.Write(one));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteError(Utf8JsonWriter json, GrpcCode code, string message)
    {
        json.WriteStartObject("errorResponse");
        json.WriteNumber("errorCode", (int)code);
        json.WriteString("errorMessage", message);
        json.WriteEndObject();
    }
}
