using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Tests.Tokens;

public sealed class AccessTokenTests
{
    [Fact]
    public async Task A_token_gives_back_what_it_was_issued_for()
    {
        using var node = await Node.StartAsync();

        var token = node.Tokens.Issue(Node.Ada);
        var claims = node.Tokens.Verify(token.Text).Claims;

        Assert.Equal("u1 Ada default s1 admin openid finance.ledger.books:read mobile", string.Join(' ', [claims!.Subject, claims.Name, claims.Tenant, claims.SessionId, .. claims.Roles, .. claims.Scopes, claims.ClientId!]));
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 0, 15, 0, TimeSpan.Zero), claims.ExpiresAt);
        Assert.Equal("""{"alg":"ES256","kid":"KID","typ":"at+jwt"}""", Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.Text.Split('.')[0])).Replace(node.Keys.Current.KeyId, "KID", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_token_that_is_not_ours_or_not_good_now_is_refused(string how, string reason)
    {
        using var node = await Node.StartAsync();
        using var stranger = await Node.StartAsync(clock: node.Clock);
        var good = node.Tokens.Issue(Node.Ada).Text;
        Assert.NotNull(node.Tokens.Verify(good).Claims);

        var check = node.Tokens.Verify(Spoil(how, good, node, stranger));

        Assert.Null(check.Claims);
        Assert.Equal(reason, check.Refusal);
        Assert.NotNull(node.Tokens.Verify(good).Claims);
    }

    public static TheoryData<string, string> Bad() => new()
    {
        { "empty", "The access token cannot be read." },
        { "no dots", "The access token cannot be read." },
        { "two parts", "The access token cannot be read." },
        { "four parts", "The access token cannot be read." },
        { "truncated", "The access token cannot be read." },
        { "signature cut", "The signature of the access token is not ours." },
        { "signature empty", "The access token cannot be read." },
        { "signature of zeros", "The signature of the access token is not ours." },
        { "signature in DER", "The signature of the access token is not ours." },
        { "bit of signature", "The signature of the access token is not ours." },
        { "payload changed", "The signature of the access token is not ours." },
        { "header changed", "The header of the access token has members that we do not write." },
        { "padding", "The access token cannot be read." },
        { "stray bits", "The access token cannot be read." },
        { "white space", "The access token cannot be read." },
        { "standard base64", "The access token cannot be read." },
        { "overlong", "The access token is too long." },
        { "alg none", "The algorithm of the access token is not ES256." },
        { "alg none, no signature", "The access token cannot be read." },
        { "alg None", "The algorithm of the access token is not ES256." },
        { "HS256 under the public key", "The algorithm of the access token is not ES256." },
        { "HS256 without kid", "The algorithm of the access token is not ES256." },
        { "RS256", "The algorithm of the access token is not ES256." },
        { "key in the header", "The header of the access token has members that we do not write." },
        { "jku", "The header of the access token has members that we do not write." },
        { "crit", "The access token cannot be read." },
        { "no kid", "The access token names no key." },
        { "unknown kid", "The signature of the access token is not ours." },
        { "stranger's key under our kid", "The signature of the access token is not ours." },
        { "stranger's token", "The signature of the access token is not ours." },
        { "identity token", "The token is not an access token." },
        { "expired", "The access token has expired." },
        { "ends now", "The access token has expired." },
        { "future nbf", "The access token is not good yet." },
        { "no nbf", "The access token is not good yet." },
        { "future iat", "The access token was issued in the future." },
        { "no exp", "The access token has expired." },
        { "exp as text", "The access token has expired." },
        { "exp below zero", "The access token has expired." },
        { "exp beyond all time", "The access token has expired." },
        { "wrong iss", "The access token is of another issuer." },
        { "iss with a slash", "The access token is of another issuer." },
        { "wrong aud", "The access token is for another audience." },
        { "no aud", "The access token is for another audience." },
        { "no sub", "The access token lacks claims." },
        { "sub a number", "The access token lacks claims." },
        { "no session", "The access token lacks claims." },
        { "duplicate claim", "The access token cannot be read." },
        { "duplicate alg", "The access token cannot be read." },
        { "payload a list", "The access token cannot be read." },
        { "payload not UTF-8", "The access token cannot be read." },
        { "payload deep", "The access token cannot be read." },
        { "payload with a comment", "The access token cannot be read." },
    };

    [Fact]
    public async Task A_thousand_random_changes_of_a_token_are_all_refused()
    {
        using var node = await Node.StartAsync();
        var good = node.Tokens.Issue(Node.Ada).Text;
        var random = new Random(20260101);
        const string Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ {}\"é\0";

        for (var i = 0; i < 1000; i++)
        {
            var text = new StringBuilder(good);
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                var at = random.Next(text.Length);
                switch (random.Next(3))
                {
                    case 0: text[at] = Characters[random.Next(Characters.Length)]; break;
                    case 1: text.Remove(at, 1); break;
                    default: text.Insert(at, Characters[random.Next(Characters.Length)]); break;
                }
            }

            if (text.ToString() != good) Assert.Null(node.Tokens.Verify(text.ToString()).Claims);
        }
    }

    [Fact]
    public async Task Of_a_remembered_token_the_end_is_looked_at_each_time()
    {
        using var node = await Node.StartAsync();
        var token = node.Tokens.Issue(Node.Ada).Text;
        Assert.NotNull(node.Tokens.Verify(token).Claims);
        node.Clock.Advance(TimeSpan.FromSeconds(899));
        Assert.NotNull(node.Tokens.Verify(token).Claims);

        node.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("The access token has expired.", node.Tokens.Verify(token).Refusal);
        Assert.Equal(0, node.Tokens.Remembered);
    }

    [Fact]
    public async Task A_token_is_verified_once_and_without_a_look_into_storage()
    {
        using var node = await Node.StartAsync();
        var token = node.Tokens.Issue(Node.Ada).Text;
        var reads = node.Documents.Reads;

        var first = node.Tokens.Verify(token).Claims;
        var second = node.Tokens.Verify(token).Claims;

        Assert.Same(first, second);
        Assert.Equal(reads, node.Documents.Reads);
    }

    [Fact]
    public async Task The_memory_of_tokens_is_bounded_and_keeps_those_in_use()
    {
        using var node = await Node.StartAsync(signing: new TokenOptions { RememberedTokens = 100 });
        var used = node.Tokens.Issue(Node.Ada).Text;
        var remembered = node.Tokens.Verify(used).Claims;

        for (var i = 0; i < 1000; i++)
        {
            node.Tokens.Verify(node.Tokens.Issue(Node.Ada with { SessionId = $"s{i}" }).Text);
            if (i % 10 == 0) Assert.Same(remembered, node.Tokens.Verify(used).Claims);
        }

        Assert.InRange(node.Tokens.Remembered, 1, 100);
    }

    private static string Spoil(string how, string good, Node node, Node stranger)
    {
        var parts = good.Split('.');
        return how switch
        {
            "empty" => "",
            "no dots" => "abc",
            "two parts" => $"{parts[0]}.{parts[1]}",
            "four parts" => $"{good}.{parts[2]}",
            "truncated" => good[..(parts[0].Length + parts[1].Length / 2)],
            "signature cut" => $"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(Base64Url.DecodeFromChars(parts[2]).AsSpan(0, 63))}",
            "signature empty" => $"{parts[0]}.{parts[1]}.",
            "signature of zeros" => $"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(new byte[64])}",
            "signature in DER" => $"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(Der(node, parts))}",
            "bit of signature" => $"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(Flip(Base64Url.DecodeFromChars(parts[2])))}",
            "payload changed" => $"{parts[0]}.{Changed(parts[1], p => p["sub"] = "u2")}.{parts[2]}",
            "header changed" => $"{Changed(parts[0], h => h["x"] = 1)}.{parts[1]}.{parts[2]}",
            "padding" => $"{good}==",
            "stray bits" => good[..^1] + Neighbour(good[^1]),
            "white space" => $"{parts[0]}.{parts[1]}. {parts[2]}",
            "standard base64" => $"{parts[0]}.{Convert.ToBase64String(Base64Url.DecodeFromChars(parts[1])).TrimEnd('=')}+/.{parts[2]}",
            "overlong" => Signed(node, p => p["name"] = new string('a', 8192)),
            "alg none" => $"{Changed(parts[0], h => h["alg"] = "none")}.{parts[1]}.{parts[2]}",
            "alg none, no signature" => $"{Changed(parts[0], h => h["alg"] = "none")}.{parts[1]}.",
            "alg None" => $"{Changed(parts[0], h => h["alg"] = "None")}.{parts[1]}.{parts[2]}",
            "HS256 under the public key" => Mac(node, Changed(parts[0], h => h["alg"] = "HS256"), parts[1]),
            "HS256 without kid" => Mac(node, Encode("""{"alg":"HS256","typ":"at+jwt"}"""), parts[1]),
            "RS256" => $"{Changed(parts[0], h => h["alg"] = "RS256")}.{parts[1]}.{parts[2]}",
            "key in the header" => Sign(stranger.Keys.Current, Changed(parts[0], h => h["jwk"] = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = stranger.Keys.Current.X, ["y"] = stranger.Keys.Current.Y }), parts[1]),
            "jku" => Sign(node.Keys.Current, Changed(parts[0], h => h["jku"] = "https://evil.example/keys"), parts[1]),
            "crit" => Sign(node.Keys.Current, Changed(parts[0], h => h["crit"] = new JsonArray("b64")), parts[1]),
            "no kid" => Sign(node.Keys.Current, Changed(parts[0], h => h.Remove("kid")), parts[1]),
            "unknown kid" => Sign(node.Keys.Current, Changed(parts[0], h => h["kid"] = "x"), parts[1]),
            "stranger's key under our kid" => Sign(stranger.Keys.Current, parts[0], parts[1]),
            "stranger's token" => stranger.Tokens.Issue(Node.Ada).Text,
            "identity token" => node.Tokens.Sign("JWT", json => json.WriteString("sub", "u1")),
            "expired" => Signed(node, p => p["exp"] = 1_767_225_599),
            "ends now" => Signed(node, p => p["exp"] = 1_767_225_600),
            "future nbf" => Signed(node, p => p["nbf"] = 1_767_225_600 + 60),
            "no nbf" => Signed(node, p => p.Remove("nbf")),
            "future iat" => Signed(node, p => p["iat"] = 1_767_225_600 + 60),
            "no exp" => Signed(node, p => p.Remove("exp")),
            "exp as text" => Signed(node, p => p["exp"] = "1767226500"),
            "exp below zero" => Signed(node, p => p["exp"] = -1),
            "exp beyond all time" => Signed(node, p => p["exp"] = 9e30),
            "wrong iss" => Signed(node, p => p["iss"] = "https://evil.example"),
            "iss with a slash" => Signed(node, p => p["iss"] = "https://nexus.example/"),
            "wrong aud" => Signed(node, p => p["aud"] = "other"),
            "no aud" => Signed(node, p => p.Remove("aud")),
            "no sub" => Signed(node, p => p.Remove("sub")),
            "sub a number" => Signed(node, p => p["sub"] = 1),
            "no session" => Signed(node, p => p.Remove("sid")),
            "duplicate claim" => Sign(node.Keys.Current, parts[0], Encode(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1])).Replace("{", """{"sub":"admin",""", StringComparison.Ordinal))),
            "duplicate alg" => Sign(node.Keys.Current, Encode(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[0])).Replace("{", """{"alg":"none",""", StringComparison.Ordinal)), parts[1]),
            "payload a list" => Sign(node.Keys.Current, parts[0], Encode("[]")),
            "payload not UTF-8" => Sign(node.Keys.Current, parts[0], Base64Url.EncodeToString([.. Base64Url.DecodeFromChars(parts[1])[..^1], .. ",\"x\":\""u8, 0xFF, .. "\"}"u8])),
            "payload deep" => Signed(node, p => p["x"] = JsonNode.Parse(new string('[', 20) + new string(']', 20))),
            "payload with a comment" => Sign(node.Keys.Current, parts[0], Encode(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1])).Replace("{", "{/* */", StringComparison.Ordinal))),
            _ => throw new ArgumentOutOfRangeException(nameof(how), how, null),
        };
    }

    private static string Signed(Node node, Action<JsonObject> change)
    {
        var parts = node.Tokens.Issue(Node.Ada).Text.Split('.');
        return Sign(node.Keys.Current, parts[0], Changed(parts[1], change));
    }

    private static string Sign(SigningKey key, string header, string payload) =>
        $"{header}.{payload}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes($"{header}.{payload}")))}";

    /// <summary>The confusion of keys: a MAC whose secret is the public key that everybody can fetch.</summary>
    private static string Mac(Node node, string header, string payload)
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = Base64Url.DecodeFromChars(node.Keys.Current.X), Y = Base64Url.DecodeFromChars(node.Keys.Current.Y) } });
        return $"{header}.{payload}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes($"{header}.{payload}")))}";
    }

    private static byte[] Der(Node node, string[] parts)
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = node.Keys.Current.Secret(), Q = new ECPoint { X = Base64Url.DecodeFromChars(node.Keys.Current.X), Y = Base64Url.DecodeFromChars(node.Keys.Current.Y) } });
        return key.SignData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static byte[] Flip(byte[] signature)
    {
        signature[10] ^= 1;
        return signature;
    }

    /// <summary>86 characters carry 516 bits of a signature of 512: the last one has four bits that no decoder needs.</summary>
    private static char Neighbour(char last)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return Alphabet[Alphabet.IndexOf(last, StringComparison.Ordinal) ^ 1];
    }

    private static string Changed(string part, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(Base64Url.DecodeFromChars(part))!.AsObject();
        change(json);
        return Encode(json.ToJsonString());
    }

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
