using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Core.Audit.Tests.Chain;

public sealed class CrashTests : IDisposable
{
    internal const string ChildVariable = "NEXUS_AUDIT_CHILD";

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-audit-crash-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Ten_kills_amid_sealing_lose_no_acknowledged_entry_and_double_none()
    {
        var random = new Random(11);
        var acknowledged = new HashSet<string>();
        for (var round = 0; round < 10; round++)
        {
            foreach (var id in await RunUntilKilledAsync(random.Next(50, 600)))
                Assert.True(acknowledged.Add(id), $"{id} was acknowledged twice");
        }

        await using var trail = await Trail.StartAsync(folder: _folder, durable: true);
        Assert.Equal("sound", await trail.VerifyAsync());
        Assert.Equal(0, (int)(await trail.PostAsync("/api/v1/audit/verify"))["unanchored"]!);
        var found = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = await trail.GetAsync($"/api/v1/audit?limit=1000&action=crash.done{(cursor is null ? "" : "&cursor=" + cursor)}");
            found.AddRange(page["items"]!.AsArray().Select(i => (string)i!["subject"]!));
            if ((cursor = (string?)page["nextCursor"]) is null)
                break;
        }

        Assert.Equal(found.Count, found.Distinct().Count());
        Assert.Empty(acknowledged.Except(found));
        Assert.True(acknowledged.Count > 2000, $"{acknowledged.Count} entries are too few to prove anything");
    }

    internal static async Task RecordForeverAsync(string folder)
    {
        var trail = await Trail.StartAsync(options => options.Settings["plugins:core.audit:sealMilliseconds"] = "10", folder, durable: true);
        var output = Console.OpenStandardOutput();
        var run = Guid.NewGuid().ToString("N");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; ; i++)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"{run}-{writer}-{i}");
                await trail.RecordAsync(Trail.Entry(i, "crash.done") with { Subject = id });
                lock (output)
                    output.Write(System.Text.Encoding.ASCII.GetBytes(id + ";\n"));
            }
        })));
    }

    private async Task<List<string>> RunUntilKilledAsync(int acknowledgements)
    {
        using var child = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Nexus.Core.Audit.Tests")) { RedirectStandardOutput = true, Environment = { [ChildVariable] = _folder } })!;
        var lines = new List<string>();
        while (lines.Count < acknowledgements && await child.StandardOutput.ReadLineAsync() is { } line)
            lines.Add(line);
        child.Kill();
        while (await child.StandardOutput.ReadLineAsync() is { } line)
            lines.Add(line);
        await child.WaitForExitAsync();
        Assert.True(lines.Count >= acknowledgements, $"the child ended by itself after {string.Join(", ", lines.TakeLast(3))}");
        return [.. lines.Where(l => l.EndsWith(';')).Select(l => l[..^1])];
    }
}
