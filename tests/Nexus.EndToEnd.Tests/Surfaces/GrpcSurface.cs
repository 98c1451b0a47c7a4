using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>gRPC by <c>nexus.v1.Resources</c>: messages written and read by Google's library, frames by hand.</summary>
internal sealed class GrpcSurface(int port) : RememberingSurface, IDisposable
{
    private readonly HttpClient client = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };

    public override string Name => "gRPC";

    public override async Task<string> RunAsync(Step step)
    {
        var (method, request) = step.Verb switch
        {
            "create" => ("Create", Message(o => { Text(o, 1, "shop.orders"); Struct(o, 3, step.Body); })),
            "get" => ("Get", Message(o => { Text(o, 1, "shop.orders"); Text(o, 2, IdOf(step)); })),
            "list" => ("List", Message(o =>
            {
                Text(o, 1, "shop.orders");
                Struct(o, 2, step.Filter);
                foreach (var key in step.Sort?.Split(',') ?? [])
                    Text(o, 3, key);
                Text(o, 4, step.Words);
                Number(o, 5, step.Limit);
                Text(o, 6, CursorOf(step));
                Number(o, 7, step.Count ? 1 : null);
            })),
            "update" => ("Update", Message(o => { Text(o, 1, "shop.orders"); Text(o, 2, IdOf(step)); Struct(o, 3, step.Body); Number(o, 5, step.IfRevision); })),
            "delete" => ("Delete", Message(o => { Text(o, 1, "shop.orders"); Text(o, 2, IdOf(step)); Number(o, 3, step.IfRevision); })),
            var action => ("Act", Message(o => { Text(o, 1, "shop.orders"); Text(o, 2, IdOf(step)); Text(o, 3, action); Struct(o, 4, step.Body); Number(o, 5, step.IfRevision); })),
        };
        var (status, details, message) = await CallAsync(method, request, KeyOf(step));
        if (status != "0")
            return Refusal(status, details);
        return step.Verb switch
        {
            "delete" => Outcome.Deleted,
            "list" => Page(message),
            _ => Made(step, Record(message)),
        };
    }

    public void Dispose() => client.Dispose();

    private async Task<(string Status, byte[]? Details, byte[] Message)> CallAsync(string method, byte[] message, string caller)
    {
        var frame = new byte[5 + message.Length];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/nexus.v1.Resources/{method}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(frame), Headers = { { "TE", "trailers" }, { "Authorization", "Bearer " + caller } } };
        request.Content.Headers.ContentType = new("application/grpc");
        using var answer = await client.SendAsync(request);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        var status = Header(answer, "grpc-status") ?? $"HTTP {(int)answer.StatusCode}";
        return (status, Header(answer, "grpc-status-details-bin") is { } details ? Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')) : null, bytes.Length < 5 ? [] : bytes[5..]);
    }

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.TrailingHeaders.TryGetValues(name, out var trailing) ? trailing.First() : answer.Headers.TryGetValues(name, out var leading) ? leading.First() : null;

    // google.rpc.Status with ErrorInfo (reason = the platform's code) and BadRequest (the fields).
    private static string Refusal(string status, byte[]? details)
    {
        if (details is null)
            return Outcome.Refused($"status {status}", []);
        string? code = null;
        var fields = new List<string?>();
        foreach (var any in Parts(details).Where(p => p.Field == 3))
        {
            var parts = Parts(any.Bytes).ToArray();
            var type = Encoding.UTF8.GetString(parts.First(p => p.Field == 1).Bytes);
            var value = Parts(parts.First(p => p.Field == 2).Bytes);
            if (type.EndsWith("ErrorInfo", StringComparison.Ordinal))
                code = Encoding.UTF8.GetString(value.First(p => p.Field == 1).Bytes);
            else if (type.EndsWith("BadRequest", StringComparison.Ordinal))
                fields.AddRange(value.Where(p => p.Field == 1).Select(v => Encoding.UTF8.GetString(Parts(v.Bytes).First(p => p.Field == 1).Bytes)));
        }

        return Outcome.Refused(code, fields);
    }

    private string Page(byte[] message)
    {
        var parts = Parts(message).ToArray();
        var next = parts.Where(p => p.Field == 2).Select(p => Encoding.UTF8.GetString(p.Bytes)).FirstOrDefault();
        return Listed(parts.Where(p => p.Field == 1).Select(p => (JsonNode?)Record(p.Bytes)), string.IsNullOrEmpty(next) ? null : next, parts.Where(p => p.Field == 3).Select(p => (long?)p.Number).FirstOrDefault());
    }

    private static JsonObject Record(byte[] message) => JsonNode.Parse(JsonFormatter.Default.Format(Google.Protobuf.WellKnownTypes.Struct.Parser.ParseFrom(Parts(message).First(p => p.Field == 3).Bytes)))!.AsObject();

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
            write(output);
        return stream.ToArray();
    }

    private static void Text(CodedOutputStream output, int field, string? value)
    {
        if (value is null)
            return;
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
    }

    private static void Struct(CodedOutputStream output, int field, string? json)
    {
        if (json is null)
            return;
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(Google.Protobuf.WellKnownTypes.Struct.Parser.ParseJson(json).ToByteString());
    }

    private static void Number(CodedOutputStream output, int field, long? value)
    {
        if (value is not { } number)
            return;
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(number);
    }

    private static List<(int Field, byte[] Bytes, long Number)> Parts(byte[] message)
    {
        var parts = new List<(int Field, byte[] Bytes, long Number)>();
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            parts.Add(WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => (WireFormat.GetTagFieldNumber(tag), input.ReadBytes().ToByteArray(), 0),
                WireFormat.WireType.Varint => (WireFormat.GetTagFieldNumber(tag), [], input.ReadInt64()),
                var other => throw new InvalidDataException($"{other}"),
            });
        }

        return parts;
    }
}
