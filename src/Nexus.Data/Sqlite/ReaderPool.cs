using System.Collections.Concurrent;

namespace Nexus.Data.Sqlite;

/// <summary>Read connections of one file. Each use sees the last commit that was acknowledged before it began.</summary>
internal sealed class ReaderPool(string file, Action<Connection>? prepare = null) : IDisposable
{
    private readonly ConcurrentStack<Connection> _idle = new();
    private readonly int _keep = Math.Max(4, Environment.ProcessorCount * 2);
    private int _idleCount;
    private volatile bool _closed;

    public Connection Rent()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_idle.TryPop(out var connection))
        {
            Interlocked.Decrement(ref _idleCount);
            return connection;
        }

        connection = Connection.OpenReader(file);
        prepare?.Invoke(connection);
        return connection;
    }

    public void Return(Connection connection)
    {
        if (_closed || Volatile.Read(ref _idleCount) >= _keep || connection.InTransaction)
        {
            connection.Dispose();
            return;
        }

        Interlocked.Increment(ref _idleCount);
        _idle.Push(connection);
        if (_closed)
            CloseIdle();
    }

    public void Dispose()
    {
        _closed = true;
        CloseIdle();
    }

    private void CloseIdle()
    {
        while (_idle.TryPop(out var connection))
            connection.Dispose();
    }
}
