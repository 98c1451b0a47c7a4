using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;

namespace Nexus.Core.Identity.Tokens;

/// <summary>JSON Web Tokens signed with ECDSA P-256 (RFC 7515, 7518 section 3.4: <c>ES256</c>). The key lives as long as the process.</summary>
internal sealed class SignedTokens(IOptions<IdentityOptions> options, TimeProvider time) : IAccessTokens, IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly string header = Base64Url.EncodeToString("""{"alg":"ES256","typ":"at+jwt"}"""u8);

    public AccessToken Issue(AccessClaims claims)
    {
        var now = time.GetUtcNow();
        var expires = now + options.Value.AccessTokenLifetime;
        var payload = new JsonObject
        {
            ["iss"] = options.Value.Issuer,
            ["aud"] = options.Value.Audience,
            ["sub"] = claims.Subject,
            ["name"] = claims.Name,
            ["tid"] = claims.Tenant,
            ["sid"] = claims.SessionId,
            ["roles"] = new JsonArray([.. claims.Roles.Select(r => (JsonNode)r)]),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = expires.ToUnixTimeSeconds(),
            ["jti"] = Guid.CreateVersion7(now).ToString("N"),
        };
        if (!claims.Scopes.IsEmpty) payload["scope"] = string.Join(' ', claims.Scopes);
        if (claims.ClientId is { } client) payload["client_id"] = client;
        var signed = $"{header}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload.ToJsonString()))}";
        return new AccessToken($"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}", DateTimeOffset.FromUnixTimeSeconds(expires.ToUnixTimeSeconds()));
    }

    public AccessTokenCheck Verify(string token)
    {
        try
        {
            var parts = token.Split('.');
            if (parts.Length != 3 || parts[0] != header) return AccessTokenCheck.Refuse("The access token is not one of this issuer.");
            if (!key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256))
                return AccessTokenCheck.Refuse("The signature of the access token does not hold.");
            var payload = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!.AsObject();
            var expires = DateTimeOffset.FromUnixTimeSeconds((long)payload["exp"]!);
            if (expires <= time.GetUtcNow()) return AccessTokenCheck.Refuse("The access token has expired.");
            if ((string?)payload["iss"] != options.Value.Issuer || (string?)payload["aud"] != options.Value.Audience) return AccessTokenCheck.Refuse("The access token is for another audience.");
            return AccessTokenCheck.Accept(new AccessClaims
            {
                Subject = (string)payload["sub"]!,
                Name = (string)payload["name"]!,
                Tenant = (string)payload["tid"]!,
                SessionId = (string)payload["sid"]!,
                Roles = [.. payload["roles"]!.AsArray().Select(r => (string)r!)],
                Scopes = [.. ((string?)payload["scope"] ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)],
                ClientId = (string?)payload["client_id"],
                ExpiresAt = expires,
            });
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException or NullReferenceException)
        {
            return AccessTokenCheck.Refuse("The access token cannot be read.");
        }
    }

    public void Dispose() => key.Dispose();
}
