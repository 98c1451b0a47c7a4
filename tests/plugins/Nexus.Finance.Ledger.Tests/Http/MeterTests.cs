using System.Diagnostics.Metrics;

namespace Nexus.Finance.Ledger.Tests.Http;

public sealed class MeterTests
{
    [Fact]
    public async Task Journals_are_counted_by_currency_and_kind_once_they_are_committed_and_once_for_each_key()
    {
        await using var server = await LedgerServer.StartAsync();
        using var counted = new Counted(server.Meters);
        var book = await server.BookAsync();
        await server.SendAsync(HttpMethod.Post, $"books/{book}/commodities", new { code = "USD", scale = 2 });
        await server.SendAsync(HttpMethod.Post, $"books/{book}/accounts", new { path = "Assets:Travel", type = "asset" });

        for (var i = 0; i < 2; i++)
            await server.SendAsync(HttpMethod.Post, "journals", Journal("EUR", "12.50", "-12.50"), ("Idempotency-Key", "a"));
        var dollars = await server.SendAsync(HttpMethod.Post, "journals", Journal("USD", "3.00", "-3.00"));
        await server.SendAsync(HttpMethod.Post, "journals", Journal("EUR", "1.00", "-2.00"));
        await server.SendAsync(HttpMethod.Post, $"journals/{(string)dollars.Body["id"]!}/reverse");
        await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank", "Date,Description,Amount\n2024-01-05,Coffee,-3.50\n2024-01-05,Tea,-3.50\n");

        Assert.Equal(["EUR entry 1", "EUR import 2", "USD entry 1", "USD reversal 1"], counted.Sums);

        object Journal(string currency, string amount, string other) => new
        {
            book,
            bookedOn = "2024-01-15",
            postings = new[] { new { account = "Expenses:Food", amount, commodity = currency }, new { account = currency == "EUR" ? "Assets:Bank" : "Assets:Travel", amount = other, commodity = currency } },
        };
    }

    /// <summary>What the plugin's own meters counted.</summary>
    private sealed class Counted : IDisposable
    {
        private readonly Dictionary<string, long> sums = [];
        private readonly MeterListener listener = new();

        public Counted(IMeterFactory meters)
        {
            listener.InstrumentPublished = (instrument, to) =>
            {
                if (instrument.Name == "finance_transactions" && ReferenceEquals(instrument.Meter.Scope, meters))
                    to.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                var key = $"{tags[0].Value} {tags[1].Value}";
                lock (sums)
                    sums[key] = sums.GetValueOrDefault(key) + value;
            });
            listener.Start();
        }

        public IEnumerable<string> Sums
        {
            get
            {
                lock (sums)
                    return [.. sums.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key} {s.Value}")];
            }
        }

        public void Dispose() => listener.Dispose();
    }
}
