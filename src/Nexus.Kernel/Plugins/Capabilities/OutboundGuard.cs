using System.Net;
using System.Net.Sockets;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Stands before each outbound request of a plugin's <see cref="IHttpClientFactory"/>: asks for <c>http.external</c> and tells a refused address in plain words.</summary>
internal sealed class OutboundGuard(CapabilityGuard guard) : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        guard.Demand(Capability.HttpExternal, request.RequestUri?.Authority);
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException e) when (e.InnerException is TargetRefusedException refused)
        {
            throw guard.Refuse(Capability.HttpExternal, request.RequestUri?.Authority, refused.Message);
        }
    }
}

/// <summary>Says which addresses plugins may connect to. The address is judged that is connected to, after the name was resolved, so that no name can be moved in between.</summary>
internal sealed class OutboundTargets(PluginOutboundOptions options)
{
    private static readonly (IPNetwork Network, string What)[] Refused =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "this host"), (IPNetwork.Parse("10.0.0.0/8"), "a private network"), (IPNetwork.Parse("100.64.0.0/10"), "a carrier's network"),
        (IPNetwork.Parse("127.0.0.0/8"), "loopback"), (IPNetwork.Parse("169.254.0.0/16"), "link-local"), (IPNetwork.Parse("172.16.0.0/12"), "a private network"),
        (IPNetwork.Parse("192.0.0.0/24"), "reserved"), (IPNetwork.Parse("192.0.2.0/24"), "reserved"), (IPNetwork.Parse("192.168.0.0/16"), "a private network"),
        (IPNetwork.Parse("198.18.0.0/15"), "reserved"), (IPNetwork.Parse("198.51.100.0/24"), "reserved"), (IPNetwork.Parse("203.0.113.0/24"), "reserved"),
        (IPNetwork.Parse("224.0.0.0/4"), "multicast"), (IPNetwork.Parse("240.0.0.0/4"), "reserved"),
        (IPNetwork.Parse("::/128"), "this host"), (IPNetwork.Parse("::1/128"), "loopback"), (IPNetwork.Parse("fc00::/7"), "a private network"),
        (IPNetwork.Parse("fe80::/10"), "link-local"), (IPNetwork.Parse("fec0::/10"), "site-local"), (IPNetwork.Parse("ff00::/8"), "multicast"), (IPNetwork.Parse("2001:db8::/32"), "reserved"),
    ];

    /// <summary>Whether requests go through the proxy of the environment, which then decides what can be reached.</summary>
    public bool UseProxy => options.UseProxy;

    /// <summary>Connects to the first address of a host that may be connected to.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken);
        var allowed = addresses.Where(a => Why(host, a) is null).ToArray();
        if (allowed.Length == 0)
            throw new TargetRefusedException($"{host} is {addresses[0]}, {Why(host, addresses[0])}: plugins may not connect there. If it is meant to be reached, name the host or its network under plugins.outbound.allowed.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Why an address may not be connected to, or null.</summary>
    public string? Why(string host, IPAddress address)
    {
        var real = Unwrap(address);
        if (options.Allowed.Any(a => string.Equals(a, host, StringComparison.OrdinalIgnoreCase) || (IPNetwork.TryParse(a, out var network) && network.Contains(real)) || (IPAddress.TryParse(a, out var one) && one.Equals(real))))
            return null;
        return Refused.FirstOrDefault(r => r.Network.BaseAddress.AddressFamily == real.AddressFamily && r.Network.Contains(real)).What;
    }

    /// <summary>The IPv4 address within forms of IPv6 that only carry one: mapped, compatible, NAT64, 6to4 and Teredo.</summary>
    private static IPAddress Unwrap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6 || (bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0 && bytes.AsSpan(12).IndexOfAnyExcept((byte)0) >= 0 && !address.Equals(IPAddress.IPv6Loopback)) || bytes.AsSpan(0, 12).SequenceEqual((ReadOnlySpan<byte>)[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]))
            return new IPAddress(bytes.AsSpan(12));
        if (address.IsIPv6Teredo)
            return new IPAddress(bytes.AsSpan(12).ToArray().Select(b => (byte)~b).ToArray());
        return bytes[0] == 0x20 && bytes[1] == 0x02 ? new IPAddress(bytes.AsSpan(2, 4)) : address;
    }
}

/// <summary>An address that plugins may not connect to.</summary>
internal sealed class TargetRefusedException(string message) : IOException(message);
