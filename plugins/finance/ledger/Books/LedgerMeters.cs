using System.Diagnostics.Metrics;

namespace Nexus.Finance.Ledger.Books;

/// <summary>What the business wants to see on <c>/metrics</c>: journals by commodity and kind. A rate of it is transactions per minute. Counted after the commit; an undone import counts none.</summary>
/// <param name="meters">The plugin's meters, which the host reads.</param>
internal sealed class LedgerMeters(IMeterFactory meters)
{
    private readonly Counter<long> posted = meters.Create("finance.ledger").CreateCounter<long>("finance_transactions", description: "Journals posted, by commodity and by kind; one of two commodities counts for each.");

    /// <summary>Counts journals that were committed.</summary>
    public void Posted(IEnumerable<JournalDraft> journals)
    {
        foreach (var group in journals.SelectMany(j => j.Postings.Select(p => p.Amount.Commodity.Code).Distinct(StringComparer.Ordinal), (j, code) => (Code: code, j.Kind)).GroupBy(one => one))
            posted.Add(group.Count(), new KeyValuePair<string, object?>("currency", group.Key.Code), new KeyValuePair<string, object?>("kind", group.Key.Kind));
    }
}
