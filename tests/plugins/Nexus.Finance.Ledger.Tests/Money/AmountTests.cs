using System.Globalization;
using System.Numerics;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Tests.Money;

public sealed class AmountTests
{
    [Theory]
    [InlineData("-12.50", 2, "-12.50")]
    [InlineData("12.5", 2, "12.50")]
    [InlineData("+7", 0, "7")]
    [InlineData("-0.00000001", 8, "-0.00000001")]
    [InlineData("0.10", 1, "0.1")]
    [InlineData("-.5", 2, "-0.50")]
    public void Text_becomes_units_and_text_again_exactly(string text, int scale, string printed) => Assert.Equal(printed, Amount.Parse(text, new Commodity("XXX", scale)).ToString());

    [Theory]
    [InlineData("1.005", "AMOUNT_INVALID")]
    [InlineData("1,00", "AMOUNT_INVALID")]
    [InlineData("1e3", "AMOUNT_INVALID")]
    [InlineData("", "AMOUNT_INVALID")]
    [InlineData("1.", "AMOUNT_INVALID")]
    [InlineData("NaN", "AMOUNT_INVALID")]
    [InlineData("100000000000000000000000000", "AMOUNT_OVERFLOW")]
    public void What_cannot_be_exact_is_refused(string text, string code) => Assert.Equal(code, Assert.Throws<NexusException>(() => Amount.Parse(text, new Commodity("EUR", 2))).Code);

    [Fact]
    public void A_sum_beyond_the_bound_is_refused()
    {
        var largest = new Amount(Amount.Limit - 1, new Commodity("EUR", 2));

        Assert.Equal("AMOUNT_OVERFLOW", Assert.Throws<NexusException>(() => largest + largest).Code);
    }

    [Fact]
    public void Ten_euros_in_three_parts_give_the_odd_cent_to_the_first() =>
        Assert.Equal(["3.34", "3.33", "3.33"], Amount.Parse("10.00", new Commodity("EUR", 2)).Allocate([1, 1, 1]).Select(a => a.ToString()));

    [Fact]
    public void Parts_of_an_allocation_sum_to_the_whole_and_are_within_one_unit_of_their_share()
    {
        var random = new Random(7);
        for (var round = 0; round < 5_000; round++)
        {
            var units = Units(random);
            var weights = Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.NextInt64(random.Next(2) == 0 ? 5 : long.MaxValue)).Append(1).ToArray();
            var total = weights.Aggregate(BigInteger.Zero, (sum, w) => sum + w);

            var parts = new Amount(units, new Commodity("XXX", 4)).Allocate(weights);

            Assert.Equal(units, parts.Aggregate((Int128)0, (sum, p) => sum + p.Units));
            for (var i = 0; i < weights.Length; i++) Assert.True(BigInteger.Abs(((BigInteger)parts[i].Units * total) - ((BigInteger)units * weights[i])) < total);
        }
    }

    [Fact]
    public void Parse_undoes_format_and_limbs_undo_units_for_any_amount()
    {
        var random = new Random(11);
        for (var round = 0; round < 20_000; round++)
        {
            var (a, b) = (Units(random), Units(random));
            var commodity = new Commodity("XXX", random.Next(19));

            Assert.Equal(a, Amount.Parse(new Amount(a, commodity).ToString(), commodity).Units);
            Assert.Equal(a, Limbs.Of(a).Units);
            var (x, y) = (Limbs.Of(a), Limbs.Of(b));
            Assert.Equal(a + b, new Limbs(x.Hi + y.Hi, x.Lo + y.Lo).Units);
        }
    }

    [Fact]
    public void Numbers_are_equal_by_value()
    {
        Assert.True(ExactDecimal.TryParse("1.50", out var a) && ExactDecimal.TryParse("1.5", out var b) && a.Equals(b) && a.GetHashCode() == b.GetHashCode());
        Assert.True(ExactDecimal.TryParse(new string('9', 36), out var large));
        Assert.Null(large.AtScale(18));
        Assert.False(ExactDecimal.TryParse(new string('9', 37), out _));
    }

    private static Int128 Units(Random random)
    {
        var digits = random.Next(1, 29);
        var text = string.Concat(Enumerable.Range(0, digits).Select(_ => (char)('0' + random.Next(10))));
        return Int128.Parse(text, CultureInfo.InvariantCulture) * (random.Next(2) == 0 ? 1 : -1);
    }
}
