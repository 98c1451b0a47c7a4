using System.Collections.Concurrent;

namespace Nexus.Data.Sqlite;

/// <summary>Read connections of one file, never more than the limit. Each use sees the last commit that was acknowledged before it began.</summary>
/// <remarks>A reader holds its connection within one synchronous call, so the wait for one is a wait of that thread too.</remarks>
internal sealed class ReaderPool(string file, PoolLimit? limit = null, Action<Connection>? prepare = null) : IDisposable
{
    private readonly ConcurrentStack<Connection> _idle = new();
    private readonly PoolLimit _limit = limit ?? PoolLimit.Default;
    private readonly SemaphoreSlim _free = new((limit ?? PoolLimit.Default).Max);
    private readonly int _keep = Math.Min(Math.Max(4, Environment.ProcessorCount * 2), (limit ?? PoolLimit.Default).Max);
    private int _idleCount;
    private long _hits;
    private volatile bool _closed;

    public PoolUse Use => new(Path.GetFileNameWithoutExtension(file), _limit.Max - _free.CurrentCount, Volatile.Read(ref _idleCount), _limit.Max) { Hits = Interlocked.Read(ref _hits) };

    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c>: all are in use and none became free in time.</exception>
    public Connection Rent()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!_free.Wait(_limit.Wait))
            throw new NexusException(ErrorCodes.StorageUnavailable, $"All {_limit.Max} read connections to {file} are in use and none became free in {_limit.Wait.TotalSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)} s. Raise database.pool.maxSize, or look for long queries.");
        try
        {
            if (_idle.TryPop(out var connection))
            {
                Interlocked.Decrement(ref _idleCount);
                Interlocked.Increment(ref _hits);
                return connection;
            }

            connection = Connection.OpenReader(file);
            prepare?.Invoke(connection);
            return connection;
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

    public void Return(Connection connection)
    {
        if (_closed || Volatile.Read(ref _idleCount) >= _keep || connection.InTransaction)
        {
            connection.Dispose();
        }
        else
        {
            Interlocked.Increment(ref _idleCount);
            _idle.Push(connection);
            if (_closed)
                CloseIdle();
        }

        _free.Release();
    }

    public void Dispose()
    {
        _closed = true;
        CloseIdle();
    }

    private void CloseIdle()
    {
        while (_idle.TryPop(out var connection))
        {
            Interlocked.Decrement(ref _idleCount);
            connection.Dispose();
        }
    }
}
