using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Security.Addresses;

namespace Nexus.Gateway.Security.Transport;

/// <summary>Counts open connections by address and closes those over the limit before a byte of them is read. What is counted is open connections, so the memory is bounded by their number.</summary>
internal sealed class ConnectionGuard(IOptionsMonitor<SecurityOptions> options, AddressRules rules)
{
    private readonly ConcurrentDictionary<ulong, int> open = new();
    private long refused;

    /// <summary>Connections refused since the process began.</summary>
    public long Refused => Volatile.Read(ref refused);

    /// <summary>Runs a connection, or closes it.</summary>
    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var settings = options.CurrentValue;
        if (connection.RemoteEndPoint is not IPEndPoint { Address: var address } || settings.Connections.PerAddress == 0
            || !settings.RateLimits.Loopback && IPAddress.IsLoopback(address) || rules.Current.Proxies.Contains(address))
        {
            await next(connection);
            return;
        }
        var key = AddressSet.CountingKey(address);
        if (open.AddOrUpdate(key, 1, static (_, count) => count + 1) > settings.Connections.PerAddress)
        {
            Interlocked.Increment(ref refused);
            Leave(key);
            connection.Abort(new ConnectionAbortedException("Too many connections from one address."));
            return;
        }
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(key);
        }
    }

    private void Leave(ulong key)
    {
        while (open.TryGetValue(key, out var count))
        {
            if (count == 1 ? open.TryRemove(new(key, 1)) : open.TryUpdate(key, count - 1, count))
                return;
        }
    }
}
