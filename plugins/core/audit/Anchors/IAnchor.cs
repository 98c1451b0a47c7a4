using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Anchors;

/// <summary>Where seals are kept besides the database, so that who rewrites the whole database is found out.</summary>
internal interface IAnchor
{
    /// <summary>Its name, for people.</summary>
    string Name { get; }

    /// <summary>Number of the last seal of the tenant of the current call; 0 when there is none.</summary>
    ValueTask<long> LastAsync(CancellationToken cancellationToken);

    /// <summary>Keeps a seal; durable when the call returns.</summary>
    ValueTask AppendAsync(AnchoredSeal seal, CancellationToken cancellationToken);

    /// <summary>Keeps an acknowledgement; durable when the call returns. The seals from its number on are kept anew after it.</summary>
    ValueTask AcknowledgeAsync(Acknowledgement word, CancellationToken cancellationToken);

    /// <summary>Everything kept of a tenant in the order in which it came; nothing when it cannot be read back.</summary>
    IAsyncEnumerable<AnchorLine> ReadAsync(string tenant, CancellationToken cancellationToken);
}

/// <summary>A seal as it is anchored: with the first four bytes of each leaf hash, which name the altered entry even when the chain was computed anew.</summary>
/// <param name="Tenant">Its tenant.</param>
/// <param name="Seal">The seal.</param>
/// <param name="Marks">Four bytes a leaf.</param>
internal sealed record AnchoredSeal(string Tenant, Seal Seal, byte[] Marks)
{
    /// <summary>Bytes of a mark.</summary>
    public const int MarkSize = 4;

    /// <summary>The marks of leaves.</summary>
    public static byte[] MarksOf(ReadOnlySpan<byte> leaves)
    {
        var marks = new byte[leaves.Length / Hashing.Size * MarkSize];
        for (var i = 0; i * MarkSize < marks.Length; i++)
            leaves.Slice(i * Hashing.Size, MarkSize).CopyTo(marks.AsSpan(i * MarkSize));
        return marks;
    }

    /// <summary>One line of JSON.</summary>
    public string ToJson() => new JsonObject
    {
        ["tenant"] = Tenant,
        ["number"] = Seal.Number,
        ["first"] = Seal.First,
        ["last"] = Seal.Last,
        ["at"] = TrailStore.Instant(Seal.At).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
        ["root"] = Convert.ToHexStringLower(Seal.Root),
        ["chain"] = Convert.ToHexStringLower(Seal.Chain),
        ["previous"] = Convert.ToHexStringLower(Seal.Previous),
        ["key"] = Seal.Key,
        ["signature"] = Convert.ToBase64String(Seal.Signature),
        ["marks"] = Convert.ToBase64String(Marks),
    }.ToJsonString();

    /// <summary>The seal of a line, or null when the line is not one.</summary>
    public static AnchoredSeal? Parse(string line)
    {
        try
        {
            var json = JsonNode.Parse(line)!;
            return new AnchoredSeal((string)json["tenant"]!, new Seal
            {
                Number = (long)json["number"]!,
                First = (long)json["first"]!,
                Last = (long)json["last"]!,
                At = TrailStore.Microseconds(DateTimeOffset.Parse((string)json["at"]!, CultureInfo.InvariantCulture)),
                Root = Convert.FromHexString((string)json["root"]!),
                Chain = Convert.FromHexString((string)json["chain"]!),
                Previous = Convert.FromHexString((string)json["previous"]!),
                Key = (string)json["key"]!,
                Signature = Convert.FromBase64String((string)json["signature"]!),
            }, Convert.FromBase64String((string)json["marks"]!));
        }
        catch (Exception e) when (e is JsonException or FormatException or NullReferenceException or InvalidOperationException or ArgumentNullException)
        {
            return null;
        }
    }
}
