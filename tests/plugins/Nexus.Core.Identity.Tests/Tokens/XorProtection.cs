using System.Text;

namespace Nexus.Core.Identity.Tests.Tokens;

/// <summary>Stands for the real protection: what it seals is not what it got, and only it opens it, at its own place.</summary>
internal sealed class XorProtection : IFieldProtection
{
    public ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ReadOnlyMemory<byte>>(value.ToArray().Select((b, i) => (byte)(b ^ 0x5A ^ place.Span[i % place.Length])).ToArray());

    public ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken) => ProtectAsync(tenant, sealedValue, place, cancellationToken);

    public ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ReadOnlyMemory<byte>>(Encoding.UTF8.GetBytes(field));
}
