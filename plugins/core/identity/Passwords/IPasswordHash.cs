namespace Nexus.Core.Identity.Passwords;

/// <summary>A way to hash passwords. What it makes names its method and parameters, so that older hashes still verify. Thread-safe, slow on purpose.</summary>
internal interface IPasswordHash
{
    /// <summary>Whether this method made an encoded hash.</summary>
    bool Made(string encoded);

    /// <summary>Hashes with a new salt.</summary>
    string Hash(ReadOnlySpan<byte> password);

    /// <summary>Compares in constant time.</summary>
    bool Verify(ReadOnlySpan<byte> password, string encoded);

    /// <summary>Whether a hash was made with other parameters than those in use now.</summary>
    bool IsDated(string encoded);
}
