using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.Cli.Cluster;

/// <summary>Questions whether something answers.</summary>
internal static class Probes
{
    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(5) };

    public static async Task<bool> HttpAsync(string address, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await Client.GetAsync(address, cancellationToken);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Whether what is said to a port is answered with these words.</summary>
    public static async Task<bool> SaysAsync(int port, string question, string answer, CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(question), cancellationToken);
            var buffer = new byte[64];
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(2));
            var read = await stream.ReadAsync(buffer, limit.Token);
            return Encoding.Latin1.GetString(buffer, 0, read).Contains(answer, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Whether a program ends with 0.</summary>
    public static async Task<bool> RunsAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0;
    }
}
