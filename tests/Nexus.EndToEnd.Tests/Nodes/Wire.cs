using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Stands between two ends and keeps every byte that passes.</summary>
internal sealed class Wire : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ending = new();
    private readonly MemoryStream kept = new();
    private readonly Task work;

    public Wire(int to)
    {
        listener.Start();
        work = RunAsync(to);
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>All that passed so far, in both directions, byte by byte.</summary>
    public string Seen
    {
        get { lock (kept) return Encoding.Latin1.GetString(kept.ToArray()); }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        await work;
        ending.Dispose();
    }

    private async Task RunAsync(int to)
    {
        var open = new List<Task>();
        while (!ending.IsCancellationRequested)
        {
            try
            {
                open.Add(PassAsync(await listener.AcceptTcpClientAsync(ending.Token), to));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                break;
            }
        }

        await Task.WhenAll(open);
    }

    private async Task PassAsync(TcpClient near, int to)
    {
        using var one = near;
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, to, ending.Token);
            await Task.WhenAny(CopyAsync(near.GetStream(), far.GetStream()), CopyAsync(far.GetStream(), near.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // One of the ends left.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream into)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            for (int read; (read = await from.ReadAsync(buffer, ending.Token)) > 0;)
            {
                lock (kept) kept.Write(buffer, 0, read);
                await into.WriteAsync(buffer.AsMemory(0, read), ending.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // As above.
        }
    }
}
