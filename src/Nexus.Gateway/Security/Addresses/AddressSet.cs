using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>A set of addresses and networks, as sorted disjoint ranges: a look-up is one binary search, whatever the length of the list. IPv4 addresses are those of <c>::ffff:0:0/96</c>, so that both ways of writing one are the same.</summary>
internal sealed class AddressSet
{
    private readonly ImmutableArray<(UInt128 First, UInt128 Last)> ranges;

    private AddressSet(ImmutableArray<(UInt128, UInt128)> ranges) => this.ranges = ranges;

    public static AddressSet Empty { get; } = new([]);

    public bool IsEmpty => ranges.IsEmpty;

    /// <summary>Reads a list of addresses (<c>192.0.2.7</c>, <c>2001:db8::1</c>) and networks (<c>10.0.0.0/8</c>).</summary>
    /// <exception cref="FormatException">One of them is neither; the text names it.</exception>
    public static AddressSet Parse(IEnumerable<string> entries)
    {
        var read = entries.Select(Range).Order().ToArray();
        var merged = ImmutableArray.CreateBuilder<(UInt128 First, UInt128 Last)>(read.Length);
        foreach (var (first, last) in read)
        {
            if (merged.Count > 0 && first <= merged[^1].Last)
                merged[^1] = (merged[^1].First, UInt128.Max(last, merged[^1].Last));
            else
                merged.Add((first, last));
        }
        return new AddressSet(merged.ToImmutable());
    }

    public bool Contains(IPAddress address)
    {
        if (ranges.IsEmpty)
            return false;
        var number = NumberOf(address);
        int low = 0, high = ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (number < ranges[middle].First)
                high = middle - 1;
            else if (number > ranges[middle].Last)
                low = middle + 1;
            else
                return true;
        }
        return false;
    }

    /// <summary>The key under which an address is counted: the address of IPv4, the /64 of IPv6, where one subscriber has all addresses.</summary>
    public static ulong CountingKey(IPAddress address)
    {
        var number = NumberOf(address);
        return number >> 32 == 0xFFFF ? 0xFFFF_0000_0000UL | (ulong)(uint)number : (ulong)(number >> 64);
    }

    private static (UInt128 First, UInt128 Last) Range(string entry)
    {
        var slash = entry.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? entry : entry[..slash], out var address))
            throw new FormatException($"'{entry}' is neither an address nor a network such as 10.0.0.0/8.");
        var width = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = width;
        if (slash >= 0 && !(int.TryParse(entry.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) && length <= width))
            throw new FormatException($"'{entry}' is not a network: the number after the slash is 0 to {width}.");
        var rest = width - length == 128 ? UInt128.MaxValue : (UInt128.One << (width - length)) - 1;
        var number = NumberOf(address);
        return (number & ~rest, number | rest);
    }

    private static UInt128 NumberOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        if (written == 4)
            return ((UInt128)0xFFFF << 32) | System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
