using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.Tests.Shared;

/// <summary>Stands between a node and an engine, passes every byte on and keeps a copy: what somebody on the wire would see.</summary>
internal sealed class RecordingProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly MemoryStream seen = new();
    private readonly CancellationTokenSource ending = new();
    private readonly int target;
    private readonly Task accepting;

    public RecordingProxy(int target)
    {
        this.target = target;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Bytes in both directions so far.</summary>
    public long Length
    {
        get { lock (seen) return seen.Length; }
    }

    /// <summary>Whether a text went over the wire as it is.</summary>
    public bool Saw(string text)
    {
        lock (seen) return seen.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        await accepting;
        ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = PassAsync(await listener.AcceptTcpClientAsync(ending.Token));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(TcpClient near)
    {
        using var client = near;
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, target, ending.Token);
            await Task.WhenAny(CopyAsync(client.GetStream(), far.GetStream()), CopyAsync(far.GetStream(), client.GetStream()));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException)
        {
            // The engine is gone, or the test is over.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, ending.Token) is > 0 and var read)
            {
                lock (seen) seen.Write(buffer, 0, read);
                await to.WriteAsync(buffer.AsMemory(0, read), ending.Token);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side closed.
        }
    }
}
