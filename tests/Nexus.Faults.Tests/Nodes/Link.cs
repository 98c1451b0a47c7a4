using System.Net;
using System.Net.Sockets;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>The wire between a node and an engine. Cut, it swallows what is sent, as a network does that loses every packet: connections stay open and silent, new ones are taken and never answered.</summary>
internal sealed class Link : IAsyncDisposable
{
    private readonly TcpListener listener;
    private readonly Func<CancellationToken, Task<TcpClient>> reach;
    private readonly CancellationTokenSource ending = new();
    private readonly Task accepting;
    private CancellationTokenSource mending = new();
    private volatile TaskCompletionSource whole = new();

    /// <param name="target">Port of the engine.</param>
    /// <param name="at">Where the node reaches the wire; on the loopback when null.</param>
    public Link(int target, IPAddress? at = null)
        : this(new TcpListener(at ?? IPAddress.Loopback, 0), async token =>
        {
            var far = new TcpClient { NoDelay = true };
            try
            {
                await far.ConnectAsync(IPAddress.Loopback, target, token);
                return far;
            }
            catch
            {
                far.Dispose();
                throw;
            }
        })
    {
    }

    /// <param name="listener">Where it begins.</param>
    /// <param name="reach">Makes its other end.</param>
    public Link(TcpListener listener, Func<CancellationToken, Task<TcpClient>> reach)
    {
        (this.listener, this.reach) = (listener, reach);
        whole.SetResult();
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public void Cut()
    {
        if (whole.Task.IsCompleted) whole = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Connections of before are over by now for one side or the other, so they are closed.</summary>
    public async Task MendAsync()
    {
        whole.TrySetResult();
        // Not disposed: who just took it for a new connection still asks it for its token.
        await Interlocked.Exchange(ref mending, new CancellationTokenSource()).CancelAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await MendAsync();
        listener.Stop();
        await accepting;
        ending.Dispose();
        mending.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = PassAsync(await listener.AcceptTcpClientAsync(ending.Token), mending.Token);
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(TcpClient near, CancellationToken mended)
    {
        using var client = near;
        client.NoDelay = true;
        try
        {
            await whole.Task.WaitAsync(mended);
            using var far = await reach(mended);
            await Task.WhenAny(CopyAsync(client.GetStream(), far.GetStream(), mended), CopyAsync(far.GetStream(), client.GetStream(), mended));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException)
        {
            // The engine is gone, the wire was mended, or the test is over.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationToken mended)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, mended) is > 0 and var read)
            {
                await whole.Task.WaitAsync(mended);
                await to.WriteAsync(buffer.AsMemory(0, read), mended);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side closed.
        }
    }
}
