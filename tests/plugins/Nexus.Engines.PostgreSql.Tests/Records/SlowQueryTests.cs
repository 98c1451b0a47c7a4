using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Nexus.Engines.PostgreSql.Tests.Records;

public sealed class SlowQueryTests
{
    [Fact]
    public async Task A_slow_query_is_logged_with_its_plan_and_without_its_values()
    {
        var log = new Log();
        await using var set = await Opened.OpenAsync(await PostgreSqlServer.DatabaseAsync(), log, ("slowQuery", "1"));
        await set.CommitAsync([.. Enumerable.Range(0, 8_000).Select(i => Opened.Put($"{i}", $$"""{"name":"n{{i}}"}"""))]);

        var page = await set.Records.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "crm.people", Filter = FilterJson.Parse("""{"name":"n4711"}"""), Count = true }, CancellationToken.None);

        Assert.Equal(1, page.Total);
        var told = Assert.Single(log.Lines, l => l.StartsWith("database.slow_query", StringComparison.Ordinal));
        Assert.Contains("crm.people", told, StringComparison.Ordinal);
        Assert.Contains("Scan", told, StringComparison.Ordinal);
        Assert.DoesNotContain("n4711", told, StringComparison.Ordinal);
    }

    private sealed class Log : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
