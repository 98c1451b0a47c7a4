using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Nexus.Core.Identity.External;

/// <summary>What OpenID providers publish: their endpoints and keys, fetched when first needed and remembered for an hour. Thread-safe.</summary>
internal sealed class ProviderDirectory(ProviderHttp http, TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, (ProviderMetadata Metadata, DateTimeOffset Until)> metadata = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (ImmutableArray<ProviderKey> Keys, DateTimeOffset Until)> keys = new(StringComparer.Ordinal);

    /// <summary>The endpoints of an issuer (OpenID Connect Discovery 1.0).</summary>
    /// <exception cref="NexusException">It cannot be asked, or its document is that of another issuer.</exception>
    public async ValueTask<ProviderMetadata> DescribeAsync(string issuer, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (metadata.TryGetValue(issuer, out var known) && known.Until > now)
            return known.Metadata;
        using var document = await http.GetAsync($"{issuer.TrimEnd('/')}/.well-known/openid-configuration", null, cancellationToken);
        var found = Read(issuer, document.RootElement);
        metadata[issuer] = (found, now + Lifetime);
        return found;
    }

    /// <summary>The keys of a provider that a token names: by id, else those of its algorithm. An unknown id fetches the set anew once, because providers rotate; the token came from the provider's own endpoint, so strangers cannot make us ask.</summary>
    public async ValueTask<ImmutableArray<ProviderKey>> KeysAsync(ProviderMetadata provider, string? keyId, string algorithm, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (keys.TryGetValue(provider.KeysAddress, out var known) && known.Until > now && Matching(known.Keys, keyId, algorithm) is { IsEmpty: false } found)
            return found;
        using var document = await http.GetAsync(provider.KeysAddress, null, cancellationToken);
        var fetched = ProviderKey.Read(document.RootElement);
        keys[provider.KeysAddress] = (fetched, now + Lifetime);
        return Matching(fetched, keyId, algorithm);
    }

    private static ImmutableArray<ProviderKey> Matching(ImmutableArray<ProviderKey> all, string? keyId, string algorithm) =>
        [.. all.Where(k => k.Algorithm == algorithm && (keyId is null || k.KeyId is null || k.KeyId == keyId))];

    private static ProviderMetadata Read(string issuer, JsonElement document)
    {
        string Address(string name) => document.ValueKind == JsonValueKind.Object && document.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { } text && ProviderShape.IsSafeAddress(text)
            ? text
            : throw new NexusException(ErrorCodes.ServiceUnavailable, $"The discovery document of {issuer} has no usable {name}.");
        var named = document.ValueKind == JsonValueKind.Object && document.TryGetProperty("issuer", out var i) && i.ValueKind == JsonValueKind.String ? i.GetString()! : "";
        // Section 4.3: the document must name the issuer it was asked of. Microsoft's for several tenants names a template instead.
        if (named != issuer && !(named.Contains("{tenantid}", StringComparison.Ordinal) && new Uri(named.Replace("{tenantid}", "common", StringComparison.Ordinal)).Host == new Uri(issuer).Host))
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"The discovery document of {issuer} names another issuer.");
        return new ProviderMetadata(named, Address("authorization_endpoint"), Address("token_endpoint"), Address("jwks_uri"))
        {
            TakesSecretInBody = document.TryGetProperty("token_endpoint_auth_methods_supported", out var methods) && methods.ValueKind == JsonValueKind.Array
                && !methods.EnumerateArray().Any(m => m.ValueEquals("client_secret_basic")) && methods.EnumerateArray().Any(m => m.ValueEquals("client_secret_post")),
        };
    }
}

/// <summary>What an OpenID provider publishes of itself.</summary>
/// <param name="Issuer">Its name in tokens; <c>{tenantid}</c> stands for the token's tenant.</param>
/// <param name="Authorization">Where users sign in.</param>
/// <param name="Token">Where codes are exchanged.</param>
/// <param name="KeysAddress">Where its keys are.</param>
internal sealed record ProviderMetadata(string Issuer, string Authorization, string Token, string KeysAddress)
{
    /// <summary>It takes our secret in the body only.</summary>
    public bool TakesSecretInBody { get; init; }
}

/// <summary>Requests to providers: bounded in time and size, to addresses that the settings or a provider's own document name.</summary>
internal sealed class ProviderHttp(IHttpClientFactory clients)
{
    private const int MaxBytes = 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <summary>Gets a JSON document.</summary>
    public Task<JsonDocument> GetAsync(string address, string? token, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return SendAsync(request, cancellationToken);
    }

    /// <summary>Sends a request and reads its JSON answer.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c>: no answer; <c>EXTERNAL_SIGN_IN_REFUSED</c>: an answer that says no.</exception>
    public async Task<JsonDocument> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var client = clients.CreateClient("core.identity.external");
        client.MaxResponseContentBufferSize = MaxBytes;
        client.Timeout = Patience;
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Nexus", null));
        using (request)
        {
            try
            {
                using var response = await client.SendAsync(request, cancellationToken);
                var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                return response.IsSuccessStatusCode
                    ? JsonDocument.Parse(body, Strict)
                    : throw new NexusException((int)response.StatusCode >= 500 ? ErrorCodes.ServiceUnavailable : ErrorCodes.ExternalSignInRefused, $"{request.RequestUri!.Host} answered {(int)response.StatusCode}.");
            }
            catch (Exception error) when (error is HttpRequestException or SocketException or JsonException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                throw new NexusException(ErrorCodes.ServiceUnavailable, $"{request.RequestUri!.Host} cannot be asked now.", error);
            }
        }
    }
}
