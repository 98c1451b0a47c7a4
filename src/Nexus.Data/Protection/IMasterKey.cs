namespace Nexus.Data.Protection;

/// <summary>Wraps the keys of tenants. The key itself stays where it is: in a file, in a token, with a provider.</summary>
internal interface IMasterKey
{
    /// <summary>Which key wraps now, such as <c>file:1f6c…</c>; it stands beside what it wrapped.</summary>
    string Id { get; }

    /// <summary>Wraps a key.</summary>
    ValueTask<byte[]> WrapAsync(byte[] key, byte[] place, CancellationToken cancellationToken);

    /// <summary>Unwraps what a key of that id wrapped, also an older one that is still there.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>.</exception>
    ValueTask<byte[]> UnwrapAsync(string id, byte[] wrapped, byte[] place, CancellationToken cancellationToken);

    /// <summary>Makes a new key, which wraps from now on; the old one stays for what it wrapped.</summary>
    /// <exception cref="NexusException">It is made elsewhere.</exception>
    ValueTask RotateAsync(CancellationToken cancellationToken);
}
