using System.Diagnostics;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>A disk on which not one byte is left, under either storage: what was acknowledged is there, what was refused is not, and the node goes on by itself once there is space.</summary>
[Collection<OneCluster>]
public sealed class DiskTests
{
    [Fact]
    public async Task A_full_disk_under_SQLite_refuses_writes_serves_reads_says_so_and_is_over_when_there_is_space()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-faults-");
        await using var disk = await SmallDisk.MountAsync(megabytes: 48);
        await using var host = await RunningHost.StartAsync([LoadPlugin.Compile(folder.FullName)], [$"--database:directory={disk.Folder}/data"]);

        await FillAndFreeAsync(host, disk, () => Task.CompletedTask);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_full_disk_under_PostgreSql_refuses_writes_says_so_and_is_over_when_there_is_space()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-faults-");
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        await using var disk = await SmallDisk.MountAsync(megabytes: 160);
        await using var server = await PostgreSqlServer.StartInAsync(Directory.CreateDirectory(Path.Combine(disk.Folder, "server")).FullName, "max_wal_size=48MB", "min_wal_size=32MB");
        await using var host = await RunningHost.StartAsync([LoadPlugin.Compile(folder.FullName), Path.Combine(Programs.Plugins, "engines.postgresql")], ["--database:type=postgresql", $"--database:connectionString={await server.MakeDatabaseAsync()}"]);

        // A server that could not even write its log has ended, and what watches over services starts it.
        await FillAndFreeAsync(host, disk, async () => { if (server.HasEnded) await server.StartAgainAsync(); });
        folder.Delete(recursive: true);
    }

    private static async Task FillAndFreeAsync(RunningHost host, SmallDisk disk, Func<Task> superviseAsync)
    {
        using var target = new Target("host", host.Address, seconds: 60);
        var (acknowledged, refused) = (new List<string>(), new List<string>());
        async Task<(int Status, string Text)> CreateAsync()
        {
            var id = $"{Guid.CreateVersion7()}";
            var answer = await target.SendAsync(HttpMethod.Post, $"{LoadPlugin.Routes}/boxes", null, new { id, label = new string('x', 120) });
            if (answer.Status == 201) acknowledged.Add(id);
            else if (answer.Status > Target.NoAnswer) refused.Add(id);
            return answer;
        }

        for (var i = 0; i < 20; i++) Assert.Equal(201, (await CreateAsync()).Status);
        await disk.FillAsync();
        var (status, text) = (201, "");
        for (var i = 0; status == 201 && i < 20_000; i++)
        {
            (status, text) = await CreateAsync();
            // What the engine gave back meanwhile is taken as well.
            if (i % 50 == 49) await disk.FillAsync();
        }

        var said = await SaysAsync(target, full: true);
        var (read, _) = await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/boxes/{acknowledged[0]}", null);
        // A server that goes on writing its log may end of it at any moment, and then nothing is read.
        var after = await SaysAsync(target, full: true);
        disk.Free();
        await superviseAsync();
        await SaysAsync(target, full: false);
        var again = (await CreateAsync()).Status;
        await host.KillAndRestartAsync();
        var there = new HashSet<string>();
        for (var next = $"{LoadPlugin.Routes}/boxes?limit=1000"; next is not null;)
        {
            (_, var page, next) = await target.PageAsync(next, null);
            there.UnionWith(JsonNode.Parse(page)!.AsArray().Select(box => (string)box!["id"]!));
        }

        Assert.Equal(503, status);
        Assert.Contains("STORAGE_UNAVAILABLE", text, StringComparison.Ordinal);
        if (said.Contains("is full", StringComparison.Ordinal) && after.Contains("is full", StringComparison.Ordinal)) Assert.Equal(200, read);
        Assert.Equal(201, again);
        Assert.Subset(there, acknowledged.ToHashSet());
        Assert.Equal([], refused.Where(there.Contains));
    }

    /// <summary>Waits, bounded, until the health of the storage is as it must be, and gives back its words.</summary>
    private static async Task<string> SaysAsync(Target target, bool full)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var (_, text) = await target.SendAsync(HttpMethod.Get, "/health", null);
            var storage = text.StartsWith('{') ? JsonNode.Parse(text)!["dependencies"]?.AsArray().FirstOrDefault(d => (string)d!["name"]! == "storage") : null;
            if (storage is not null && (string)storage["status"]! != "Healthy" == full) return (string?)storage["detail"] ?? "";
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(90), $"the health of the storage does not say that the disk is {(full ? "full" : "free again")}: {text}");
            await Task.Delay(100);
        }
    }
}
