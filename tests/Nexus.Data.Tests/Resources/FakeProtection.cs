using System.Security.Cryptography;
using System.Text;

namespace Nexus.Data.Tests.Resources;

/// <summary>Real encryption under one fixed key a tenant.</summary>
internal sealed class FakeProtection : IFieldProtection
{
    public ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken)
    {
        var result = new byte[12 + value.Length + 16];
        RandomNumberGenerator.Fill(result.AsSpan(0, 12));
        using var aes = new AesGcm(Key(tenant), 16);
        aes.Encrypt(result.AsSpan(0, 12), value.Span, result.AsSpan(12, value.Length), result.AsSpan(12 + value.Length), place.Span);
        return new(result);
    }

    public ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken)
    {
        var plain = new byte[sealedValue.Length - 28];
        using var aes = new AesGcm(Key(tenant), 16);
        aes.Decrypt(sealedValue.Span[..12], sealedValue.Span[12..^16], sealedValue.Span[^16..], plain, place.Span);
        return new(plain);
    }

    public ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken) =>
        new(HMACSHA256.HashData(Key(tenant), Encoding.UTF8.GetBytes(field).Append((byte)0).Concat(value.ToArray()).ToArray()));

    private static byte[] Key(string tenant) => SHA256.HashData(Encoding.UTF8.GetBytes("key of " + tenant));
}
