using System.Collections.Concurrent;

namespace Nexus.Data.Protection;

/// <summary>The master key that wraps now, and those of other providers for what they wrapped: so a node moves from a file to a token or a service and back while it serves.</summary>
internal sealed class MasterKeys(IMasterKey current, Func<string, IMasterKey?> open) : IMasterKey, IDisposable
{
    private readonly ConcurrentDictionary<string, IMasterKey> _others = new(StringComparer.Ordinal);

    public string Id => current.Id;

    public ValueTask<byte[]> WrapAsync(byte[] key, byte[] place, CancellationToken cancellationToken) => current.WrapAsync(key, place, cancellationToken);

    public ValueTask<byte[]> UnwrapAsync(string id, byte[] wrapped, byte[] place, CancellationToken cancellationToken)
    {
        var provider = ProviderOf(id);
        return (provider == ProviderOf(current.Id) ? current : Other(provider, id)).UnwrapAsync(id, wrapped, place, cancellationToken);
    }

    public ValueTask RotateAsync(CancellationToken cancellationToken) => current.RotateAsync(cancellationToken);

    public void Dispose()
    {
        foreach (var key in _others.Values.Append(current))
            (key as IDisposable)?.Dispose();
    }

    private static string ProviderOf(string id) => id.Split(':')[0];

    private IMasterKey Other(string provider, string id) => _others.GetOrAdd(provider, name => open(name)
        ?? throw new NexusException(ErrorCodes.ProtectionFailed, $"A tenant's key was wrapped by {id}, and encryption.{provider} is not configured: keep it beside the new provider until 'nexus security rotate-keys --rewrap' has wrapped every key anew."));
}
