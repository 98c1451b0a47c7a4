using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;

namespace Nexus.Bench;

/// <summary>Reads by id and durable writes of a resource over HTTP, stored in PostgreSQL, against Npgsql with one commit a request on the same server.</summary>
internal static class PostgreSqlStoreBench
{
    private const string Note = """{"text":"A note of the benchmark","number":1}""";

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        Benches.CopyGreeter(Path.Combine(plugins, "greeter"), _ => { });
        Copy(Engine(), Path.Combine(plugins, "engines.postgresql"));
        await using var source = NpgsqlDataSource.Create(server.ConnectionString("bench") + ";Max Auto Prepare=20;Maximum Pool Size=40");
        await using (var setup = source.CreateCommand("CREATE TABLE notes (tenant text, id text, json text, PRIMARY KEY (tenant,id))"))
            await setup.ExecuteNonQueryAsync();
        await using var bare = await Child.SelfAsync("serve-row-postgresql", server.ConnectionString("bench"));
        await using var host = await Child.HostAsync(plugins, "--server:accessLog=false", "--database:type=postgresql", $"--database:connectionString={server.ConnectionString("bench")}");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
        var created = await (await client.PostAsJsonAsync("/api/custom/greeter/notes/", new { text = "A note of the benchmark", number = 1 })).EnsureSuccessStatusCode().Content.ReadAsStringAsync();
        var read = Load.Get($"/api/custom/greeter/notes/{JsonNode.Parse(created)!["id"]}");
        var readRow = Load.Get("/notes/0190c6f0-0000-7000-8000-000000000001");
        var (_, bareRate, ratio) = await Benches.InTurnsAsync(time => new Load(host.Port).RunAsync(16, time, _ => read), time => new Load(bare.Port).RunAsync(16, time, _ => readRow));

        var write = Load.Post("/api/custom/greeter/notes/", Note);
        var writeRow = Load.Post("/notes", Note);
        await new Load(host.Port).RunAsync(32, TimeSpan.FromSeconds(3), _ => write);
        var rounds = new List<(double Nexus, double Http, double Driver)>();
        for (var round = 0; round < 5; round++)
        {
            var group = await new Load(host.Port).RunAsync(32, TimeSpan.FromSeconds(2), _ => write);
            if (group.Failed > 0) throw new InvalidOperationException($"writes failed: {group.FirstError}");
            rounds.Add((group.PerSecond, (await new Load(bare.Port).RunAsync(32, TimeSpan.FromSeconds(2), _ => writeRow)).PerSecond, await CommitsAsync(source, 32, TimeSpan.FromSeconds(2))));
        }

        Directory.Delete(plugins, recursive: true);
        return
        [
            new("GET by id over bare minimal API with Npgsql", ratio, "×", Baseline: bareRate),
            new("durable POSTs, 32 clients", Benches.Median(rounds.Select(r => r.Nexus)), "/s"),
            new("durable POSTs, 32 clients, over the same POST to a minimal API with one commit a request", Benches.Median(rounds.Select(r => r.Nexus / r.Http)), "×", Baseline: Benches.Median(rounds.Select(r => r.Http))),
            new("durable POSTs, 32 clients, over 32 connections of Npgsql without HTTP, one commit an insert", Benches.Median(rounds.Select(r => r.Nexus / r.Driver)), "×", Baseline: Benches.Median(rounds.Select(r => r.Driver))),
        ];
    }

    private static async Task<double> CommitsAsync(NpgsqlDataSource source, int writers, TimeSpan duration)
    {
        var done = 0L;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            while (clock.Elapsed < duration)
            {
                await using var insert = source.CreateCommand("INSERT INTO notes VALUES ('default',$1,$2)");
                insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Guid.CreateVersion7().ToString() });
                insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Note });
                await insert.ExecuteNonQueryAsync();
                Interlocked.Increment(ref done);
            }
        })));
        return done / clock.Elapsed.TotalSeconds;
    }

    private static string Engine()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "artifacts/release/plugins/engines.postgresql"))) return Path.Combine(folder.FullName, "artifacts/release/plugins/engines.postgresql");
        }

        throw new InvalidOperationException("artifacts/release/plugins/engines.postgresql is missing; build the solution first.");
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
