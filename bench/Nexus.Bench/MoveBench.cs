using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Engines.PostgreSql;
using Npgsql;

namespace Nexus.Bench;

/// <summary>A tenant of 10,000 records, as many events and as many rows of SQL goes from one database to another and back while eight clients write to it: for how long writes wait, and how fast rows are copied, against a bare COPY of the same records.</summary>
internal static class MoveBench
{
    private const int Records = 10_000;
    private const int Moves = 10;
    private const int Clients = 8;
    private const string Tenant = "acme";

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var (first, second) = (server.ConnectionString("bench"), server.ConnectionString("second"));
        await ExecuteAsync(first, "CREATE DATABASE second");
        await using var services = await OpenAsync(first, second);
        var set = await StorageOpener.OpenAsync(services);
        await FillAsync(set);
        foreach (var hosted in services.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
        var moves = services.GetRequiredService<ITenantMoves>();
        var quiet = new List<double>();
        foreach (var to in new[] { "beta", "default", "beta", "default" })
        {
            var clock = Stopwatch.StartNew();
            var move = await MoveAsync(moves, to);
            quiet.Add(move.Rows / (clock.Elapsed.TotalSeconds));
        }

        using var ending = new CancellationTokenSource();
        var load = Enumerable.Range(0, Clients).Select(n => Task.Run(() => WriteAsync(set, n, ending.Token))).ToList();
        var closed = new List<double>();
        for (var i = 0; i < Moves; i++)
            closed.Add((await MoveAsync(moves, i % 2 == 0 ? "beta" : "default")).ClosedMilliseconds!.Value);
        await ending.CancelAsync();
        var clients = await Task.WhenAll(load);
        var bare = await CopyAsync(first, second);
        foreach (var hosted in services.GetServices<IHostedService>())
            await hosted.StopAsync(CancellationToken.None);
        var kept = (await set.Records.QueryAsync(new RecordQuery { Tenant = Tenant, Table = "crm.people", KeyPrefix = "w", Limit = 1, Count = true }, CancellationToken.None)).Total;
        return
        [
            new("writes of 8 clients that failed or are missing after 10 moves", clients.Sum(c => c.Failed) + Math.Abs(clients.Sum(c => c.Written) - kept!.Value), "", 0, AtLeast: false),
            new("writes closed a move, median", Benches.Median(closed), "ms", 1000, AtLeast: false),
            new("writes closed a move, longest", closed.Max(), "ms"),
            new("longest that one write took", clients.Max(c => c.Longest), "ms"),
            new("rows a second from being asked for to the source being empty, without load", Benches.Median(quiet), "/s", Baseline: bare),
            new("writes a second meanwhile", clients.Sum(c => c.Written) / clients.Max(c => c.Seconds), "/s"),
        ];
    }

    private static async Task<ServiceProvider> OpenAsync(string first, string second)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["database:type"] = "postgresql",
            ["database:connectionString"] = first,
            ["database:directory"] = Path.GetTempPath(),
            ["database:shards:beta:connectionString"] = second,
        }).Build();
        var services = new ServiceCollection().AddSingleton(TimeProvider.System).AddSingleton<IStorageEngine>(new PostgreSqlPlugin()).AddNexusData(configuration).BuildServiceProvider();
        await StorageOpener.OpenAsync(services);
        return services;
    }

    private static async Task FillAsync(StorageSet set)
    {
        await using (var change = await set.Schema.BeginAsync(new SchemaRequest("crm", [new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Indexes = [], Search = ["name"] }], [new SqlMigration(1, "notes", "CREATE TABLE notes (id bigint PRIMARY KEY, text text NOT NULL)")]), CancellationToken.None))
            await change.CommitAsync(CancellationToken.None);
        for (var i = 0; i < Records; i += 500)
        {
            await set.Records.CommitAsync(new WriteBatch
            {
                Writes = [.. Enumerable.Range(i, 500).Select(n => Put($"p{n:00000}", $$"""{"id":"p{{n:00000}}","name":"Ada Lovelace {{n}}","mail":"ada{{n}}@acme.example","city":"London"}"""))],
                Events = [.. Enumerable.Range(i, 500).Select(n => new EventMessage { Name = "crm.people.created", Tenant = Tenant, Data = Encoding.UTF8.GetBytes($$"""{"id":"p{{n}}"}""") })],
            }, CancellationToken.None);
        }

        await set.Sql.Get("crm", Tenant).WriteAsync((session, _) => session.ExecuteManyAsync("INSERT INTO notes (id,text) VALUES (@id,@text)", ["id", "text"], Enumerable.Range(1, Records).Select(n => new object?[] { (long)n, $"note {n}" })));
    }

    private static RecordWrite Put(string id, string json) => new()
    {
        Key = new RecordKey(Tenant, "crm.people", id),
        ExpectedRevision = 0,
        Record = new StoredRecord { Id = id, Revision = 1, Json = Encoding.UTF8.GetBytes(json) },
    };

    private static async Task<TenantMove> MoveAsync(ITenantMoves moves, string to)
    {
        await moves.StartAsync(Tenant, to, CancellationToken.None);
        while (true)
        {
            await Task.Delay(20);
            var move = (await moves.ListAsync(CancellationToken.None)).Single();
            if (move.EndedAt is not null && move.To == to)
                return move.State == TenantMoveState.Done ? move : throw new InvalidOperationException(move.Error);
        }
    }

    private static async Task<(long Written, long Failed, double Longest, double Seconds)> WriteAsync(StorageSet set, int client, CancellationToken ending)
    {
        var (written, failed, longest) = (0L, 0L, 0.0);
        var clock = Stopwatch.StartNew();
        while (!ending.IsCancellationRequested)
        {
            var begun = clock.Elapsed;
            try
            {
                await set.Records.CommitAsync(new WriteBatch { Writes = [Put($"w{client}-{written}", """{"name":"written meanwhile"}""")] }, CancellationToken.None);
                written++;
            }
            catch (NexusException)
            {
                failed++;
            }

            longest = Math.Max(longest, (clock.Elapsed - begun).TotalMilliseconds);
            await Task.Delay(2, CancellationToken.None);
        }

        return (written, failed, longest, clock.Elapsed.TotalSeconds);
    }

    /// <summary>Rows a second of a bare COPY of the records of the tenant between the two databases, into a table with the same key.</summary>
    private static async Task<double> CopyAsync(string first, string second)
    {
        const string columns = "tenant,id,revision,created,updated,schema_version,json,words";
        await ExecuteAsync(second, "CREATE TABLE bare (tenant text, id text, revision bigint, created bigint, updated bigint, schema_version integer, json text, words tsvector, PRIMARY KEY (tenant,id))");
        await using var from = new NpgsqlConnection(first);
        await using var to = new NpgsqlConnection(second);
        await from.OpenAsync();
        await to.OpenAsync();
        var clock = Stopwatch.StartNew();
        await using (var read = await from.BeginRawBinaryCopyAsync($"COPY (SELECT {columns} FROM nexus.\"crm.people\" WHERE tenant='{Tenant}' AND id<'q') TO STDOUT (FORMAT BINARY)"))
        await using (var write = await to.BeginRawBinaryCopyAsync($"COPY bare ({columns}) FROM STDIN (FORMAT BINARY)"))
            await read.CopyToAsync(write);
        return Records / clock.Elapsed.TotalSeconds;
    }

    private static async Task ExecuteAsync(string address, string sql)
    {
        await using var connection = new NpgsqlConnection(address + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
