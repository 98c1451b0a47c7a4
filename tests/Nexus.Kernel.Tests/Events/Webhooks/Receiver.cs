using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Kernel.Tests.Events.Webhooks;

/// <summary>A request that a receiver got.</summary>
internal sealed record Received(IReadOnlyDictionary<string, string> Headers, string Body, int Status)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    public string Name => (string)Json["name"]!;
}

/// <summary>A small HTTP server of its own on a free port: takes posts and answers what the test says.</summary>
internal sealed class Receiver : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    public Receiver()
    {
        listener.Start();
        _ = AcceptAsync();
    }

    public ConcurrentQueue<Received> Got { get; } = new();

    /// <summary>Status of the next answers.</summary>
    public int Status { get; set; } = 200;

    /// <summary>Bodies that it answers with 500 whatever the status.</summary>
    public Func<JsonNode, bool> Refuses { get; set; } = _ => false;

    public string Url => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/hook";

    public string[] Names => [.. Got.Select(r => r.Name)];

    public void Dispose() => listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
            await reader.ReadLineAsync();
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync() is { Length: > 0 } line)
                headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            var body = new char[int.Parse(headers["Content-Length"], CultureInfo.InvariantCulture)];
            await reader.ReadBlockAsync(body);
            var status = Refuses(JsonNode.Parse(new string(body))!) ? 500 : Status;
            Got.Enqueue(new Received(headers, new string(body), status));
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        }
    }
}
