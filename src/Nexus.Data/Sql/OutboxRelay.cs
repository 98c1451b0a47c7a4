using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Data.Sql;

/// <summary>Brings events from a plugin's file into the event store, which knows each by its id: stored there first and removed here after, so a crash in between repeats the first and changes nothing.</summary>
internal sealed class OutboxRelay(SqlFile file, Func<ImmutableArray<EventMessage>, Task> store) : IDisposable
{
    private const int Batch = 500;

    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask;
    private bool _again;
    private volatile bool _closed;

    public void Start()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            if (!_running.IsCompleted)
            {
                _again = true;
                return;
            }

            // A plugin's flow must not be captured: the relay outlives its call.
            using (ExecutionContext.SuppressFlow())
                _running = Task.Run(RunAsync);
        }
    }

    public void Dispose() => _closed = true;

    private async Task RunAsync()
    {
        try
        {
            while (!_closed)
            {
                lock (_gate)
                    _again = false;
                var (last, messages) = Waiting();
                if (messages.Length == 0)
                {
                    lock (_gate)
                    {
                        if (!_again)
                        {
                            _running = Task.CompletedTask;
                            return;
                        }
                    }

                    continue;
                }

                await store(messages);
                if (_closed)
                    return;
                await file.WriteAsync<bool>((_, _) =>
                {
                    using var delete = file.Writer.Prepare("DELETE FROM nexus_outbox WHERE seq<=?1");
                    delete.Bind(1, last);
                    delete.Step();
                    return ValueTask.FromResult(true);
                });
            }
        }
        catch (Exception e) when (e is NexusException or Sqlite.SqliteFailure or ObjectDisposedException)
        {
            // The events stay in the outbox; the next commit or start takes them up again.
        }
    }

    private (long Last, ImmutableArray<EventMessage> Messages) Waiting() => file.Read(connection =>
    {
        using var statement = connection.Prepare($"SELECT seq,message FROM nexus_outbox ORDER BY seq LIMIT {Batch}");
        var messages = ImmutableArray.CreateBuilder<EventMessage>();
        var last = 0L;
        while (statement.Step())
        {
            last = statement.Integer(0);
            messages.Add(JsonSerializer.Deserialize<EventMessage>(statement.Bytes(1))!);
        }

        return (last, messages.DrainToImmutable());
    });
}
