using System.Collections.Immutable;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Sql;

/// <summary>Runs one unit of work within a savepoint of the open commit, so that its failure takes nothing of the others.</summary>
internal static class SqlUnit
{
    public static async ValueTask<T> RunAsync<T>(SqlFile file, Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        file.Writer.Run("SAVEPOINT unit");
        var session = new Session(file);
        try
        {
            var result = await work(session, cancellationToken);
            session.Close();
            file.Writer.Run("RELEASE unit");
            return result;
        }
        catch
        {
            session.Close();
            if (file.Writer.InTransaction)
                file.Writer.Execute("ROLLBACK TO unit; RELEASE unit");
            throw;
        }
    }

    private sealed class Session(SqlFile file) : ISqlSession
    {
        private bool _closed;

        public ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            ValueTask.FromResult(Run(connection => SqlStatements.Execute(connection, sql, parameters)));

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            ValueTask.FromResult(Run(connection => SqlStatements.Query(connection, sql, parameters, CancellationToken.None)));

        public void Publish(EventMessage message)
        {
            ArgumentNullException.ThrowIfNull(message);
            ObjectDisposedException.ThrowIf(_closed, this);
            file.Publish(message);
        }

        public void Close() => _closed = true;

        private T Run<T>(Func<Connection, T> run)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            try
            {
                return run(file.Writer);
            }
            catch (SqliteFailure e)
            {
                throw SqlStatements.Explain(e, file.Path);
            }
        }
    }
}
