using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>A network namespace for a node, joined to that of the engines by a pair of virtual cards. With a card down the kernel itself loses every packet: connections stay, and what was sent is sent again when the card is up. Its name is of this run alone.</summary>
internal sealed class Cell : IAsyncDisposable
{
    private const int NewNetwork = 0x40000000;
    private readonly string name = $"nx{Convert.ToHexStringLower(BitConverter.GetBytes(Random.Shared.Next()))}";

    // Of the block for measurements within a network, which nothing else here uses.
    private readonly string prefix = $"198.18.{Random.Shared.Next(256)}";
    private readonly int number = 4 * Random.Shared.Next(63);

    private Cell() => AppDomain.CurrentDomain.ProcessExit += Remove;

    /// <summary>Where the engines' side is, as the node sees it.</summary>
    public IPAddress Outside => IPAddress.Parse($"{prefix}.{number + 1}");

    /// <summary>With what a command begins that runs inside.</summary>
    public string[] Within => ["ip", "netns", "exec", name];

    /// <summary>Makes one; null and the reason where the kernel or the user's rights do not allow it.</summary>
    public static async Task<(Cell? Cell, string? Refusal)> TryMakeAsync()
    {
        if (!OperatingSystem.IsLinux()) return (null, "this is no Linux");
        var cell = new Cell();
        string[] steps =
        [
            $"netns add {cell.name}", $"link add {cell.name}a type veth peer name {cell.name}b netns {cell.name}",
            $"addr add {cell.Outside}/30 dev {cell.name}a", $"link set {cell.name}a up",
            $"-n {cell.name} addr add {cell.prefix}.{cell.number + 2}/30 dev {cell.name}b", $"-n {cell.name} link set {cell.name}b up", $"-n {cell.name} link set lo up",
            $"netns exec {cell.name} true",
        ];
        foreach (var step in steps)
        {
            if (await IpAsync(step) is not { } refusal) continue;
            await cell.DisposeAsync();
            return (null, $"`ip {step}` says: {refusal}");
        }

        return (cell, null);
    }

    public Task CutAsync() => DemandAsync($"link set {name}a down");

    public Task MendAsync() => DemandAsync($"link set {name}a up");

    /// <summary>A connection to who listens inside on its own loopback. A socket belongs to where the thread was that made it; the card has no part in it.</summary>
    public async Task<TcpClient> ReachAsync(int port, CancellationToken cancellationToken)
    {
        var made = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                using var place = File.OpenHandle($"/run/netns/{name}");
                if (Enter((int)place.DangerousGetHandle(), NewNetwork) != 0) throw new SocketException(Marshal.GetLastPInvokeError());
                made.SetResult(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
            }
            catch (Exception refused)
            {
                made.SetException(refused);
            }
        })
        { IsBackground = true }.Start();
        var client = new TcpClient { Client = await made.Task };
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= Remove;
        // The cards go with it.
        await IpAsync($"netns del {name}");
    }

    // A program that is ended in the middle leaves nothing behind either.
    private void Remove(object? sender, EventArgs e)
    {
        using var command = Process.Start("ip", $"netns del {name}");
        command.WaitForExit();
    }

    private static async Task DemandAsync(string arguments) => Assert.Null(await IpAsync(arguments));

    /// <summary>What the command complains of; null when it did its work.</summary>
    private static async Task<string?> IpAsync(string arguments)
    {
        try
        {
            using var command = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            var told = await command.StandardError.ReadToEndAsync();
            await command.WaitForExitAsync();
            return command.ExitCode == 0 ? null : told.Trim();
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return missing.Message;
        }
    }

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Enter(int place, int kind);
}
