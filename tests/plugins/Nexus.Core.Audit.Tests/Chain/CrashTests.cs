using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

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
            foreach (var id in await KilledProgram.RunAsync(ChildVariable, _folder, random.Next(50, 600)))
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
        await KilledProgram.WriteForeverAsync(8, async (_, i, id) => await trail.RecordAsync(Trail.Entry(i, "crash.done") with { Subject = id }));
    }
}
