using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Limits;

/// <summary>Buckets that all nodes share, when <c>security.rateLimits.shared</c> is set and an active plugin brings them. A node that gets no answer counts by itself, and asks again after a moment.</summary>
internal sealed class SharedLimits(IPlugins plugins, TimeProvider time, ILogger<SharedLimits> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);
    private Known known = new(null, null);
    private long restsUntil = long.MinValue;
    private int failing;

    /// <summary>Key of an address: of IPv6 the /64.</summary>
    public static string KeyOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return $"address-{address}";
        return $"address-{Convert.ToHexStringLower(address.GetAddressBytes().AsSpan(0, 8))}";
    }

    /// <summary>Takes a request out of a shared bucket; null when the node has to count by itself.</summary>
    public async ValueTask<Verdict?> TakeAsync(string key, Rate rate, TimeSpan patience)
    {
        if (Limits() is not { } limits || time.GetTimestamp() < Volatile.Read(ref restsUntil))
            return null;
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            var verdict = await limits.TakeAsync(new SharedTake(key, rate.Requests, rate.Window, patience), limit.Token).AsTask().WaitAsync(Patience);
            if (Interlocked.Exchange(ref failing, 0) == 1)
                log.LogInformation("security.rate.shared_again");
            return new Verdict(verdict.Allowed, verdict.Remaining, verdict.Wait, verdict.Reset);
        }
        catch (Exception exception)
        {
            Volatile.Write(ref restsUntil, time.GetTimestamp() + (long)(Rest.TotalSeconds * time.TimestampFrequency));
            if (Interlocked.Exchange(ref failing, 1) == 0)
                log.LogWarning("security.rate.local: the shared counts cannot be reached, so this node counts by itself: {Reason}", exception.Message);
            return null;
        }
    }

    private ISharedLimits? Limits()
    {
        var snapshot = plugins.Current;
        var last = known;
        if (!ReferenceEquals(last.Snapshot, snapshot))
            known = last = new Known(snapshot, snapshot.Plugins.Select(p => p.Shared?.Limits).FirstOrDefault(l => l is not null));
        return last.Limits;
    }

    private sealed record Known(PlatformSnapshot? Snapshot, ISharedLimits? Limits);
}
