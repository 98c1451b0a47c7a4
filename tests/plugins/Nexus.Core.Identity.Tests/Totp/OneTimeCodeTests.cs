using System.Globalization;
using System.Text;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.Tests.Totp;

public sealed class OneTimeCodeTests
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("12345678901234567890");

    [Theory]
    [InlineData(59, 94287082)]
    [InlineData(1111111109, 07081804)]
    [InlineData(1111111111, 14050471)]
    [InlineData(1234567890, 89005924)]
    [InlineData(2000000000, 69279037)]
    [InlineData(20000000000, 65353130)]
    public void Codes_are_those_of_rfc_6238_appendix_b(long seconds, int code)
    {
        var step = OneTimeCode.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds));

        Assert.Equal(code, OneTimeCode.Truncate(Secret, step, 100_000_000));
        Assert.Equal((code % 1_000_000).ToString("D6", CultureInfo.InvariantCulture), OneTimeCode.Of(Secret, step));
    }

    [Theory]
    [InlineData(-2, false)]
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void A_code_is_good_one_step_before_and_after_its_own(int steps, bool good)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_767_225_600);

        Assert.Equal(good, OneTimeCode.Match(Secret, OneTimeCode.Of(Secret, OneTimeCode.StepOf(now) + steps), now, 0) is not null);
    }

    [Fact]
    public void A_code_is_not_good_after_a_later_one_was_used()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_767_225_600);
        var step = OneTimeCode.StepOf(now);

        Assert.Equal(step, OneTimeCode.Match(Secret, OneTimeCode.Of(Secret, step), now, step - 1));
        Assert.Null(OneTimeCode.Match(Secret, OneTimeCode.Of(Secret, step), now, step));
        Assert.Null(OneTimeCode.Match(Secret, OneTimeCode.Of(Secret, step - 1), now, step));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345a")]
    [InlineData("１２３４５６")]
    public void What_is_not_six_digits_is_no_code(string text) => Assert.Null(OneTimeCode.Match(Secret, text, DateTimeOffset.UnixEpoch, 0));

    [Theory]
    [InlineData("", "")]
    [InlineData("f", "MY")]
    [InlineData("fo", "MZXQ")]
    [InlineData("foo", "MZXW6")]
    [InlineData("foob", "MZXW6YQ")]
    [InlineData("fooba", "MZXW6YTB")]
    [InlineData("foobar", "MZXW6YTBOI")]
    public void Base32_is_that_of_rfc_4648_without_padding(string text, string base32) => Assert.Equal(base32, OneTimeCode.ToBase32(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void The_address_for_authenticator_applications_names_issuer_account_and_secret() =>
        Assert.Equal("otpauth://totp/Nexus%20%26%20Co:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Nexus%20%26%20Co&algorithm=SHA1&digits=6&period=30", OneTimeCode.Address("Nexus & Co", "ada@example.com", Secret));
}
