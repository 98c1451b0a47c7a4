namespace Nexus;

/// <summary>Encrypts fields marked secret or personal: AES-256-GCM under a key of the tenant, which the node's master key wraps. Completes synchronously once the tenant's key is in memory.</summary>
public interface IFieldProtection
{
    /// <summary>Encrypts a value.</summary>
    /// <param name="tenant">Tenant whose key is used.</param>
    /// <param name="value">The plain bytes.</param>
    /// <param name="place">Where it lies (<c>{tenant}/{table}/{id}/{field}</c>, UTF-8); authenticated, so that a cipher text moved elsewhere does not open.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Key id, nonce, cipher text and tag, for this port only to read.</returns>
    ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken);

    /// <summary>Decrypts what <see cref="ProtectAsync"/> made, also under an older key.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>: altered, moved, or its key is not there.</exception>
    ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken);

    /// <summary>A keyed digest (HMAC-SHA-256 under a key of the tenant that rotation keeps) by which equal values of one field are found without being readable.</summary>
    ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken);
}
