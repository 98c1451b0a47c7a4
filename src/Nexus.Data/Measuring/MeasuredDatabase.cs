using System.Collections.Immutable;
using System.Diagnostics;

namespace Nexus.Data.Measuring;

/// <summary>A plugin's database with each statement timed and, while somebody listens, in a span. Neither has parameters or literals. What it publishes is sealed where it is confidential.</summary>
internal sealed class MeasuredDatabase(ISqlDatabase inner, string plugin, QueryMeasures measures, IEventSealing? sealing = null) : ISqlDatabase
{
    public string Dialect => inner.Dialect;

    public async ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        using var statement = Begin("query", sql, parameters);
        try
        {
            return await inner.QueryAsync(sql, parameters, cancellationToken);
        }
        catch
        {
            statement.Fail();
            throw;
        }
    }

    public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var span = NexusTracing.Start(NexusTracing.SqlWrite);
        span?.SetTag("nexus.plugin", plugin).SetTag("db.system.name", inner.Dialect);
        try
        {
            return await inner.WriteAsync(async (session, stop) =>
            {
                var own = new Session(this, session);
                var result = await work(own, stop);
                await own.SealRestAsync();
                return result;
            }, cancellationToken);
        }
        catch
        {
            span?.SetStatus(ActivityStatusCode.Error);
            throw;
        }
    }

    private Measured Begin(string operation, string sql, IReadOnlyDictionary<string, object?>? parameters)
    {
        var shape = StatementShape.Of(sql ?? "");
        var span = NexusTracing.Start(NexusTracing.SqlStatement);
        span?.SetTag("nexus.plugin", plugin).SetTag("db.system.name", inner.Dialect).SetTag("db.query.text", shape);
        return new Measured(this, operation, sql ?? "", shape, parameters, span, Stopwatch.GetTimestamp());
    }

    private async ValueTask<string> PlanAsync(string sql, IReadOnlyDictionary<string, object?>? parameters)
    {
        if (sql.AsSpan().TrimStart().StartsWith("EXPLAIN", StringComparison.OrdinalIgnoreCase))
            return "none: it was an EXPLAIN";
        // Neither form runs the statement.
        var rows = await inner.QueryAsync((inner.Dialect == "sqlite" ? "EXPLAIN QUERY PLAN " : "EXPLAIN ") + sql, parameters);
        // Conditions of PostgreSQL's plans have the values in them, which may be secrets.
        return string.Join('\n', rows.Select(r => Convert.ToString(r.Values[^1], System.Globalization.CultureInfo.InvariantCulture)).Where(l => l is not null && !l.Contains("Filter:", StringComparison.Ordinal) && !l.Contains("Cond:", StringComparison.Ordinal)));
    }

    /// <summary>A statement that runs.</summary>
    private readonly struct Measured(MeasuredDatabase database, string operation, string sql, string shape, IReadOnlyDictionary<string, object?>? parameters, Activity? span, long started) : IDisposable
    {
        public void Fail() => span?.SetStatus(ActivityStatusCode.Error);

        public void Dispose()
        {
            span?.Dispose();
            database.Measures.Ended(database.Plugin, operation, shape, started, out var isSlow);
            if (!isSlow)
                return;
            var (own, text, given) = (database, sql, parameters);
            database.Measures.Tell(database.Plugin, shape, started, () => own.PlanAsync(text, given));
        }
    }

    private string Plugin => plugin;

    private QueryMeasures Measures => measures;

    private IEventSealing? Sealing => sealing;

    /// <summary>A unit of work whose statements are timed.</summary>
    private sealed class Session(MeasuredDatabase database, ISqlSession inner) : ISqlSession
    {
        private readonly List<ValueTask<EventMessage>> rest = [];

        public string Dialect => inner.Dialect;

        public async ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null)
        {
            using var statement = database.Begin("execute", sql, parameters);
            return await inner.ExecuteAsync(sql, parameters);
        }

        public async ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
        {
            using var statement = database.Begin("execute", sql, parameters.ToDictionary(p => p, _ => (object?)null, StringComparer.Ordinal));
            return await inner.ExecuteManyAsync(sql, parameters, rows);
        }

        public async ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null)
        {
            using var statement = database.Begin("query", sql, parameters);
            return await inner.QueryAsync(sql, parameters);
        }

        public void Publish(EventMessage message)
        {
            ArgumentNullException.ThrowIfNull(message);
            var traced = NexusTracing.IsListenedTo && NexusTracing.Parent is { } parent && !message.Headers.ContainsKey(NexusTracing.ParentHeader) ? message with { Headers = message.Headers.SetItem(NexusTracing.ParentHeader, parent) } : message;
            var own = traced.AsPublished();
            if (database.Sealing is not { } sealing || !sealing.Covers(own))
            {
                inner.Publish(own);
                return;
            }

            // The engine stamps the same tenant; the cipher text opens in no other.
            var ready = sealing.SealAsync(own with { Tenant = CallContext.Current.Tenant }, CancellationToken.None);
            if (ready.IsCompletedSuccessfully && rest.Count == 0)
                inner.Publish(ready.Result);
            else
                rest.Add(ready);
        }

        /// <summary>Publishes those whose key had to be fetched first.</summary>
        public async ValueTask SealRestAsync()
        {
            foreach (var message in rest)
                inner.Publish(await message);
        }
    }
}
