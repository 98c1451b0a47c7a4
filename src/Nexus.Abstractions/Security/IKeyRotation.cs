using System.Collections.Immutable;

namespace Nexus;

/// <summary>The keys of field protection for operators. Everything works while the node serves; values under older keys stay readable.</summary>
public interface IKeyRotation
{
    /// <summary>Every stored key, never its bytes.</summary>
    ValueTask<ImmutableArray<StoredKey>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Makes a new data key of a tenant, which encrypts from now on. Returns its number.</summary>
    ValueTask<int> RotateAsync(string tenant, CancellationToken cancellationToken);

    /// <summary>Makes a new master key where it lies on this node, and wraps every key anew. Returns how many.</summary>
    /// <exception cref="NexusException">The master key is made elsewhere (a token, a provider): make it there, then <see cref="RewrapAsync"/>.</exception>
    ValueTask<int> RotateMasterAsync(CancellationToken cancellationToken);

    /// <summary>Wraps every key anew that another than the present master key wrapped. Returns how many.</summary>
    ValueTask<int> RewrapAsync(CancellationToken cancellationToken);

    /// <summary>Whether a value was encrypted under an older key than the present one of its tenant, and is to be encrypted again.</summary>
    bool NeedsNewKey(string tenant, ReadOnlySpan<byte> sealedValue);
}

/// <summary>Encrypts again, behind the requests, what older keys of a tenant encrypted. It begins by itself when <see cref="IKeyRotation.RotateAsync"/> made a key, and goes on after a stop or a crash where it was.</summary>
public interface IFieldReencryption
{
    /// <summary>How far it has come, a tenant whose key was rotated; sorted by tenant.</summary>
    ValueTask<ImmutableArray<ReencryptionProgress>> ListAsync(CancellationToken cancellationToken);
}

/// <summary>How far the fields of a tenant have come to its present key.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="Key">Number of the key that they come under.</param>
/// <param name="Table">The table in hand; null when it has not begun or is finished.</param>
/// <param name="Records">Records looked at.</param>
/// <param name="Encrypted">Values encrypted again.</param>
/// <param name="Unreadable">Values that no key of the tenant opens, which stay as they are.</param>
/// <param name="FinishedAt">When no older value was left; null before.</param>
public sealed record ReencryptionProgress(string Tenant, int Key, string? Table, long Records, long Encrypted, long Unreadable, DateTimeOffset? FinishedAt);

/// <summary>A stored key.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="Purpose"><c>data</c> or <c>digest</c>.</param>
/// <param name="Number">From 1; of data keys the highest encrypts.</param>
/// <param name="Master">Id of the master key that wrapped it.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record StoredKey(string Tenant, string Purpose, int Number, string Master, DateTimeOffset CreatedAt);
