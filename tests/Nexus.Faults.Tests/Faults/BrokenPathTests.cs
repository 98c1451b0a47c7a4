using System.Text.Json.Nodes;
using Nexus.Faults.Tests.History;
using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>The negative control on the real thing: what is broken behind the back of the load is found in the state that is read at its end.</summary>
[Collection<OneCluster>]
public sealed class BrokenPathTests(Cluster cluster)
{
    [Fact]
    public async Task A_dropped_write_a_changed_one_a_doubled_effect_and_a_dropped_task_behind_the_back_of_the_load_are_found()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 441);
        await load.ProgressAsync(300);
        await load.EndAsync();
        // What the load itself left in doubt explains a loss: here only what is missed beyond doubt is taken.
        var history = load.Recorder.All;
        var certain = history.GroupBy(o => o.Key).Where(g => g.Any(o => o is { Deed: Deed.Create, Outcome: Outcome.Ok }) && g.All(o => o.Deed != Deed.Delete && o.Outcome != Outcome.Unknown)).Select(g => g.Key).ToHashSet();
        HashSet<string> Acknowledged(Deed deed) => [.. history.Where(o => o.Deed == deed && o.Outcome == Outcome.Ok).Select(o => o.Id)];
        async Task<JsonNode> OneAsync(string path, HashSet<string> of) => (await load.RowsAsync($"{LoadPlugin.Routes}/{path}", $"filter[operation][$prefix]={load.Recorder.Run}-")).First(row => of.Contains((string)row["operation"]!));
        var boxes = (await load.RowsAsync($"{LoadPlugin.Routes}/boxes", $"filter[label][$prefix]={load.Recorder.Run}-")).Where(box => certain.Contains((string)box["id"]!)).ToList();
        var (effect, job) = (await OneAsync("effects", Acknowledged(Deed.Publish)), await OneAsync("jobs", Acknowledged(Deed.Enqueue)));
        async Task SendAsync(HttpMethod method, string path, object? body = null, string? ifMatch = null)
        {
            var (status, text) = await cluster.Targets[1].SendAsync(method, $"{LoadPlugin.Routes}/{path}", cluster.Token, body, ifMatch is null ? [] : [("If-Match", $"\"{ifMatch}\"")]);
            Assert.True(status is >= 200 and < 300, $"{path}: {status} {text}");
        }

        await SendAsync(HttpMethod.Delete, $"boxes/{boxes[0]["id"]}", ifMatch: $"{boxes[0]["revision"]}");
        await SendAsync(HttpMethod.Put, $"boxes/{boxes[1]["id"]}", new { label = $"{load.Recorder.Run}-other" }, $"{boxes[1]["revision"]}");
        await SendAsync(HttpMethod.Post, "effects", new { operation = (string)effect["operation"]!, counter = (string)effect["counter"]! });
        await SendAsync(HttpMethod.Delete, $"jobs/{job["id"]}", ifMatch: $"{job["revision"]}");
        var found = await load.ViolationsAsync();

        Assert.Contains(found, f => f.StartsWith($"register {boxes[0]["id"]}: ", StringComparison.Ordinal) && f.EndsWith(", and lost", StringComparison.Ordinal));
        Assert.Contains(found, f => f.StartsWith($"register {boxes[1]["id"]}: the last state has {load.Recorder.Run}-other", StringComparison.Ordinal));
        Assert.Contains($"effect {effect["operation"]} (Ok) is there 2 times", found);
        Assert.Contains(found, f => f.Contains($"task {job["operation"]} was acknowledged by", StringComparison.Ordinal) && f.EndsWith("and is lost", StringComparison.Ordinal));
    }
}
