using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Engines.PostgreSql;
using Nexus.Engines.RabbitMq;
using Nexus.Testing;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Nexus.Bench;

/// <summary>Events from being published to being handled.</summary>
internal static class EventBench
{
    private const int Count = 20_000;
    private const int Batch = 100;
    private const int Claim = 64;
    private const int Prefetch = 128;
    private const int Rounds = 5;
    private static readonly byte[] Payload = """{"order":"0198c1f0-0000-7000-8000-000000000000","total":1250,"currency":"EUR"}"""u8.ToArray();

    public static async Task<IReadOnlyList<Bar>> RunAsync() => [.. await TransientEvents.RunAsync(), .. await RunPostgreSqlAsync(), .. await RunRabbitMqAsync()];

    /// <summary>Delivered by the database.</summary>
    public static async Task<IReadOnlyList<Bar>> RunPostgreSqlAsync()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        await using var source = NpgsqlDataSource.Create(server.ConnectionString("bench"));
        await SetUpAsync(source);
        await using var node = await NodeAsync(options => PostgreSql(options, server.ConnectionString("bench")));
        var rates = await InTurnsAsync(() => NexusAsync(node.Host, node.Sink), () => RawPostgreSqlAsync(source));
        return
        [
            new("durable events a second on PostgreSQL over raw batched inserts and SKIP LOCKED reads", rates.Ratio, "×", 0.5, Baseline: rates.Raw),
            new("durable events a second on PostgreSQL", rates.Nexus, "/s"),
        ];
    }

    /// <summary>Stored in a database and delivered over RabbitMQ.</summary>
    public static async Task<IReadOnlyList<Bar>> RunRabbitMqAsync()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        await using var broker = await RabbitMqServer.StartAsync();
        var bars = new List<Bar>();
        foreach (var (name, storage) in new (string, Action<PluginTestOptions>)[] { ("SQLite", o => o.Settings["database:type"] = "sqlite"), ("PostgreSQL", o => PostgreSql(o, server.ConnectionString("bench"))) })
        {
            await using var node = await NodeAsync(options =>
            {
                storage(options);
                options.Settings["events:transport"] = "rabbitmq";
                options.Settings["plugins:engines.rabbitmq:connectionString"] = broker.Address;
                options.Add(new PluginManifest { Name = "engines.rabbitmq", Version = "1.0.0", Category = PluginCategory.Core, Description = "RabbitMQ.", Entry = "" }, () => new RabbitMqPlugin());
            });
            var health = node.Host.Services.GetServices<IDependencyHealth>().Single(d => d.Name == "events");
            while ((await health.CheckAsync(default)).Status != HealthLevel.Healthy) await Task.Delay(20);
            var rates = await InTurnsAsync(() => NexusAsync(node.Host, node.Sink), () => RawRabbitMqAsync(broker.Address));
            bars.Add(new($"durable events a second over RabbitMQ and {name} over a bare RabbitMQ.Client loop with confirms", rates.Ratio, "×", name == "SQLite" ? 0.6 : null, Baseline: rates.Raw));
            bars.Add(new($"durable events a second over RabbitMQ and {name}", rates.Nexus, "/s"));
        }

        return bars;
    }

    private static void PostgreSql(PluginTestOptions options, string address)
    {
        options.Settings["database:type"] = "postgresql";
        options.Settings["database:connectionString"] = address;
        options.Storage = new PostgreSqlPlugin();
    }

    public static async Task<(double Nexus, double Raw, double Ratio)> InTurnsAsync(Func<Task<double>> nexus, Func<Task<double>> raw)
    {
        await nexus();
        await raw();
        var rounds = new List<(double Nexus, double Raw)>();
        for (var round = 0; round < Rounds; round++)
            rounds.Add((await nexus(), await raw()));
        return (Benches.Median(rounds.Select(r => r.Nexus)), Benches.Median(rounds.Select(r => r.Raw)), Benches.Median(rounds.Select(r => r.Nexus / r.Raw)));
    }

    private static async Task<Node> NodeAsync(Action<PluginTestOptions> configure)
    {
        var sink = new Sink();
        return new Node(await PluginTestHost.StartAsync(options =>
        {
            options.Add(new PluginManifest { Name = "bench", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Counts.", Entry = "" }, () => sink);
            configure(options);
        }), sink);
    }

    private static async Task<double> NexusAsync(PluginTestHost host, Sink sink)
    {
        var events = host.Services.GetRequiredService<IEvents>();
        var all = sink.Expect(Count);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Count; i += Batch)
            await events.PublishAsync([.. Enumerable.Range(i, Batch).Select(_ => new EventMessage { Name = "bench.happened", Data = Payload })]);
        await all.WaitAsync(TimeSpan.FromMinutes(2));
        return Count / clock.Elapsed.TotalSeconds;
    }

    private static async Task SetUpAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("CREATE TABLE raw_events (seq bigserial PRIMARY KEY, id uuid NOT NULL, name text NOT NULL, state smallint NOT NULL, due bigint NOT NULL, payload text NOT NULL); CREATE INDEX raw_events_due ON raw_events (due,seq) WHERE state=0");
        await command.ExecuteNonQueryAsync();
    }

    // Two connections, as a program would that publishes and one that handles: batches inserted, claimed with SKIP LOCKED, and ended, each in a commit.
    private static async Task<double> RawPostgreSqlAsync(NpgsqlDataSource source)
    {
        var payload = System.Text.Encoding.UTF8.GetString(Payload);
        var clock = Stopwatch.StartNew();
        var publishing = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i += Batch)
            {
                await using var insert = source.CreateCommand("INSERT INTO raw_events (id,name,state,due,payload) SELECT u,'bench.happened',0,0,$2 FROM unnest($1::uuid[]) u");
                insert.Parameters.Add(new NpgsqlParameter { Value = Enumerable.Range(0, Batch).Select(_ => Guid.CreateVersion7()).ToArray() });
                insert.Parameters.Add(new NpgsqlParameter { Value = payload });
                await insert.ExecuteNonQueryAsync();
            }
        });
        for (var done = 0; done < Count;)
        {
            var claimed = new List<long>();
            await using (var claim = source.CreateCommand($"WITH picked AS MATERIALIZED (SELECT seq FROM raw_events WHERE state=0 AND due<=1 ORDER BY due,seq LIMIT {Claim} FOR UPDATE SKIP LOCKED) UPDATE raw_events t SET state=1 FROM picked p WHERE t.seq=p.seq RETURNING t.seq,t.id,t.name,t.payload"))
            {
                await using var reader = await claim.ExecuteReaderAsync();
                while (await reader.ReadAsync()) claimed.Add(reader.GetInt64(0) + (reader.GetString(3).Length & 0));
            }

            if (claimed.Count == 0)
            {
                await Task.Delay(1);
                continue;
            }

            await using var end = source.CreateCommand("UPDATE raw_events SET state=2 WHERE seq=ANY($1)");
            end.Parameters.Add(new NpgsqlParameter { Value = claimed.ToArray() });
            done += await end.ExecuteNonQueryAsync();
        }

        await publishing;
        return Count / clock.Elapsed.TotalSeconds;
    }

    // As the client's own documentation publishes and consumes: batches whose confirms are awaited together, persistent messages in a durable queue, a prefetch, an acknowledgement a message.
    private static async Task<double> RawRabbitMqAsync(string address)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(address) }.CreateConnectionAsync();
        await using var sender = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, null, null));
        await using var receiver = await connection.CreateChannelAsync();
        var queue = $"raw.{Guid.NewGuid():n}";
        await receiver.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false);
        await receiver.BasicQosAsync(0, Prefetch, global: false);
        var all = new TaskCompletionSource();
        var done = 0;
        var consumer = new AsyncEventingBasicConsumer(receiver);
        consumer.ReceivedAsync += async (_, message) =>
        {
            await receiver.BasicAckAsync(message.DeliveryTag, multiple: false);
            if (++done == Count) all.SetResult();
        };
        await receiver.BasicConsumeAsync(queue, autoAck: false, consumer);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Count; i += Batch)
        {
            var confirms = new Task[Batch];
            for (var n = 0; n < Batch; n++)
                confirms[n] = sender.BasicPublishAsync("", queue, mandatory: true, new BasicProperties { Persistent = true }, Payload).AsTask();
            await Task.WhenAll(confirms);
        }

        await all.Task.WaitAsync(TimeSpan.FromMinutes(2));
        var rate = Count / clock.Elapsed.TotalSeconds;
        await receiver.QueueDeleteAsync(queue);
        return rate;
    }

    private sealed record Node(PluginTestHost Host, Sink Sink) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }

    /// <summary>Counts what it handles.</summary>
    private sealed class Sink : IPlugin
    {
        private TaskCompletionSource all = new();
        private int left;

        public Task Expect(int count)
        {
            all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref left, count);
            return all.Task;
        }

        public void Configure(IPluginBuilder plugin) => plugin.On("bench.happened", (_, _) =>
        {
            if (Interlocked.Decrement(ref left) == 0) all.TrySetResult();
            return Task.CompletedTask;
        });
    }
}
