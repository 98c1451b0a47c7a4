namespace Nexus.Finance.Ledger.Money;

/// <summary>The stored form of units: two 64-bit integers, units = hi · 10^12 + lo. Chosen over an integer-or-blob column because SQL sums integers exactly: the database can check that a journal balances and carry balances forward itself. Both limbs of a posting have the sign of its units; those of a sum may differ in sign and still join to the right number.</summary>
/// <param name="Hi">High limb.</param>
/// <param name="Lo">Low limb.</param>
internal readonly record struct Limbs(long Hi, long Lo)
{
    private const long Radix = 1_000_000_000_000;

    /// <summary>Splits units that are within the bound of an amount.</summary>
    public static Limbs Of(Int128 units)
    {
        var bounded = Amount.Bounded(units);
        return new Limbs((long)(bounded / Radix), (long)(bounded % Radix));
    }

    /// <summary>The units.</summary>
    public Int128 Units => ((Int128)Hi * Radix) + Lo;
}
