using System.Text.Json;
using Nexus.Core.Identity.External;

namespace Nexus.Core.Identity.Tests.External;

public sealed class ProviderKeyTests
{
    [Theory]
    [InlineData("""{"kty":"oct","k":"c2VjcmV0"}""")]
    [InlineData("""{"kty":"RSA","n":"AQAB","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","use":"enc","n":"N","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","alg":"RS512","n":"N","e":"AQAB"}""")]
    [InlineData("""{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}""")]
    [InlineData("""{"kty":"EC","crv":"P-256","x":"!!","y":"AA"}""")]
    [InlineData("""{"kty":1}""")]
    [InlineData("\"key\"")]
    public void Keys_that_are_too_short_or_for_something_else_are_left_out(string key)
    {
        var modulus = new string('A', 342);

        using var set = JsonDocument.Parse($$"""{"keys":[{{key.Replace("\"N\"", $"\"{modulus}\"", StringComparison.Ordinal)}}]}""");

        Assert.Empty(ProviderKey.Read(set.RootElement));
    }

    [Theory]
    [InlineData("google", "https://accounts.google.com")]
    [InlineData("microsoft", "https://login.microsoftonline.com/common/v2.0")]
    [InlineData("linkedin", "https://www.linkedin.com/oauth")]
    public void Known_sites_need_no_address(string name, string issuer) =>
        Assert.Equal(issuer, ProviderShape.Of(name, new ExternalProvider { ClientId = "x" })!.Issuer);

    [Fact]
    public void GitHub_is_spoken_to_without_OpenID_and_others_need_an_issuer()
    {
        Assert.Equal("https://api.github.com/user", ProviderShape.Of("github", new ExternalProvider { ClientId = "x" })!.Endpoints!.User);
        Assert.Null(ProviderShape.Of("else", new ExternalProvider { ClientId = "x" }));
    }

    [Theory]
    [InlineData("https://idp.example", true)]
    [InlineData("http://127.0.0.1:9000", true)]
    [InlineData("http://idp.example", false)]
    [InlineData("ftp://idp.example", false)]
    [InlineData("file:///etc/passwd", false)]
    public void Providers_are_asked_over_TLS_only_but_on_this_machine(string issuer, bool safe) =>
        Assert.Equal(safe, ProviderShape.Of("idp", new ExternalProvider { ClientId = "x", Issuer = issuer })!.IsSafe);
}
