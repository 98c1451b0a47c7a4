using System.Net;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Where a request really comes from when it came through proxies.</summary>
internal static class ForwardedAddress
{
    private const int MaxHops = 32;

    /// <summary>
    /// The right-most address of <c>X-Forwarded-For</c> that is no trusted proxy: what stands left of it was written by somebody who is not trusted.
    /// Without a trusted proxy at the other end of the connection the header means nothing.
    /// </summary>
    public static IPAddress Of(HttpContext context, IPAddress peer, AddressSet proxies)
    {
        if (proxies.IsEmpty || !proxies.Contains(peer))
            return peer;
        var hops = context.Request.Headers["X-Forwarded-For"].SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)).TakeLast(MaxHops).Reverse();
        var nearest = peer;
        foreach (var hop in hops)
        {
            // "203.0.113.5:4711" and "[2001:db8::1]:4711" are written by some proxies.
            if (!IPEndPoint.TryParse(hop, out var point))
                break;
            nearest = point.Address;
            if (!proxies.Contains(nearest))
                break;
        }
        return nearest;
    }

    /// <summary>Takes the scheme over that the caller used towards a trusted proxy.</summary>
    public static void TakeScheme(HttpContext context, IPAddress peer, AddressSet proxies)
    {
        if (!proxies.IsEmpty && proxies.Contains(peer) && context.Request.Headers["X-Forwarded-Proto"] is ["http" or "https"] given)
            context.Request.Scheme = given!;
    }
}
