using System.Globalization;
using Nexus.Data.Documents;
using Nexus.Data.Sqlite;
using Nexus.Data.Units;
using Nexus.Tests.Shared;

namespace Nexus.Data.Tests.Units;

/// <summary>Handlers that write to documents, to the plugin's SQL database and to the bus, in a process that is killed again and again.</summary>
public sealed class UnitCrashTests : IDisposable
{
    internal const string ChildVariable = "NEXUS_HANDLER_CHILD";
    private const int Events = 1000;
    private const string Group = "effects/order.placed";

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-handlers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_thousand_events_have_each_effect_exactly_once_though_the_process_is_killed_at_random()
    {
        await using (var set = await OpenAsync(_folder))
        {
            await using (var change = await set.Schema.BeginAsync(new SchemaRequest("effects", [], [new SqlMigration(1, "1.sql", "CREATE TABLE effect (n TEXT NOT NULL)")]), CancellationToken.None))
                await change.CommitAsync(CancellationToken.None);
            await set.Events.DeclareAsync("effects", [new EventGroup(Group, "order.placed", 0)], CancellationToken.None);
            await set.Records.CommitAsync(new WriteBatch { Events = [.. Enumerable.Range(0, Events).Select(n => new EventMessage { Name = "order.placed", CorrelationId = n.ToString(CultureInfo.InvariantCulture) })] }, CancellationToken.None);
        }

        var random = new Random(11);
        var kills = 0;
        while (await RunUntilKilledAsync(_folder, random.Next(20, 120)))
            kills++;

        await using var after = await OpenAsync(_folder);
        var documents = new PluginDocuments(after.Records, "effects", "plugins/custom/effects", TimeProvider.System);
        var rows = await after.Sql.Get("effects", CallContext.DefaultTenant).QueryAsync("SELECT COUNT(*) AS n, COUNT(DISTINCT n) AS different FROM effect");
        var published = new HashSet<string>();
        var count = 0;
        for (var (position, page) = (0L, default(EventPage)); page is not { Events: [] }; position = page.LastSequence)
        {
            page = await after.Events.ReadAsync(new EventQuery { Pattern = "effect.done", AfterSequence = position, Limit = 1000 }, CancellationToken.None);
            count += page.Events.Length;
            published.UnionWith(page.Events.Select(e => e.Message.CorrelationId!));
        }

        Assert.True(kills >= 8, $"{kills} kills prove little");
        Assert.Equal((1000L, 1000L), ((long)rows[0]["n"]!, (long)rows[0]["different"]!));
        Assert.Equal(1000, await documents.GetAsync<int>("count"));
        Assert.Equal(1000, (await documents.ListAsync("effects")).Length);
        Assert.Equal((1000, 1000), (count, published.Count));
    }

    internal static async Task HandleForeverAsync(string folder)
    {
        var set = await OpenAsync(folder);
        var documents = new PluginDocuments(set.Records, "effects", "plugins/custom/effects", TimeProvider.System);
        var sql = set.Sql.Get("effects", CallContext.DefaultTenant);
        var units = new UnitsOfWork(() => set.Records);
        // Short, so that what a killed process had taken comes back soon, and that some are taken twice at once.
        var claim = new DeliveryClaim([Group], 8, TimeSpan.FromMilliseconds(150), TimeSpan.FromSeconds(1));
        while (true)
        {
            var taken = await set.Events.ClaimAsync(claim, CancellationToken.None);
            if (taken.IsEmpty && (await set.Events.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Pending), CancellationToken.None)).IsEmpty)
                return;
            await Task.WhenAll(taken.Select(delivery => Task.Run(() => HandleAsync(delivery))));
        }

        async Task HandleAsync(EventDelivery delivery)
        {
            var n = delivery.Message.CorrelationId!;
            var settlement = new DeliverySettlement(delivery.Message.Id, delivery.Group, delivery.Fence, DeliveryState.Done);
            try
            {
                await units.HandleAsync("effects", [settlement], async token =>
                {
                    await sql.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO effect VALUES (@n)", new Dictionary<string, object?> { ["n"] = n }), token);
                    await documents.CommitAsync([new DocumentWrite($"effects/{n}", n, 0)], [new EventMessage { Name = "effect.done", CorrelationId = n }], token);
                    var count = await documents.FindAsync("count", token);
                    await documents.CommitAsync([new DocumentWrite("count", (count?.Value?.GetValue<int>() ?? 0) + 1, count?.Revision ?? 0)], cancellationToken: token);
                }, CancellationToken.None);
            }
            catch (StorageConflictException)
            {
                // Another try of this delivery was first.
            }

            KilledProgram.Acknowledge(n);
        }
    }

    /// <summary>Kills the handling process after some events; false when there were none left to handle.</summary>
    private static async Task<bool> RunUntilKilledAsync(string folder, int handled) =>
        (await KilledProgram.RunAsync(ChildVariable, folder, handled, mayEnd: true)).Count >= handled;

    private static ValueTask<StorageSet> OpenAsync(string folder) => new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(folder), CancellationToken.None);
}
