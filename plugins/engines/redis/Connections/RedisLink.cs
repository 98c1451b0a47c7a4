using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Connections;

/// <summary>The way to one server: one connection, made when first needed and made again when it broke, with growing waits between tries. While there is none, commands fail at once instead of waiting. Thread-safe.</summary>
internal sealed class RedisLink(RedisAddress address, RedisSettings settings, TimeProvider time, Action<RespValue> pushed, Action<RedisLink> lost) : IAsyncDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private Task<RedisConnection>? opening;
    private Task follower = Task.CompletedTask;
    private TimeSpan wait = FirstWait;
    private long notBefore = long.MinValue;
    private string failure = "";

    public RedisAddress Address => address;

    /// <summary>Sends a command on the connection there is, or on a new one.</summary>
    /// <exception cref="RedisException">There is none, and the last try to make one was a moment ago.</exception>
    public async ValueTask<RespValue> SendAsync(RespCommand command, CancellationToken cancellationToken, RespCommand? before = null, bool isSubscription = false)
    {
        var connection = await ConnectAsync(cancellationToken);
        var answer = before is null ? connection.SendAsync(command, isSubscription) : connection.SendAsync([before, command], isSubscription);
        return await answer.WaitAsync(cancellationToken);
    }

    /// <summary>The connection.</summary>
    public async ValueTask<RedisConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Task<RedisConnection> current;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(ending.IsCancellationRequested, this);
            if (opening is null || opening.IsFaulted || opening.IsCanceled || (opening.IsCompletedSuccessfully && opening.Result.IsBroken))
            {
                if (time.GetTimestamp() < notBefore)
                    throw new RedisException(failure);
                opening = Task.Run(OpenAsync, CancellationToken.None);
            }
            current = opening;
        }
        return current.IsCompletedSuccessfully ? current.Result : await current.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Task<RedisConnection>? last;
        lock (gate)
            last = opening;
        await ending.CancelAsync();
        try
        {
            if (last is not null)
                await (await last).DisposeAsync();
        }
        catch (Exception exception) when (exception is RedisException or OperationCanceledException)
        {
            // It was never made.
        }
        await follower;
        ending.Dispose();
    }

    private async Task<RedisConnection> OpenAsync()
    {
        try
        {
            var connection = await RedisConnection.OpenAsync(address, settings, time, pushed, ending.Token);
            lock (gate)
            {
                wait = FirstWait;
                notBefore = long.MinValue;
                follower = FollowAsync(connection);
            }
            return connection;
        }
        catch (RedisException exception)
        {
            lock (gate)
            {
                failure = exception.Message;
                // A random part keeps many nodes from coming back in one moment.
                notBefore = time.GetTimestamp() + (long)(wait.TotalSeconds * (0.75 + (Random.Shared.NextDouble() / 2)) * time.TimestampFrequency);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
            throw;
        }
    }

    private async Task FollowAsync(RedisConnection connection)
    {
        await connection.Closed;
        await connection.DisposeAsync();
        if (!ending.IsCancellationRequested)
            lost(this);
    }
}
