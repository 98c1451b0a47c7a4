using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Engines.PostgreSql;
using Nexus.Engines.RabbitMq;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Services;
using Nexus.Kernel.Tasks;
using Nexus.Testing;
using Npgsql;

namespace Nexus.Bench;

/// <summary>Small tasks from being asked for to being done, and how late a schedule is.</summary>
internal static class TaskBench
{
    private const int Count = 6000;
    private const int Batch = 100;
    private const int AtOnce = 64;
    private const int Rounds = 5;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-tasks-").FullName;
        var bars = new List<Bar>();
        await using (var node = await NodeAsync(new() { ["database:type"] = "sqlite", ["database:directory"] = folder }))
        {
            var rates = await InTurnsAsync(() => NexusAsync(node), () => Task.FromResult(RawSqlite(folder)));
            bars.Add(new("tasks a second on SQLite over batched inserts, claims and updates", rates.Ratio, "×", Baseline: rates.Raw));
            bars.Add(new("tasks a second on SQLite", rates.Nexus, "/s"));
            bars.Add(new("latest start of a task of a schedule", await DriftAsync(node), "s", 1, AtLeast: false));
        }

        await using (var server = await PostgreSqlServer.StartAsync())
        {
            await using var node = await NodeAsync(new() { ["database:type"] = "postgresql", ["database:directory"] = Path.Combine(folder, "node"), ["database:connectionString"] = server.ConnectionString("bench") });
            await using var source = NpgsqlDataSource.Create(server.ConnectionString("bench"));
            await SetUpAsync(source);
            var rates = await InTurnsAsync(() => NexusAsync(node), () => RawPostgreSqlAsync(source));
            bars.Add(new("tasks a second on PostgreSQL over raw SKIP LOCKED", rates.Ratio, "×", 0.5, Baseline: rates.Raw));
            bars.Add(new("tasks a second on PostgreSQL", rates.Nexus, "/s"));
            bars.AddRange(await RunRabbitMqAsync(server.ConnectionString("carried"), source));
        }

        Directory.Delete(folder, recursive: true);
        return bars;
    }

    /// <summary>Kept in PostgreSQL and carried to the worker by RabbitMQ.</summary>
    private static async Task<IReadOnlyList<Bar>> RunRabbitMqAsync(string database, NpgsqlDataSource source)
    {
        await using (var make = source.CreateCommand("CREATE DATABASE carried")) await make.ExecuteNonQueryAsync();
        await using var broker = await RabbitMqServer.StartAsync();
        await using var node = await PluginTestHost.StartAsync(options =>
        {
            options.Settings["database:type"] = "postgresql";
            options.Settings["database:connectionString"] = database;
            options.Storage = new PostgreSqlPlugin();
            options.Settings["tasks:transport"] = "rabbitmq";
            options.Settings["tasks:concurrency"] = AtOnce.ToString(CultureInfo.InvariantCulture);
            options.Settings["plugins:engines.rabbitmq:connectionString"] = broker.Address;
            options.Add(new PluginManifest { Name = "engines.rabbitmq", Version = "1.0.0", Category = PluginCategory.Core, Description = "RabbitMQ.", Entry = "" }, () => new RabbitMqPlugin());
            options.Add(new PluginManifest { Name = "bench", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Counts.", Entry = "" }, () => new Counting());
        });
        var health = node.Services.GetServices<IDependencyHealth>().Single(d => d.Name == "tasks");
        while ((await health.CheckAsync(default)).Status != HealthLevel.Healthy) await Task.Delay(20);
        var rates = await InTurnsAsync(() => NexusAsync(node.Services), () => RawPostgreSqlAsync(source));
        return
        [
            new("tasks a second over RabbitMQ and PostgreSQL over raw SKIP LOCKED", rates.Ratio, "×", Baseline: rates.Raw),
            new("tasks a second over RabbitMQ and PostgreSQL", rates.Nexus, "/s"),
        ];
    }

    private static async Task<(double Nexus, double Raw, double Ratio)> InTurnsAsync(Func<Task<double>> nexus, Func<Task<double>> raw)
    {
        await nexus();
        await raw();
        var rounds = new List<(double Nexus, double Raw)>();
        for (var round = 0; round < Rounds; round++)
            rounds.Add((await nexus(), await raw()));
        return (Benches.Median(rounds.Select(r => r.Nexus)), Benches.Median(rounds.Select(r => r.Raw)), Benches.Median(rounds.Select(r => r.Nexus / r.Raw)));
    }

    private static async Task<ServiceProvider> NodeAsync(Dictionary<string, string?> settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var plugins = new PluginsOptions { DataDirectory = settings["database:directory"]!, HotReload = false, WatchPeriod = TimeSpan.Zero, Grace = TimeSpan.Zero };
        plugins.BuiltIn.Add(new BuiltInPlugin(new PluginManifest { Name = "bench", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Counts.", Entry = "" }, () => new Counting()));
        var node = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(configuration).AddNexusData(configuration).AddSingleton<IStorageEngine>(new PostgreSqlPlugin())
            .AddNexusPlugins(plugins).AddNexusServices().AddNexusTasks().Configure<TasksOptions>(o => o.Concurrency = AtOnce).BuildServiceProvider();
        await StorageOpener.OpenAsync(node);
        foreach (var hosted in node.GetServices<IHostedService>()) await hosted.StartAsync(default);
        return node;
    }

    private static async Task<double> NexusAsync(IServiceProvider node)
    {
        var tasks = node.GetRequiredService<ITasks>();
        var history = node.GetRequiredService<ITaskHistory>();
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Count; i += Batch)
            await tasks.EnqueueAsync([.. Enumerable.Range(i, Batch).Select(n => new NewTask("bench.count") { Input = JsonCodec.For<int>().Serialize(n) })]);
        while ((await history.CountAsync(null, TaskState.Pending, default)).Length > 0 || (await history.CountAsync(null, TaskState.Started, default)).Length > 0)
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(2)) throw new TimeoutException("The tasks were not done within two minutes.");
            await Task.Delay(5);
        }

        return Count / clock.Elapsed.TotalSeconds;
    }

    /// <summary>The longest time between when a task of a schedule of each second was due and when it began.</summary>
    private static async Task<double> DriftAsync(ServiceProvider node)
    {
        await Task.Delay(TimeSpan.FromSeconds(6));
        var ticks = await node.GetRequiredService<ITaskHistory>().ListAsync(new TaskQuery { Task = "bench.tick", State = TaskState.Success, Limit = 5 }, default);
        return ticks.Length < 5 ? throw new InvalidOperationException($"The schedule fired {ticks.Length} times in 6 s.") : ticks.Max(t => (t.StartedAt!.Value - t.DueAt).TotalSeconds);
    }

    // The same steps with nothing around them: a batch of inserts a commit; a batch claimed a commit; its end a commit.
    private static double RawSqlite(string folder)
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "raw.db")}");
        connection.Open();
        Run(connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS raw (seq INTEGER PRIMARY KEY, state INTEGER, payload TEXT); CREATE INDEX IF NOT EXISTS raw_due ON raw (seq) WHERE state=0");
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Count; i += Batch)
        {
            using var commit = connection.BeginTransaction();
            for (var n = 0; n < Batch; n++) Run(connection, "INSERT INTO raw (state,payload) VALUES (0,'1')");
            commit.Commit();
        }

        while (Run(connection, $"UPDATE raw SET state=1 WHERE seq IN (SELECT seq FROM raw WHERE state=0 ORDER BY seq LIMIT {AtOnce})") > 0)
            Run(connection, "UPDATE raw SET state=2 WHERE state=1");
        return Count / clock.Elapsed.TotalSeconds;
    }

    private static int Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteNonQuery();
    }

    private static async Task SetUpAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("CREATE TABLE raw_tasks (seq bigserial PRIMARY KEY, id uuid NOT NULL, state smallint NOT NULL, due bigint NOT NULL, payload text NOT NULL, result text); CREATE INDEX raw_due ON raw_tasks (due,seq) WHERE state=0");
        await command.ExecuteNonQueryAsync();
    }

    // Two connections, as a program would that asks and one that works: batches inserted, claimed with SKIP LOCKED, and ended, each in a commit.
    private static async Task<double> RawPostgreSqlAsync(NpgsqlDataSource source)
    {
        var clock = Stopwatch.StartNew();
        var asking = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i += Batch)
            {
                await using var insert = source.CreateCommand("INSERT INTO raw_tasks (id,state,due,payload) SELECT u,0,0,'1' FROM unnest($1::uuid[]) u");
                insert.Parameters.Add(new NpgsqlParameter { Value = Enumerable.Range(0, Batch).Select(_ => Guid.CreateVersion7()).ToArray() });
                await insert.ExecuteNonQueryAsync();
            }
        });
        for (var done = 0; done < Count;)
        {
            var claimed = new List<long>();
            await using (var claim = source.CreateCommand($"WITH picked AS MATERIALIZED (SELECT seq FROM raw_tasks WHERE state=0 AND due<=1 ORDER BY due,seq LIMIT {AtOnce} FOR UPDATE SKIP LOCKED) UPDATE raw_tasks t SET state=1 FROM picked p WHERE t.seq=p.seq RETURNING t.seq,t.id,t.payload"))
            {
                await using var reader = await claim.ExecuteReaderAsync();
                while (await reader.ReadAsync()) claimed.Add(reader.GetInt64(0));
            }

            if (claimed.Count == 0)
            {
                await Task.Delay(1);
                continue;
            }

            await using var end = source.CreateCommand("UPDATE raw_tasks SET state=2,result='1' WHERE seq=ANY($1)");
            end.Parameters.Add(new NpgsqlParameter { Value = claimed.ToArray() });
            done += await end.ExecuteNonQueryAsync();
        }

        await asking;
        return Count / clock.Elapsed.TotalSeconds;
    }

    private sealed class Counting : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin
            .AddTask<int, int>("count", (_, number, _, _) => Task.FromResult(number + 1))
            .AddTask("tick", (_, _) => Task.CompletedTask)
            .AddSchedule("* * * * * *", "tick");
    }
}
