using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Nexus.EndToEnd.Tests.Telemetry;

/// <summary>A span as it arrived.</summary>
internal sealed record ReceivedSpan(string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Tags);

/// <summary>A collector that speaks OTLP over HTTP with protobuf bodies, and reads of them what tests ask for.</summary>
internal sealed class OtlpReceiver : IDisposable
{
    private readonly HttpListener listener = new();

    public OtlpReceiver()
    {
        Address = $"http://127.0.0.1:{RunningHost.FreePort()}";
        listener.Prefixes.Add(Address + "/");
        listener.Start();
        _ = Task.Run(ServeAsync);
    }

    public string Address { get; }

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = [];

    public ConcurrentDictionary<string, bool> Metrics { get; } = [];

    /// <summary>Text, trace and level number of each log record.</summary>
    public ConcurrentQueue<(string Body, string Trace)> Logs { get; } = [];

    public ConcurrentDictionary<string, bool> Services { get; } = [];

    public void Dispose() => listener.Close();

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            try
            {
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                Read(context.Request.Url!.AbsolutePath, body.ToArray());
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
            {
                // Who sent it has hung up, and sends it again.
            }
        }
    }

    private void Read(string path, byte[] body)
    {
        foreach (var resource in Fields(body, 1))
        {
            foreach (var attribute in Fields(resource, 1).SelectMany(r => Fields(r, 1)))
            {
                if (Text(attribute, 1) == "service.name")
                    Services[Value(Fields(attribute, 2).Single())] = true;
            }

            foreach (var one in Fields(resource, 2).SelectMany(scope => Fields(scope, 2)))
            {
                if (path == "/v1/traces")
                    Spans.Enqueue(new ReceivedSpan(Hex(one, 1), Hex(one, 2), Hex(one, 4), Text(one, 5), Fields(one, 9).ToDictionary(a => Text(a, 1), a => Value(Fields(a, 2).Single()))));
                else if (path == "/v1/metrics")
                    Metrics[Text(one, 1)] = true;
                else if (path == "/v1/logs")
                    Logs.Enqueue((Value(Fields(one, 5).Single()), Hex(one, 9)));
            }
        }
    }

    private static string Value(byte[] any) => Fields(any, 1) is [var text] ? Encoding.UTF8.GetString(text) : Fields(any, 3) is [var number] ? BinaryPrimitives.ReadInt64LittleEndian(number).ToString(System.Globalization.CultureInfo.InvariantCulture) : "";

    private static string Text(byte[] message, int number) => Fields(message, number) is [var text, ..] ? Encoding.UTF8.GetString(text) : "";

    private static string Hex(byte[] message, int number) => Fields(message, number) is [var id, ..] ? Convert.ToHexStringLower(id) : "";

    /// <summary>The values of a field of a protobuf message, numbers as eight bytes.</summary>
    private static List<byte[]> Fields(byte[] message, int wanted)
    {
        var found = new List<byte[]>();
        var at = 0;
        while (at < message.Length)
        {
            var key = Number(message, ref at);
            byte[] value;
            switch (key & 7)
            {
                case 0:
                    value = new byte[8];
                    BinaryPrimitives.WriteInt64LittleEndian(value, (long)Number(message, ref at));
                    break;
                case 2:
                    var length = (int)Number(message, ref at);
                    value = message[at..(at += length)];
                    break;
                default:
                    value = message[at..(at += (key & 7) == 1 ? 8 : 4)];
                    break;
            }

            if ((int)(key >> 3) == wanted)
                found.Add(value);
        }

        return found;
    }

    private static ulong Number(byte[] message, ref int at)
    {
        ulong number = 0;
        for (var shift = 0; ; shift += 7)
        {
            var one = message[at++];
            number |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
                return number;
        }
    }
}
