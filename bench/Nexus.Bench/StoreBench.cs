using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Nexus.Bench;

/// <summary>Reads by id and durable writes of a resource over HTTP.</summary>
internal static class StoreBench
{
    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        Benches.CopyGreeter(Path.Combine(plugins, "greeter"), _ => { });
        await using var host = await Child.HostAsync(plugins, "--server:accessLog=false");
        await using var bare = await Child.SelfAsync("serve-row");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
        var created = await (await client.PostAsJsonAsync("/api/custom/greeter/notes/", new { text = "A note of the benchmark", number = 1 })).EnsureSuccessStatusCode().Content.ReadAsStringAsync();
        var id = (string)JsonNode.Parse(created)!["id"]!;

        var read = Load.Get($"/api/custom/greeter/notes/{id}");
        var readRow = Load.Get("/notes/0190c6f0-0000-7000-8000-000000000001");
        var (_, bareRate, ratio) = await Benches.InTurnsAsync(time => new Load(host.Port).RunAsync(16, time, _ => read), time => new Load(bare.Port).RunAsync(16, time, _ => readRow));

        var write = Load.Post("/api/custom/greeter/notes/", """{"text":"A note of the benchmark","number":1}""");
        var bars = new List<Bar> { new("GET by id over bare minimal API with ADO.NET", ratio, "×", 0.7, Baseline: bareRate) };
        var writeRow = Load.Post("/notes", """{"text":"A note of the benchmark","number":1}""");
        var ratios = new List<(double Nexus, double Single, double Http, double Cpu)>();
        await new Load(host.Port).RunAsync(32, TimeSpan.FromSeconds(3), _ => write);
        for (var round = 0; round < 5; round++)
        {
            var cpu = host.Cpu;
            var group = await new Load(host.Port).RunAsync(32, TimeSpan.FromSeconds(2), _ => write);
            if (group.Failed > 0) throw new InvalidOperationException($"writes failed: {group.FirstError}");
            var spent = (host.Cpu - cpu).TotalMicroseconds / group.Done;
            ratios.Add((group.PerSecond, OneCommitOneSync(host.Folder, TimeSpan.FromSeconds(2)), (await new Load(bare.Port).RunAsync(32, TimeSpan.FromSeconds(2), _ => writeRow)).PerSecond, spent));
        }

        bars.Add(new("durable POSTs, 32 clients, over one commit one fsync", Benches.Median(ratios.Select(r => r.Nexus / r.Single)), "×", 8, Baseline: Benches.Median(ratios.Select(r => r.Single))));
        bars.Add(new("durable POSTs, 32 clients", Benches.Median(ratios.Select(r => r.Nexus)), "/s"));
        bars.Add(new("durable POSTs, 32 clients, over the same POST to a minimal API with one commit a request", Benches.Median(ratios.Select(r => r.Nexus / r.Http)), "×", Baseline: Benches.Median(ratios.Select(r => r.Http))));
        bars.Add(new("processor time of the host a durable POST", Benches.Median(ratios.Select(r => r.Cpu)), "µs"));
        Directory.Delete(plugins, recursive: true);
        return bars;
    }

    // The naive store on the same disk and engine: each insert its own transaction with synchronous=FULL.
    private static double OneCommitOneSync(string folder, TimeSpan duration)
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "single.db")}");
        connection.Open();
        using var setup = connection.CreateCommand();
        setup.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS notes(id TEXT PRIMARY KEY, json TEXT)";
        setup.ExecuteNonQuery();
        using var insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO notes VALUES(@id, @json)";
        var id = insert.Parameters.Add("@id", SqliteType.Text);
        insert.Parameters.AddWithValue("@json", """{"text":"A note of the benchmark","number":1}""");
        var clock = Stopwatch.StartNew();
        var done = 0;
        for (; clock.Elapsed < duration; done++)
        {
            id.Value = Guid.CreateVersion7().ToString();
            insert.ExecuteNonQuery();
        }

        return done / clock.Elapsed.TotalSeconds;
    }
}
