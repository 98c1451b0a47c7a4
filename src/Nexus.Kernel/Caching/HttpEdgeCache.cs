using System.Collections.Immutable;

namespace Nexus.Kernel.Caching;

/// <summary>Edge caches that forget by an HTTP request: <c>PURGE</c> to each configured address with one tag in <c>Nexus-Purge-Tag</c>, as the shipped configuration of Varnish understands it.</summary>
internal sealed class HttpEdgeCache(ImmutableArray<Uri> addresses, HttpMessageHandler handler) : IEdgeCache, IDisposable
{
    private readonly HttpClient client = new(handler) { Timeout = TimeSpan.FromSeconds(5) };

    public async ValueTask PurgeAsync(ImmutableArray<string> tags, CancellationToken cancellationToken)
    {
        foreach (var address in addresses)
        {
            foreach (var tag in tags)
            {
                using var request = new HttpRequestMessage(new HttpMethod("PURGE"), address);
                request.Headers.TryAddWithoutValidation("Nexus-Purge-Tag", tag);
                using var answer = await client.SendAsync(request, cancellationToken);
                if (!answer.IsSuccessStatusCode)
                    throw new HttpRequestException($"{address} answers {(int)answer.StatusCode} to a purge.");
            }
        }
    }

    public void Dispose() => client.Dispose();
}
