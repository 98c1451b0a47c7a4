using System.Collections.Immutable;
using System.Numerics;

namespace Nexus.Finance.Ledger.Money;

/// <summary>An exact amount: whole units of a commodity's smallest part. No operation rounds; one that would not fit is refused with <c>AMOUNT_OVERFLOW</c>.</summary>
/// <param name="Units">Count of smallest parts; its size is below <see cref="Limit"/>.</param>
/// <param name="Commodity">What is counted.</param>
internal readonly record struct Amount(Int128 Units, Commodity Commodity)
{
    /// <summary>Ten to the power of 28: the bound of one amount, chosen so that sums of stored limbs cannot leave 64 bits unnoticed.</summary>
    public static Int128 Limit { get; } = Int128.Parse("10000000000000000000000000000", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Reads <c>-12.50</c>: a dot as mark, no thousands marks, no more digits than the commodity has.</summary>
    /// <exception cref="NexusException"><c>AMOUNT_INVALID</c> or <c>AMOUNT_OVERFLOW</c>.</exception>
    public static Amount Parse(string text, Commodity commodity) =>
        ExactDecimal.TryParse(text, out var number)
            ? From(number, commodity)
            : throw new NexusException(ErrorCodes.AmountInvalid, $"\"{Shorten(text)}\" is not an amount; write digits with a dot as decimal mark, such as -12.50.");

    /// <summary>Gives an exact number the scale of a commodity.</summary>
    /// <exception cref="NexusException"><c>AMOUNT_INVALID</c> when digits would be lost, <c>AMOUNT_OVERFLOW</c> when it is too large.</exception>
    public static Amount From(ExactDecimal number, Commodity commodity)
    {
        if (number.AtScale(commodity.Scale) is { } units) return new Amount(Bounded(units), commodity);
        throw number.Scale > commodity.Scale && number.AtScale(ExactDecimal.MaxScale) is not null
            ? new NexusException(ErrorCodes.AmountInvalid, $"{number} has more than {commodity.Scale} digits after the mark, which is all that {commodity.Code} has; nothing is rounded. Send fewer digits, or use a commodity with a larger scale.")
            : Overflow();
    }

    /// <summary>The sum of two amounts of one commodity.</summary>
    public static Amount operator +(Amount left, Amount right) =>
        left.Commodity == right.Commodity
            ? left with { Units = Bounded(left.Units + right.Units) }
            : throw new NexusException(ErrorCodes.AmountInvalid, $"{left.Commodity.Code} and {right.Commodity.Code} cannot be added; convert one of them first.");

    /// <summary>The amount with the other sign.</summary>
    public static Amount operator -(Amount amount) => amount with { Units = -amount.Units };

    /// <summary>Splits the amount by weights so that the parts sum to it exactly: each part is rounded towards zero, and what remains goes one unit each to the largest remainders, the earlier of equals first.</summary>
    /// <param name="weights">One or more weights, none negative, not all zero.</param>
    public ImmutableArray<Amount> Allocate(ReadOnlySpan<long> weights)
    {
        BigInteger total = 0;
        foreach (var weight in weights)
        {
            if (weight < 0) throw new NexusException(ErrorCodes.AmountInvalid, "A weight of an allocation is negative.");
            total += weight;
        }
        if (total.IsZero) throw new NexusException(ErrorCodes.AmountInvalid, "An allocation needs at least one weight above zero.");
        var parts = new Int128[weights.Length];
        var remainders = new (BigInteger Remainder, int Index)[weights.Length];
        var size = Int128.Abs(Units);
        var rest = size;
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = (Int128)BigInteger.DivRem((BigInteger)size * weights[i], total, out var remainder);
            remainders[i] = (remainder, i);
            rest -= parts[i];
        }
        Array.Sort(remainders, static (a, b) => b.Remainder.CompareTo(a.Remainder) is var order && order != 0 ? order : a.Index.CompareTo(b.Index));
        for (var i = 0; rest > 0; i++, rest--) parts[remainders[i].Index]++;
        var (sign, commodity) = (Int128.Sign(Units), Commodity);
        return [.. parts.Select(p => new Amount(p * sign, commodity))];
    }

    /// <summary><c>-12.50</c>, with exactly the commodity's digits.</summary>
    public override string ToString() => ExactDecimal.Format(Units, Commodity.Scale);

    /// <summary>Passes units that are within the bound of an amount.</summary>
    /// <exception cref="NexusException"><c>AMOUNT_OVERFLOW</c>.</exception>
    public static Int128 Bounded(Int128 units) => units < Limit && units > -Limit ? units : throw Overflow();

    private static NexusException Overflow() => new(ErrorCodes.AmountOverflow, "The amount is too large: amounts and their sums stay below 10^28 smallest parts.");

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
