using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Nexus.Core.Identity.Tokens;

/// <summary>
/// JSON Web Tokens signed with ES256 (RFC 7515, 7518 section 3.4, 9068). What was verified once is remembered by the SHA-256 of its text, so that
/// all requests of a client cost one signature check. A token is looked at in this order:
/// 1. Remembered: only its end is looked at. 2. Form. 3. Header: ES256, our type, a key id, nothing else. 4. Key and signature. 5. Claims.
/// </summary>
internal sealed class SignedTokens : IAccessTokens
{
    /// <summary>Type of access tokens (RFC 9068): with it no other token that we sign passes as one.</summary>
    private const string AccessType = "at+jwt";

    /// <summary>Clocks of nodes differ; a token of another node may come from this far in the future.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);

    private readonly KeyRing keys;
    private readonly TimeProvider time;
    private readonly IdentityOptions options;
    private readonly SiteAddress site;
    private readonly VerifiedTokens verified;

    public SignedTokens(KeyRing keys, IOptions<IdentityOptions> options, IOptions<TokenOptions> signing, SiteAddress site, TimeProvider time)
    {
        (this.keys, this.time, this.options, this.site) = (keys, time, options.Value, site);
        verified = new VerifiedTokens(signing.Value.RememberedTokens);
        keys.Withdrawn += verified.Forget;
    }

    /// <summary>Number of remembered tokens.</summary>
    public int Remembered => verified.Count;

    /// <inheritdoc/>
    public AccessToken Issue(AccessClaims claims)
    {
        ArgumentNullException.ThrowIfNull(claims);
        var now = time.GetUtcNow();
        var expires = DateTimeOffset.FromUnixTimeSeconds((now + options.AccessTokenLifetime).ToUnixTimeSeconds());
        return new AccessToken(Sign(AccessType, json => Write(json, claims, now, expires)), expires);
    }

    /// <inheritdoc/>
    public AccessTokenCheck Verify(ReadOnlySpan<char> token)
    {
        if (token.Length > CompactToken.MaxLength)
            return AccessTokenCheck.Refuse("The access token is too long.");
        var digest = TokenDigest.Of(token);
        if (verified.Find(digest) is { } known)
        {
            if (known.Claims.ExpiresAt > time.GetUtcNow())
                return AccessTokenCheck.Accept(known.Claims);
            verified.Remove(digest);
            return AccessTokenCheck.Refuse("The access token has expired.");
        }

        if (CompactToken.Parse(token) is not { } parsed)
            return AccessTokenCheck.Refuse("The access token cannot be read.");
        if (HeaderError(parsed) is { } headerError)
            return AccessTokenCheck.Refuse(headerError);
        // One text for a wrong key and a wrong signature: who guesses learns nothing.
        if (keys.Find(parsed.KeyId!) is not { } key || !key.Verify(parsed.Signed, parsed.Signature))
            return AccessTokenCheck.Refuse("The signature of the access token is not ours.");
        return ClaimError(parsed) is { } claimError ? AccessTokenCheck.Refuse(claimError) : AccessTokenCheck.Accept(Remember(digest, parsed, key));
    }

    /// <summary>Signs any claims, such as those of an identity token.</summary>
    /// <param name="type">Value of <c>typ</c>; never that of access tokens.</param>
    /// <param name="claims">Writes the members of the payload.</param>
    public string Sign(string type, Action<Utf8JsonWriter> claims)
    {
        ArgumentNullException.ThrowIfNull(claims);
        var key = keys.Current;
        var header = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"ES256","kid":"{{key.KeyId}}","typ":"{{type}}"}"""));
        using var buffer = new MemoryStream(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            claims(json);
            json.WriteEndObject();
        }
        var text = $"{header}.{Base64Url.EncodeToString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length))}";
        return $"{text}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(text)))}";
    }

    /// <summary>An identity token that we signed, also one that has expired; null for anything else. For hints, never as a proof of who calls.</summary>
    public CompactToken? ReadIdentityToken(string text, string issuer) =>
        CompactToken.Parse(text) is { Algorithm: "ES256", Type: "JWT", KeyId: { } id } token && keys.Find(id) is { } key && key.Verify(token.Signed, token.Signature) && token.Text("iss") == issuer ? token : null;

    private AccessClaims Remember(in TokenDigest digest, CompactToken token, SigningKey key)
    {
        var claims = Read(token);
        verified.Add(digest, new VerifiedToken(claims, key.KeyId));
        // Withdrawn while we verified: what came too late to be forgotten is taken back.
        if (!keys.Keys.Contains(key))
            verified.Remove(digest);
        return claims;
    }

    /// <summary>The algorithm is fixed, so that neither <c>none</c> nor a MAC under our public key is ever tried; keys that a token brings along are not looked at but refused.</summary>
    private static string? HeaderError(CompactToken token)
    {
        if (token.Algorithm != "ES256")
            return "The algorithm of the access token is not ES256.";
        if (!string.Equals(token.Type, AccessType, StringComparison.OrdinalIgnoreCase))
            return "The token is not an access token.";
        if (token.KeyId is not { Length: > 0 and <= 128 })
            return "The access token names no key.";
        return token.Header.EnumerateObject().Any(member => member.Name is not ("alg" or "typ" or "kid")) ? "The header of the access token has members that we do not write." : null;
    }

    private string? ClaimError(CompactToken token)
    {
        var now = time.GetUtcNow();
        if (token.Text("iss") != site.Public)
            return "The access token is of another issuer.";
        if (!token.IsFor(options.Audience))
            return "The access token is for another audience.";
        if (token.Time("exp") is not { } expires || expires <= now)
            return "The access token has expired.";
        if (token.Time("nbf") is not { } from || from > now + Skew)
            return "The access token is not good yet.";
        if (token.Time("iat") is not { } issued || issued > now + Skew || issued > expires)
            return "The access token was issued in the future.";
        return token.Text("sub") is { Length: > 0 } && token.Text("sid") is { Length: > 0 } && token.Text("tid") is { Length: > 0 } && token.Text("name") is not null ? null : "The access token lacks claims.";
    }

    private void Write(Utf8JsonWriter json, AccessClaims claims, DateTimeOffset now, DateTimeOffset expires)
    {
        json.WriteString("iss", site.Public);
        json.WriteString("aud", options.Audience);
        json.WriteString("sub", claims.Subject);
        json.WriteString("name", claims.Name);
        json.WriteString("tid", claims.Tenant);
        json.WriteString("sid", claims.SessionId);
        json.WriteNumber("iat", now.ToUnixTimeSeconds());
        json.WriteNumber("nbf", now.ToUnixTimeSeconds());
        json.WriteNumber("exp", expires.ToUnixTimeSeconds());
        json.WriteString("jti", Guid.CreateVersion7(now).ToString("N"));
        WriteList(json, "roles", claims.Roles);
        if (!claims.Scopes.IsDefaultOrEmpty)
            json.WriteString("scope", string.Join(' ', claims.Scopes));
        if (claims.ClientId is { } client)
            json.WriteString("client_id", client);
    }

    private static void WriteList(Utf8JsonWriter json, string name, ImmutableArray<string> values)
    {
        if (values.IsDefaultOrEmpty)
            return;
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static AccessClaims Read(CompactToken token) => new()
    {
        Subject = token.Text("sub")!,
        Name = token.Text("name")!,
        Tenant = token.Text("tid")!,
        SessionId = token.Text("sid")!,
        Roles = token.Payload.TryGetProperty("roles", out var roles) && roles.ValueKind == JsonValueKind.Array ? [.. roles.EnumerateArray().Where(r => r.ValueKind == JsonValueKind.String).Select(r => r.GetString()!)] : [],
        Scopes = token.Text("scope") is { } scope ? [.. scope.Split(' ', StringSplitOptions.RemoveEmptyEntries)] : [],
        ClientId = token.Text("client_id"),
        ExpiresAt = token.Time("exp")!.Value,
    };
}
