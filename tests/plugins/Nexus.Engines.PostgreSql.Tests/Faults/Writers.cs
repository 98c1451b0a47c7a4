using System.Collections.Concurrent;

namespace Nexus.Engines.PostgreSql.Tests.Faults;

/// <summary>Concurrent writers, each record with its event, that tell what was acknowledged.</summary>
internal static class Writers
{
    public const int Count = 16;

    /// <summary>Writes until told to stop; a write that fails is not told and the next one goes on.</summary>
    public static Task RunAsync(StorageSet set, string run, Action<string> acknowledged, Action<Exception> failed, CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, Count).Select(writer => Task.Run(async () =>
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var id = $"{run}-{writer}-{i}";
            try
            {
                await set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put(id, """{"a":1}"""), Opened.Put(id, "{}", "crm.notes")], Events = [new EventMessage { Name = "people.created", CorrelationId = id }] }, CancellationToken.None);
                acknowledged(id);
            }
            catch (NexusException e)
            {
                failed(e);
                await Task.Delay(20, CancellationToken.None);
            }
        }
    })));

    /// <summary>Everything acknowledged is there whole, and of what was not, all or nothing.</summary>
    public static async Task CheckAsync(StorageSet set, IReadOnlyCollection<string> acknowledged)
    {
        var (people, notes, events) = (await IdsAsync(set, "crm.people"), await IdsAsync(set, "crm.notes"), new List<string>());
        for (var after = 0L; ;)
        {
            var page = await set.Events.ReadAsync(new EventQuery { AfterSequence = after, Limit = 1000 }, CancellationToken.None);
            if (page.Events.IsEmpty)
                break;
            events.AddRange(page.Events.Select(e => e.Message.CorrelationId!));
            after = page.LastSequence;
        }

        Assert.Empty(acknowledged.Except(people));
        Assert.Equal(people.Order(StringComparer.Ordinal), notes.Order(StringComparer.Ordinal));
        Assert.Equal(people.Order(StringComparer.Ordinal), events.Order(StringComparer.Ordinal));
    }

    private static async Task<List<string>> IdsAsync(StorageSet set, string table)
    {
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = await set.Records.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = table, Limit = 5000, Cursor = cursor }, CancellationToken.None);
            ids.AddRange(page.Records.Select(r => r.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return ids;
    }
}
