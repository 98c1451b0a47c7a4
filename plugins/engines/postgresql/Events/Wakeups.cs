using Nexus.Data.Events;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Events;

/// <summary>
/// Tells other nodes that there is something to look for, and hears it from them. A notice is a hint: who waits looks by itself as well.
/// Notices never go with a commit, since PostgreSQL lets commits that carry one take turns in the whole server; they follow from a connection of their own, many commits in one.
/// </summary>
internal sealed class Wakeups : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    private readonly Server _server;
    private readonly Func<Task> _tablesChanged;
    private readonly string _own = Guid.NewGuid().ToString("N");
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _due = new(0, 1);
    private readonly Task _running;
    private int _events;
    private int _tables;
    private int _tasks;

    public Wakeups(Server server, Func<Task> tablesChanged)
    {
        (_server, _tablesChanged) = (server, tablesChanged);
        using (ExecutionContext.SuppressFlow())
            _running = Task.WhenAll(Task.Run(TellAsync), Task.Run(HearAsync));
    }

    private string Channel => $"{_server.Settings.Schema}_wakeup";

    /// <summary>Fires when there may be deliveries to claim or events to read.</summary>
    public CommitSignal Events { get; } = new();

    /// <summary>Fires when there may be audit entries.</summary>
    public CommitSignal Audit { get; } = new();

    /// <summary>Fires when there may be tasks to claim.</summary>
    public CommitSignal Tasks { get; } = new();

    /// <summary>Wakes those who wait here at once and on other nodes soon.</summary>
    public void Wake(bool events, bool audit, bool tasks = false)
    {
        if (audit)
            Audit.Fire();
        if (tasks)
        {
            Tasks.Fire();
            if (Interlocked.Exchange(ref _tasks, 1) == 0)
                Release();
        }

        if (!events)
            return;
        Events.Fire();
        if (Interlocked.Exchange(ref _events, 1) == 0)
            Release();
    }

    /// <summary>Tables changed here; other nodes read again what they know of them.</summary>
    public void TablesChanged()
    {
        if (Interlocked.Exchange(ref _tables, 1) == 0)
            Release();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _running;
        _due.Dispose();
        _ending.Dispose();
    }

    private void Release()
    {
        try
        {
            _due.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // A notice is on its way already, or the engine is closed.
        }
    }

    private async Task TellAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                await _due.WaitAsync(_ending.Token);
                await using var connection = await _server.Source.OpenConnectionAsync(_ending.Token);
                if (Interlocked.Exchange(ref _tables, 0) == 1)
                    await connection.RunAsync("SELECT pg_notify($1,$2)", Channel, $"tables {_own}");
                if (Interlocked.Exchange(ref _tasks, 0) == 1)
                    await connection.RunAsync("SELECT pg_notify($1,$2)", Channel, $"tasks {_own}");
                if (Interlocked.Exchange(ref _events, 0) == 1)
                    await connection.RunAsync("SELECT pg_notify($1,$2)", Channel, $"events {_own}");
                await Task.Delay(Pause, _ending.Token);
            }
            catch (Exception e) when (Failures.IsOurs(e) || e is OperationCanceledException)
            {
                // The others look by themselves.
            }
        }
    }

    private async Task HearAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _server.Source.OpenConnectionAsync(_ending.Token);
                connection.Notification += Heard;
                await connection.RunAsync($"LISTEN {Channel}");
                // What was told while nobody listened.
                Events.Fire();
                Tasks.Fire();
                await _tablesChanged();
                while (true)
                    await connection.WaitAsync(_ending.Token);
            }
            catch (Exception e) when (Failures.IsOurs(e) || e is NexusException or OperationCanceledException)
            {
                await Task.WhenAny(Task.Delay(Again, _ending.Token));
            }
        }
    }

    private void Heard(object sender, NpgsqlNotificationEventArgs notice)
    {
        if (notice.Payload.EndsWith(_own, StringComparison.Ordinal))
            return;
        if (notice.Payload.StartsWith("tables", StringComparison.Ordinal))
            _ = Task.Run(_tablesChanged);
        else if (notice.Payload.StartsWith("tasks", StringComparison.Ordinal))
            Tasks.Fire();
        else
            Events.Fire();
    }
}
