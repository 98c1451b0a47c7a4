using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.Faults.Tests.History;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Load;

/// <content>The state after the load, and the verdict.</content>
internal sealed partial class Workload
{
    /// <summary>Waits, bounded, until so many more events were handled.</summary>
    public async Task HandledAsync(int events, int seconds = 90)
    {
        var (began, goal) = (recorder.Now, (await EffectsAsync(recorder.Run, null)).Count + events);
        while ((await EffectsAsync(recorder.Run, null)).Count < goal)
        {
            Assert.True(recorder.Now - began < TimeSpan.FromSeconds(seconds), $"{events} events were not handled within {seconds} s: {recorder}");
            await Task.Delay(50);
        }
    }

    /// <summary>Waits, bounded, until the schedule has fired for so many times after a moment.</summary>
    public async Task TickedAsync(DateTimeOffset after, int times, int seconds = 90)
    {
        var began = recorder.Now;
        while ((await RowsAsync($"{LoadPlugin.Routes}/ticks", "")).Count(t => DateTimeOffset.Parse((string)t["dueAt"]!, CultureInfo.InvariantCulture) > after) < times)
        {
            Assert.True(recorder.Now - began < TimeSpan.FromSeconds(seconds), $"the schedule did not fire for {times} times after {after:O} within {seconds} s");
            await Task.Delay(200);
        }
    }

    /// <summary>Operations whose effects are there, of one handler or of all.</summary>
    public async Task<List<string>> EffectsAsync(string run, string? counter) =>
        [.. (await RowsAsync($"{LoadPlugin.Routes}/effects", $"filter[operation][$prefix]={run}-")).Where(e => counter is null || (string)e["counter"]! == counter).Select(e => (string)e["operation"]!)];

    /// <summary>What the checker finds in the state as it is.</summary>
    public async Task<List<string>> ViolationsAsync() => Checker.Check(recorder.All, await SettledAsync(seconds: 1));

    private async Task<FinalState> CheckAsync(int settleSeconds = 120)
    {
        var state = await SettledAsync(settleSeconds);
        recorder.Require(Checker.Check(recorder.All, state), seed);
        return state;
    }

    /// <summary>The state when every acknowledged event and task has its effect and no more effects come, or the time is up.</summary>
    private async Task<FinalState> SettledAsync(int seconds)
    {
        var began = recorder.Now;
        var history = recorder.All;
        string[] Asked(Deed deed) => [.. history.Where(o => o.Deed == deed && o.Outcome == Outcome.Ok).Select(o => o.Id)];
        var (events, tasks, loose) = (Asked(Deed.Publish), Asked(Deed.Enqueue), Asked(Deed.EnqueueLoose));
        for (var before = -1; ;)
        {
            var effects = await RowsAsync($"{LoadPlugin.Routes}/effects", $"filter[operation][$prefix]={recorder.Run}-");
            var jobs = await RowsAsync($"{LoadPlugin.Routes}/jobs", $"filter[operation][$prefix]={recorder.Run}-");
            var there = effects.Concat(jobs).Select(e => (string)e["operation"]!).ToHashSet();
            var complete = events.All(there.Contains) && tasks.All(there.Contains) && loose.All(there.Contains);
            // A second look at the same number: what is unknown may still come, and a second effect too.
            if (complete && before == effects.Count + jobs.Count || recorder.Now - began > TimeSpan.FromSeconds(seconds))
                return await StateAsync(effects, jobs);
            before = effects.Count + jobs.Count;
            await Task.Delay(700);
        }
    }

    private async Task<FinalState> StateAsync(List<JsonNode> effects, List<JsonNode> jobs)
    {
        var boxes = await RowsAsync($"{LoadPlugin.Routes}/boxes", $"filter[label][$prefix]={recorder.Run}-");
        var counters = await RowsAsync($"{LoadPlugin.Routes}/counters", "");
        var ticks = await RowsAsync($"{LoadPlugin.Routes}/ticks", "");
        var found = effects.Select(e => ((string)e["operation"]!, (string)e["counter"]!)).ToList();
        return new FinalState
        {
            Registers = boxes.ToDictionary(b => (string)b["id"]!, b => ((long)b["revision"]!, (string)b["label"]!)),
            Effects = found,
            Counters = counters.Select(c => (Name: (string)c["name"]!, Value: (long)c["value"]!)).Where(c => c.Name.StartsWith(recorder.Run + ".", StringComparison.Ordinal)).ToDictionary(c => c.Name, c => c.Value),
            Jobs = [.. jobs.Where(j => !(bool)j["loose"]!).Select(j => (string)j["operation"]!)],
            LooseJobs = [.. jobs.Where(j => (bool)j["loose"]!).Select(j => (string)j["operation"]!)],
            Journals = await JournalsAsync(),
            LedgerSum = ((JsonArray)(await GetAsync($"/api/business/ledger/books/{book}/balances"))["balances"]!).Sum(b => decimal.Parse((string)b!["amount"]!, CultureInfo.InvariantCulture)),
            LedgerFindings = [.. ((JsonArray)(await GetAsync($"/api/business/ledger/books/{book}/audit"))["checks"]!).Where(c => !(bool)c!["holds"]!).Select(c => c!.ToJsonString())],
            Cached = await CachedAsync(),
            Ticks = [.. ticks.Select(t => (string)t["dueAt"]!)],
        };
    }

    /// <summary>Each journal moves from one account to another, so the lines of one sign of all accounts are all journals.</summary>
    private async Task<List<string>> JournalsAsync()
    {
        List<string> found = [];
        foreach (var account in ((JsonArray)(await GetAsync($"/api/business/ledger/books/{book}/accounts"))["items"]!).Where(a => Accounts.Contains((string)a!["path"]!)))
        {
            var lines = await LinesAsync((string)account!["id"]!);
            found.AddRange(lines.Where(l => ((string)l["amount"]!).StartsWith('-')).Select(l => (string)l["payee"]!));
        }

        return found;
    }

    private async Task<List<(string Node, string Key, string Value)>> CachedAsync()
    {
        List<(string, string, string)> found = [];
        foreach (var key in recorder.All.Where(o => o.Deed == Deed.CacheWrite).Select(o => o.Key).Distinct())
        {
            foreach (var target in cluster.Targets.Where(t => t != cluster.Balancer))
            {
                if (await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/cache/{key}", cluster.Token) is (200, var text)) found.Add((target.Name, key, text));
            }
        }

        return found;
    }

    private async Task<string> OpenBookAsync()
    {
        async Task<JsonNode> AddAsync(string path, object body)
        {
            var (status, text) = await cluster.Targets[0].SendAsync(HttpMethod.Post, "/api/business/ledger/" + path, cluster.Token, body);
            Assert.True(status == 201, $"{path}: {status} {text}");
            return JsonNode.Parse(text)!;
        }

        var id = (string)(await AddAsync("books", new { name = $"Book {recorder.Run}", baseCommodity = "EUR" }))["id"]!;
        foreach (var account in Accounts) await AddAsync($"books/{id}/accounts", new { path = account, type = account.StartsWith('A') ? "asset" : "expense", commodity = "EUR" });
        return id;
    }

    private async Task<JsonNode> GetAsync(string path)
    {
        var (status, text) = await cluster.Targets[0].SendAsync(HttpMethod.Get, path, cluster.Token);
        Assert.True(status == 200, $"GET {path}: {status} {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>All rows of a list of records, page by page.</summary>
    public async Task<List<JsonNode>> RowsAsync(string path, string query)
    {
        List<JsonNode> rows = [];
        for (var next = $"{path}?limit=1000&{query}"; next is not null;)
        {
            var (status, text, link) = await cluster.Targets[0].PageAsync(next, cluster.Token);
            Assert.True(status == 200, $"GET {next}: {status} {text}");
            rows.AddRange(JsonNode.Parse(text)!.AsArray().OfType<JsonNode>());
            next = link;
        }

        return rows;
    }

    private async Task<List<JsonNode>> LinesAsync(string account)
    {
        List<JsonNode> lines = [];
        string? cursor = null;
        do
        {
            var page = await GetAsync($"/api/business/ledger/accounts/{account}/register?limit=1000{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}");
            lines.AddRange(page["lines"]!.AsArray().OfType<JsonNode>());
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        return lines;
    }
}
