using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Data.Tests.Resources;

public sealed class RoundTripTests
{
    [Fact]
    public async Task Every_valid_record_is_read_as_it_was_created()
    {
        var shop = new Shop();
        var invoices = shop.Services.GetRequiredService<IRepository<Invoice>>();
        for (int seed = 0; seed < 500; seed++)
        {
            var record = Any(new Random(seed));

            var made = await invoices.CreateAsync(record);
            var read = await invoices.FindAsync(made.Id, TestContext.Current.CancellationToken);

            Assert.True(Text(record) == Text(made), $"seed {seed}: {Text(record)} became {Text(made)}");
            Assert.Equal(Text(made), Text(read!));
        }
    }

    private static string Text(Invoice i) => string.Create(CultureInfo.InvariantCulture, $"{i.Number} {i.Total} {i.DueOn:O} {i.Status} {i.Fee} {i.SentAt:O} {i.Days} {i.Urgent} {i.Weight:R} {i.At:O} {i.Span} {i.External} {i.Big} {i.Wish} [{string.Join(",", i.Lines)}] [{string.Join(",", i.Rates.OrderBy(r => r.Key, StringComparer.Ordinal))}] {i.Extra?.GetRawText()}");

    private static Invoice Any(Random random)
    {
        T? Maybe<T>(Func<T> make)
            where T : struct => random.Next(3) == 0 ? null : make();
        string Letters(int most) => string.Concat(Enumerable.Range(0, random.Next(1, most)).Select(_ => "aZ \"\\/\n\té€😀<>&'\u2028"[random.Next(10)]));
        return new(
            string.Concat(Enumerable.Range(0, random.Next(2, 21)).Select(_ => "AZ09-"[random.Next(5)])),
            new decimal(random.Next(), 0, 0, false, (byte)random.Next(4, 10)),
            DateOnly.FromDayNumber(random.Next(3_652_059)))
        {
            Status = (InvoiceStatus)random.Next(3),
            Fee = Maybe(() => new Money(new decimal(random.Next(), random.Next(), random.Next(1 << 20), random.Next(2) == 0, (byte)random.Next(20)), "EUR")),
            SentAt = Maybe(() => new DateTimeOffset(random.NextInt64(DateTime.MaxValue.Ticks) / 10 * 10, TimeSpan.Zero)),
            Days = random.Next(int.MinValue, int.MaxValue),
            Urgent = random.Next(2) == 0,
            Weight = Maybe(() => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-300, 300))),
            At = Maybe(() => new TimeOnly(random.NextInt64(TimeSpan.TicksPerDay))),
            Span = Maybe(() => new TimeSpan(random.NextInt64(long.MinValue, long.MaxValue))),
            External = Maybe(Guid.NewGuid),
            Big = Maybe(() => random.NextInt64(long.MinValue, long.MaxValue)),
            Wish = Maybe(() => (InvoiceStatus)random.Next(3)),
            Lines = [.. Enumerable.Range(0, random.Next(4)).Select(_ => new Line(Letters(30), random.Next(1, 101)))],
            Rates = Enumerable.Range(0, random.Next(4)).ToImmutableDictionary(i => Letters(5) + i, _ => (decimal)random.Next() / 100),
            Extra = Maybe(() => JsonSerializer.SerializeToElement(new { a = random.Next(), b = new[] { true, false } })),
        };
    }
}
