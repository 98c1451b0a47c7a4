using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Nexus.Tests.Shared;

/// <summary>Ports that are chosen before their program starts, or kept while it is down. Nobody else gets one meanwhile: the system gives none of them to a connection or to who asks for any, and no other test program has the block that they are from.</summary>
internal static class Ports
{
    // What systems give away by themselves begins at 32,768; a Redis of a cluster also takes the port 10,000 above.
    private const int First = 12_000;
    private const int Block = 100;
    private const int Blocks = 100;

    private static readonly Lock Gate = new();
    private static readonly List<FileStream> Claims = [];
    private static int next;
    private static int end;

    /// <summary>A port, or the first of several in a row.</summary>
    public static int Free(int inARow = 1)
    {
        lock (Gate)
        {
            while (true)
            {
                if (next + inARow > end) next = (end = First + (ClaimBlock() * Block) + Block) - Block;
                var port = next;
                next += inARow;
                if (Enumerable.Range(port, inARow).All(IsFree)) return port;
            }
        }
    }

    /// <summary>A block that no other program has, held by a lock that ends with this one.</summary>
    private static int ClaimBlock()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"nexus-ports-{Environment.UserName}")).FullName;
        for (var tries = 0; ; tries++)
        {
            var block = RandomNumberGenerator.GetInt32(Blocks);
            try
            {
                Claims.Add(new FileStream(Path.Combine(folder, block.ToString(CultureInfo.InvariantCulture)), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
                return block;
            }
            catch (IOException) when (tries < 10_000)
            {
                // Another program has it, or this one.
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
