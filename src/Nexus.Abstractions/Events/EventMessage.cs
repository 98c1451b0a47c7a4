using System.Collections.Immutable;

namespace Nexus;

/// <summary>An event: something that happened, in the past tense.</summary>
public sealed record EventMessage
{
    private static readonly byte[] NoData = "{}"u8.ToArray();
    private readonly bool encrypted;

    /// <summary>UUIDv7.</summary>
    public Guid Id { get; init; } = Guid.CreateVersion7();

    /// <summary>Two or more dotted lower-case words: <c>orders.created</c>.</summary>
    public required string Name { get; init; }

    /// <summary>UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Data { get; init; } = NoData;

    /// <summary>When it happened, UTC; stamped at publication when default.</summary>
    public DateTimeOffset OccurredAt { get; init; }

    /// <summary>Who published it: a plugin's id, or one of <see cref="EventPublisher"/>. Stamped at publication.</summary>
    public string Source { get; init; } = "";

    /// <summary>Tenant.</summary>
    public string Tenant { get; init; } = CallContext.DefaultTenant;

    /// <summary>Id that ties together all that one cause brought about.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>Events of one key are delivered in order; null means no order.</summary>
    public string? Key { get; init; }

    /// <summary>Higher is delivered first among the waiting; 0 is normal, −1000 to 1000.</summary>
    public int Priority { get; init; }

    /// <summary>Not delivered after this; null never expires.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The data are stored and carried encrypted, and are shown outside to who may decrypt events only. Handlers get them plain.</summary>
    public bool Encrypted
    {
        get => encrypted || this.IsSealed();
        init => encrypted = value;
    }

    /// <summary>Free text values beside the data.</summary>
    public ImmutableDictionary<string, string> Headers { get; init; } = ImmutableDictionary<string, string>.Empty;
}
