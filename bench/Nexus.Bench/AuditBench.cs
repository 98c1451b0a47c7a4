using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data;

namespace Nexus.Bench;

/// <summary>What the audit trail costs writers, and how fast a million entries are sealed, verified and searched for one flipped bit.</summary>
internal static class AuditBench
{
    private const int Entries = 1_000_000;

    // The runtime still compiles methods anew for this long; the node with the trail has more of them.
    private const int WarmSeconds = 15;

    private static string Plugin { get; } = Path.GetFullPath(Path.Combine(Benches.Greeter, "../../plugins/core.audit"));

    public static async Task<IReadOnlyList<Bar>> RunAsync() => [.. await WritesAsync(), .. await MillionAsync()];

    private static async Task<IReadOnlyList<Bar>> WritesAsync()
    {
        var (without, with) = (Plugins(audit: false), Plugins(audit: true));
        await using var off = await Child.HostAsync(without, "--server:accessLog=false");
        await using var on = await Child.HostAsync(with, "--server:accessLog=false");
        var write = Load.Post("/api/custom/greeter/notes/", """{"text":"A note of the benchmark","number":1}""");
        var spent = new List<(double On, double Off)>();
        var before = (On: on.Cpu, Off: off.Cpu);
        var done = (On: 0L, Off: 0L);
        async Task<LoadResult> RunAsync(Child host, TimeSpan time)
        {
            var result = await new Load(host.Port).RunAsync(32, time, _ => write);
            done = host == on ? (done.On + result.Done, done.Off) : (done.On, done.Off + result.Done);
            return result;
        }

        var (onRate, offRate, ratio) = await Benches.InTurnsAsync(time => RunAsync(on, time), time => RunAsync(off, time), warm: WarmSeconds);
        spent.Add(((on.Cpu - before.On).TotalMicroseconds / done.On, (off.Cpu - before.Off).TotalMicroseconds / done.Off));
        Directory.Delete(without, recursive: true);
        Directory.Delete(with, recursive: true);
        return
        [
            new("durable POSTs, 32 clients, audit on over audit off", ratio, "×", 0.9, Baseline: offRate),
            new("durable POSTs, 32 clients, audit on", onRate, "/s"),
            new("processor time of the host a POST with its entry sealed, over without audit", spent[0].On / spent[0].Off, "×"),
        ];
    }

    private static async Task<IReadOnlyList<Bar>> MillionAsync()
    {
        var plugins = Plugins(audit: true);
        var folder = Directory.CreateTempSubdirectory("nexus-bench-audit-").FullName;
        await FillAsync(Path.Combine(folder, "data"));
        var bars = await MeasureAsync(plugins, folder);
        Directory.Delete(plugins, recursive: true);
        Directory.Delete(folder, recursive: true);
        return bars;
    }

    private static async Task<IReadOnlyList<Bar>> MeasureAsync(string plugins, string folder)
    {
        await using var host = await Child.HostAsync(plugins, "--server:accessLog=false", $"--database:directory={folder}/data");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}"), Timeout = TimeSpan.FromMinutes(10) };
        var clock = Stopwatch.StartNew();
        var first = await SealedAsync(client);
        while (await SealedAsync(client) < Entries) await Task.Delay(100);
        var sealing = (Entries - first) / clock.Elapsed.TotalSeconds;

        var rates = new List<double>();
        for (var round = 0; round < 3; round++)
        {
            var report = await VerifyAsync(client);
            if (!(bool)report["sound"]! || (long)report["entries"]! < Entries) throw new InvalidOperationException(report.ToJsonString());
            rates.Add((double)report["entriesPerSecond"]!);
        }

        var position = Random.Shared.Next(1, Entries + 1);
        Flip(Path.Combine(folder, "data", "sql", "core.audit.db"), position);
        var finding = (await VerifyAsync(client))["finding"];
        var located = finding is not null && (long)finding["position"]! == position && (string)finding["kind"]! == "altered";
        return
        [
            new("entries verified a second, of a million", Benches.Median(rates), "/s", 200_000),
            new("one flipped bit in a million entries located (1 yes, 0 no)", located ? 1 : 0, "", 1),
            new("entries sealed a second from a full queue", sealing, "/s"),
        ];
    }

    private static string Plugins(bool audit)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        Benches.CopyGreeter(Path.Combine(folder, "greeter"), _ => { });
        if (!audit) return folder;
        foreach (var file in Directory.EnumerateFiles(Plugin, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(folder, "core.audit", Path.GetRelativePath(Plugin, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return folder;
    }

    /// <summary>A queue of a million entries as a node leaves them that died before it sealed.</summary>
    private static async Task FillAsync(string folder)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("database:directory", folder)]).Build();
        await using var services = new ServiceCollection().AddLogging().AddNexusData(configuration).BuildServiceProvider();
        var set = await StorageOpener.OpenAsync(services);
        var at = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        for (var i = 0; i < Entries; i += 2000)
            await set.Records.CommitAsync(new WriteBatch { Audit = [.. Enumerable.Range(i, 2000).Select(n => Entry(n, at))] }, CancellationToken.None);
    }

    private static AuditEntry Entry(int number, DateTimeOffset at) => new()
    {
        At = at.AddMilliseconds(number),
        Tenant = CallContext.DefaultTenant,
        Actor = string.Create(CultureInfo.InvariantCulture, $"user-{number % 200}"),
        Action = "greeter.notes.updated",
        Subject = string.Create(CultureInfo.InvariantCulture, $"notes/0190c6f0-0000-7000-8000-{number:D12}"),
        Address = "10.20.30.40",
        UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        CorrelationId = string.Create(CultureInfo.InvariantCulture, $"0HN{number:D10}"),
        Detail = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$$"""{"revision":{{{number}}},"changes":{"text":{"old":"A note of the benchmark","new":"Another note of the benchmark"},"number":{"old":{{{number}}},"new":{{{number + 1}}} } } }""")),
    };

    private static async Task<long> SealedAsync(HttpClient client) => (long)JsonNode.Parse(await client.GetStringAsync("/api/v1/audit/status"))!["entries"]!;

    private static async Task<JsonNode> VerifyAsync(HttpClient client)
    {
        // Streamed: a long answer keeps the request alive.
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/audit/verify") { Headers = { { "Accept", "application/x-ndjson" } } };
        using var answer = await client.SendAsync(request);
        return JsonNode.Parse((await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])!;
    }

    private static void Flip(string file, int position)
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var find = connection.CreateCommand();
        find.CommandText = "SELECT seal,first,entries FROM batches WHERE first<=@position ORDER BY seal DESC LIMIT 1";
        find.Parameters.AddWithValue("@position", position);
        using var row = find.ExecuteReader();
        row.Read();
        var (seal, first, entries) = (row.GetInt64(0), row.GetInt64(1), (byte[])row.GetValue(2));
        row.Close();
        // Each entry is its length (4 bytes), 32 bytes of chain and the bytes that are hashed.
        var at = 0;
        for (var i = first; i < position; i++) at += 36 + BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(at));
        entries[at + 36 + Random.Shared.Next(BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(at)))] ^= (byte)(1 << Random.Shared.Next(8));
        using var update = connection.CreateCommand();
        update.CommandText = "UPDATE batches SET entries=@entries WHERE seal=@seal";
        update.Parameters.AddWithValue("@entries", entries);
        update.Parameters.AddWithValue("@seal", seal);
        update.ExecuteNonQuery();
    }
}
