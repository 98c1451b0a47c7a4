using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Tokens that were verified, by digest. Two halves: the young one takes what is used; when it is full it becomes the old one, and the old one's unused entries are dropped. So memory is bounded and what is in use stays, without a lock on the way of a request.</summary>
internal sealed class VerifiedTokens(int capacity)
{
    private readonly int half = Math.Max(1, capacity / 2);
    private readonly Lock turning = new();
    private volatile ConcurrentDictionary<TokenDigest, VerifiedToken> young = new();
    private volatile ConcurrentDictionary<TokenDigest, VerifiedToken> old = new();
    private int youngCount;

    /// <summary>Number of entries of both halves.</summary>
    public int Count => young.Count + old.Count;

    /// <summary>The token of a digest, or null.</summary>
    public VerifiedToken? Find(in TokenDigest digest)
    {
        if (young.TryGetValue(digest, out var token))
            return token;
        if (!old.TryRemove(digest, out token))
            return null;
        Add(digest, token);
        return token;
    }

    /// <summary>Remembers a token.</summary>
    public void Add(in TokenDigest digest, VerifiedToken token)
    {
        if (!young.TryAdd(digest, token) || Interlocked.Increment(ref youngCount) < half)
            return;
        lock (turning)
        {
            if (youngCount < half)
                return;
            old = young;
            young = new();
            youngCount = 0;
        }
    }

    /// <summary>Forgets one.</summary>
    public void Remove(in TokenDigest digest)
    {
        if (young.TryRemove(digest, out _))
            Interlocked.Decrement(ref youngCount);
        old.TryRemove(digest, out _);
    }

    /// <summary>Forgets what a key had signed.</summary>
    public void Forget(string keyId)
    {
        foreach (var part in new[] { young, old })
        {
            foreach (var (digest, token) in part)
            {
                if (token.KeyId == keyId)
                    Remove(digest);
            }
        }
    }
}

/// <summary>A token that was verified.</summary>
/// <param name="Claims">What it says.</param>
/// <param name="KeyId">Key that signed it.</param>
internal sealed record VerifiedToken(AccessClaims Claims, string KeyId);

/// <summary>The SHA-256 of a token: tokens themselves are not kept in memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TokenDigest(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>The digest of a token's text.</summary>
    public static TokenDigest Of(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = text.Length <= 2048 ? stackalloc byte[text.Length * 3] : new byte[text.Length * 3];
        var length = Encoding.UTF8.GetBytes(text, bytes);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes[..length], hash);
        var words = MemoryMarshal.Cast<byte, ulong>(hash);
        return new TokenDigest(words[0], words[1], words[2], words[3]);
    }

    /// <summary>The digest is uniform already.</summary>
    public override int GetHashCode() => unchecked((int)A);
}
