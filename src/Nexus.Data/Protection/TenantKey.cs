using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Nexus.Data.Protection;

/// <summary>A key of a tenant in memory. Thread-safe.</summary>
internal sealed class TenantKey(int number, byte[] key) : IDisposable
{
    /// <summary>Version 1, number of the key (4 bytes, big-endian), nonce.</summary>
    public const int HeadSize = 1 + 4 + NonceSize;

    /// <summary>Bytes of the tag behind the cipher text.</summary>
    public const int TagSize = 16;

    private const int NonceSize = 12;
    private const byte Version = 1;

    // A cipher is not thread-safe, and making one costs more than using it.
    private readonly ConcurrentBag<AesGcm> _ciphers = [];
    private readonly Lock _gate = new();
    private readonly byte[] _prefix = new byte[8];
    private uint _counter = uint.MaxValue;

    public int Number => number;

    /// <summary>The number of the key that sealed a value; null when it is not a sealed value.</summary>
    public static int? NumberOf(ReadOnlySpan<byte> sealedValue) =>
        sealedValue.Length >= HeadSize + TagSize && sealedValue[0] == Version ? BinaryPrimitives.ReadInt32BigEndian(sealedValue[1..]) : null;

    public byte[] Seal(ReadOnlySpan<byte> value, ReadOnlySpan<byte> place)
    {
        var sealedValue = new byte[HeadSize + value.Length + TagSize];
        sealedValue[0] = Version;
        BinaryPrimitives.WriteInt32BigEndian(sealedValue.AsSpan(1), number);
        NextNonce(sealedValue.AsSpan(5, NonceSize));
        var cipher = Rent();
        cipher.Encrypt(sealedValue.AsSpan(5, NonceSize), value, sealedValue.AsSpan(HeadSize, value.Length), sealedValue.AsSpan(HeadSize + value.Length), place);
        _ciphers.Add(cipher);
        return sealedValue;
    }

    public byte[] Open(ReadOnlySpan<byte> sealedValue, ReadOnlySpan<byte> place)
    {
        var value = new byte[sealedValue.Length - HeadSize - TagSize];
        var cipher = Rent();
        try
        {
            cipher.Decrypt(sealedValue.Slice(5, NonceSize), sealedValue.Slice(HeadSize, value.Length), sealedValue[(HeadSize + value.Length)..], value, place);
            return value;
        }
        finally
        {
            _ciphers.Add(cipher);
        }
    }

    public byte[] Digest(ReadOnlySpan<byte> input) => HMACSHA256.HashData(key, input);

    public void Dispose()
    {
        while (_ciphers.TryTake(out var cipher))
            cipher.Dispose();
        CryptographicOperations.ZeroMemory(key);
    }

    private AesGcm Rent() => _ciphers.TryTake(out var cipher) ? cipher : new AesGcm(key, TagSize);

    /// <summary>NIST SP 800-38D, 8.2.1: a fixed part, random for each run of the process and each 2^32 values, and a counter. Two runs meet with a chance of 2^-64; within one run no nonce comes twice.</summary>
    private void NextNonce(Span<byte> nonce)
    {
        lock (_gate)
        {
            if (++_counter == 0)
                RandomNumberGenerator.Fill(_prefix);
            _prefix.CopyTo(nonce);
            BinaryPrimitives.WriteUInt32BigEndian(nonce[8..], _counter);
        }
    }
}
