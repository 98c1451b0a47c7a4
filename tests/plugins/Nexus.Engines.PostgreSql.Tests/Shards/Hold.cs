using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>Locks by which the mover stands still.</summary>
internal sealed class Hold(Place place) : IAsyncDisposable
{
    private readonly List<NpgsqlConnection> _held = [];

    public Task AtAsync(string step) => step switch
    {
        "copying" => LockAsync(place.Second, "LOCK TABLE arriving_events IN ACCESS EXCLUSIVE MODE"),
        "closing" => LockAsync(place.First, "LOCK TABLE tasks IN EXCLUSIVE MODE"),
        "landing" => LockAsync(place.Second, "LOCK TABLE deliveries IN EXCLUSIVE MODE"),
        "switching" or "arriving" => LockAsync(place.First, "LOCK TABLE \"nexus.placements\" IN EXCLUSIVE MODE"),
        _ => Task.CompletedTask,
    };

    /// <summary>Waits, bounded, until the mover is there.</summary>
    public async Task ReachedAsync(string step, ITenantMoves moves)
    {
        if (step == "cleaning")
        {
            await UntilAsync(async () => (await moves.ListAsync(CancellationToken.None)).Any(m => m is { State: TenantMoveState.Cleaning, ClosedMilliseconds: not null }));
            return;
        }

        var where = step is "copying" or "landing" ? place.Second : place.First;
        await UntilAsync(async () => await Databases.CountAsync(where, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL AND database=(SELECT oid FROM pg_database WHERE datname=current_database())") > 0);
        if (step != "arriving")
            return;
        await LockAsync(place.Second, "LOCK TABLE tenant_marks IN EXCLUSIVE MODE");
        await _held[0].DisposeAsync();
        await UntilAsync(async () => await Databases.CountAsync(place.Second, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation='tenant_marks'::regclass") > 0);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _held)
            await connection.DisposeAsync();
    }

    private async Task LockAsync(string address, string sql)
    {
        var connection = new NpgsqlConnection(address + ";Search Path=nexus;Pooling=false");
        _held.Add(connection);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; " + sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Waits, bounded.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var i = 0; !await isSo(); i++)
        {
            Assert.True(i < 1200, "the mover does not come there");
            await Task.Delay(50);
        }
    }
}
