using Nexus.Core.Identity.OpenId;

namespace Nexus.Core.Identity.Tests.OpenId;

public sealed class ProofKeyTests
{
    [Fact]
    public void The_challenge_is_that_of_rfc_7636_appendix_b() =>
        Assert.Equal("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ProofKey.ChallengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));

    [Theory]
    [InlineData("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true)]
    [InlineData("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", false)]
    [InlineData("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", false)]
    [InlineData("dBjftJeZ4CVP", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Only_the_verifier_of_a_challenge_matches_it(string? verifier, bool matches) =>
        Assert.Equal(matches, ProofKey.Matches(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}
