using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Anchors;

/// <summary>An operator's word that the database of a tenant was put back to an earlier state: the anchored seals from a number on are no more in it. It stands in the anchor for good, so the gap stays visible.</summary>
/// <param name="Tenant">Its tenant.</param>
/// <param name="From">Number of the first seal that is gone.</param>
/// <param name="Through">Number of the last one.</param>
/// <param name="First">Position of the first entry that is gone.</param>
/// <param name="Last">Position of the last one.</param>
/// <param name="At">When, microseconds.</param>
/// <param name="Actor">Who.</param>
/// <param name="Reason">Why.</param>
/// <param name="Key">Id of the key.</param>
internal sealed record Acknowledgement(string Tenant, long From, long Through, long First, long Last, long At, string Actor, string Reason, string Key)
{
    /// <summary>ECDSA P-256 over SHA-256 of <see cref="Signed"/>, DER.</summary>
    public byte[] Signature { get; init; } = [];

    /// <summary>The bytes that are signed: label, then each part with its length, so that no two acknowledgements have the same.</summary>
    public byte[] Signed()
    {
        using var bytes = new MemoryStream();
        bytes.Write("nexus audit acknowledgement v1\0"u8);
        Span<byte> number = stackalloc byte[8];
        foreach (var value in (ReadOnlySpan<long>)[From, Through, First, Last, At])
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            bytes.Write(number);
        }

        foreach (var text in (ReadOnlySpan<string>)[Tenant, Actor, Reason, Key])
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32BigEndian(number, utf8.Length);
            bytes.Write(number[..4]);
            bytes.Write(utf8);
        }

        return bytes.ToArray();
    }

    /// <summary>One line of JSON.</summary>
    public string ToJson() => new JsonObject
    {
        ["acknowledged"] = Tenant,
        ["from"] = From,
        ["through"] = Through,
        ["first"] = First,
        ["last"] = Last,
        ["at"] = TrailStore.Instant(At).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
        ["actor"] = Actor,
        ["reason"] = Reason,
        ["key"] = Key,
        ["signature"] = Convert.ToBase64String(Signature),
    }.ToJsonString();

    /// <summary>The acknowledgement of a line, or null when the line is not one.</summary>
    public static Acknowledgement? Parse(string line)
    {
        try
        {
            var json = JsonNode.Parse(line)!;
            return new Acknowledgement(
                (string)json["acknowledged"]!, (long)json["from"]!, (long)json["through"]!, (long)json["first"]!, (long)json["last"]!,
                TrailStore.Microseconds(DateTimeOffset.Parse((string)json["at"]!, CultureInfo.InvariantCulture)), (string)json["actor"]!, (string)json["reason"]!, (string)json["key"]!)
            {
                Signature = Convert.FromBase64String((string)json["signature"]!),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or NullReferenceException or InvalidOperationException or ArgumentNullException)
        {
            return null;
        }
    }
}

/// <summary>What an anchor kept: a seal, or an acknowledgement.</summary>
/// <param name="Sealed">The seal, or null.</param>
/// <param name="Acknowledged">The acknowledgement, or null.</param>
internal readonly record struct AnchorLine(AnchoredSeal? Sealed, Acknowledgement? Acknowledged)
{
    /// <summary>Tenant of either.</summary>
    public string? Tenant => Sealed?.Tenant ?? Acknowledged?.Tenant;

    /// <summary>Reads a line; both are null when it is neither.</summary>
    public static AnchorLine Parse(string line) => AnchoredSeal.Parse(line) is { } anchored ? new(anchored, null) : new(null, Acknowledgement.Parse(line));
}
