using Nexus.Finance.Ledger.Money;
using Nexus.Finance.Ledger.Views;

namespace Nexus.Finance.Ledger.Tests.Books;

/// <summary>Amounts that SQL writes are those that the code writes.</summary>
public sealed class AmountSqlTests
{
    [Fact]
    public async Task Limbs_become_the_text_of_the_amount_whatever_their_signs_and_the_scale()
    {
        await using var ledger = new SqliteLedger();
        var random = new Random(55);
        var cases = new List<(long Hi, long Lo, int Scale)> { (0, 0, 0), (0, 0, 2), (0, -1, 2), (0, 5, 18), (1, -1, 2), (-1, 1, 2), (-1, 999_999_999_999, 0), (1, -999_999_999_999, 18), (10_000_000_000_000_000, 999_999_999_999, 18), (-10_000_000_000_000_000, -999_999_999_999, 0), (0, 100, 2) };
        cases.AddRange(Enumerable.Range(0, 500).Select(_ => (random.NextInt64(-10_000_000_000_000_000, 10_000_000_000_000_001) / (long)Math.Pow(10, random.Next(17)), random.NextInt64(-999_999_999_999, 1_000_000_000_000) / (long)Math.Pow(10, random.Next(13)), random.Next(19))));

        var rows = await ledger.QueryAsync(Amounts.Sqlite($"SELECT {{0}} AS amount FROM (VALUES {string.Join(',', cases.Select((c, i) => $"({i},{c.Hi},{c.Lo},{c.Scale})"))}) AS v").Replace("p.hi", "column2", StringComparison.Ordinal).Replace("p.lo", "column3", StringComparison.Ordinal).Replace("c.scale", "column4", StringComparison.Ordinal) + " ORDER BY column1");

        Assert.Equal(cases.Select(c => ExactDecimal.Format(new Limbs(c.Hi, c.Lo).Units, c.Scale)), rows.Select(r => (string)r["amount"]!));
    }
}
