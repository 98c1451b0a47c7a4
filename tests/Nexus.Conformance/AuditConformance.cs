using System.Text;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly AuditEntry Entry = new()
    {
        At = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(678901),
        Tenant = "t2",
        Actor = "ann",
        Action = "orders.orders.created",
        Subject = "orders/ü",
        Result = AuditResult.Denied,
        Address = "::1",
        UserAgent = "curl/8",
        CorrelationId = "c1",
        Detail = "{\"a\":1}"u8.ToArray(),
    };

    private Task<CommitResult> AuditAsync(params AuditEntry[] entries) => Records.CommitAsync(new WriteBatch { Audit = [.. entries] }, CancellationToken.None).AsTask();

    private async Task<(string Action, long Position)[]> AuditedAsync(long after = 0, int limit = 1000) =>
        [.. (await Set.Audit.ReadAsync(after, limit, CancellationToken.None)).Select(e => (e.Entry.Action, e.Position))];

    [Fact]
    public async Task An_audit_entry_is_read_back_whole()
    {
        await AuditAsync(Entry, new AuditEntry { At = DateTimeOffset.UnixEpoch, Tenant = "", Actor = "", Action = "a" });

        var read = await Set.Audit.ReadAsync(0, 10, CancellationToken.None);

        Assert.Equal(Entry with { Detail = default }, read[0].Entry with { Detail = default });
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(read[0].Entry.Detail.Span));
        Assert.Equal((null, null, null, null, 0), (read[1].Entry.Subject, read[1].Entry.Address, read[1].Entry.UserAgent, read[1].Entry.CorrelationId, read[1].Entry.Detail.Length));
    }

    [Fact]
    public async Task A_batch_that_fails_leaves_no_audit_entry_and_disturbs_no_other()
    {
        await CommitAsync(Put("a", "{}"));
        var commits = Enumerable.Range(0, 40).Select(i => Task.Run(async () => await Records.CommitAsync(new WriteBatch { Writes = [Put($"n{i}", "{}"), Put(i % 2 == 0 ? $"m{i}" : "a", "{}")], Audit = [Entry with { Action = $"n{i}" }] }, CancellationToken.None))).ToList();
        await Task.WhenAll(commits.Select(c => c.ContinueWith(_ => { }, TaskScheduler.Default)));

        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"n{i * 2}").Order(), (await AuditedAsync()).Select(e => e.Action).Order());
    }

    [Fact]
    public async Task Audit_entries_come_in_commit_order_with_growing_positions()
    {
        for (var i = 0; i < 5; i++)
            await AuditAsync(Entry with { Action = $"{i}a" }, Entry with { Action = $"{i}b" });

        var all = await AuditedAsync();
        Assert.Equal(["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"], all.Select(e => e.Action));
        Assert.Equal(all.Select(e => e.Position).Distinct().Order(), all.Select(e => e.Position));
        Assert.Equal(["1b", "2a"], (await AuditedAsync(all[2].Position, 2)).Select(e => e.Action));
    }

    [Fact]
    public async Task A_commit_of_many_entries_is_read_and_removed_from_any_place()
    {
        await AuditAsync([.. Enumerable.Range(1, 600).Select(i => Entry with { Action = $"a{i}" })]);

        var all = await AuditedAsync();
        Assert.Equal(600, all.Length);
        Assert.Equal(Enumerable.Range(1, 600).Select(i => ($"a{i}", all[0].Position + i - 1)), all);
        Assert.Equal(["a256", "a257", "a258"], (await AuditedAsync(all[254].Position, 3)).Select(e => e.Action));
        await Set.Audit.RemoveAsync(all[299].Position, CancellationToken.None);
        Assert.Equal(["a301", "a302"], (await AuditedAsync(all[299].Position, 2)).Select(e => e.Action));
    }

    [Fact]
    public async Task Positions_go_on_after_all_entries_were_removed()
    {
        await AuditAsync(Entry, Entry);
        var last = (await AuditedAsync())[^1].Position;
        await Set.Audit.RemoveAsync(last, CancellationToken.None);
        await AuditAsync(Entry with { Action = "next" });

        Assert.Equal("next", Assert.Single(await AuditedAsync(last)).Action);
    }

    [Fact]
    public async Task Waiting_for_audit_entries_ends_when_one_is_committed()
    {
        var waiting = Set.Audit.WaitAsync(0, CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);

        await AuditAsync(Entry);

        await waiting.WaitAsync(TimeSpan.FromSeconds(60));
        await Set.Audit.WaitAsync(0, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
    }
}
