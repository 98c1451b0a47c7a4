using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What a plugin may store, whichever way it stores it.</summary>
public sealed class StorageQuotaTests
{
    private const string Source = """
        public sealed record Note(string Text) : Resource;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Note>("notes", _ => { });
                plugin.AddMigrations();
                plugin.MapEndpoints(routes =>
                {
                    routes.MapPost("/rows", async (ISqlDatabase sql) => await sql.WriteAsync(async (session, _) => await session.ExecuteAsync("INSERT INTO rows(text) VALUES (hex(randomblob(5000)))")));
                    routes.MapDelete("/rows", async (ISqlDatabase sql) => await sql.WriteAsync(async (session, _) => await session.ExecuteAsync("DELETE FROM rows")));
                });
            }
        }
        """;

    [Fact]
    public async Task A_storage_quota_holds_for_records_and_SQL_over_restarts_and_leaves_deleting()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-quota-").FullName;
        var plugin = Path.Combine(folder, "store");
        PluginCompiler.Plugin(plugin, "store", "1.0.0", Source);
        Directory.CreateDirectory(Path.Combine(plugin, "migrations"));
        await File.WriteAllTextAsync(Path.Combine(plugin, "migrations", "0001_rows.sql"), "CREATE TABLE rows(id INTEGER PRIMARY KEY, text TEXT);");
        string[] settings = ["--plugins:quotas:store:storageBytes=200000", "--plugins:quotaInterval=00:00:00.2", "--server:accessLog=false"];
        await using var host = await RunningHost.StartAsync([plugin], settings);
        var ids = new List<string>();
        HttpResponseMessage refused;
        for (; (refused = await NoteAsync(host)).StatusCode == HttpStatusCode.Created; refused.Dispose())
            ids.Add((string)(await refused.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken))!["id"]!);
        var problem = (await refused.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken))!;
        refused.Dispose();

        Assert.Equal((HttpStatusCode.TooManyRequests, "QUOTA_EXCEEDED"), (refused.StatusCode, (string?)problem["code"]));
        Assert.InRange(ids.Count, 10, 19);

        await host.RestartAsync(settings);
        // Some may come between the start and the first measurement; without it there would be room for as many as at first.
        var more = await SoonAsync(host, () => NoteAsync(host), HttpStatusCode.TooManyRequests, "the records of before the restart count", 2000);
        Assert.InRange(more, 0, ids.Count - 5);
        Assert.Equal(ids.Count + more, RunningHost.Rows(await host.GetAsync("/api/custom/store/notes?limit=100")).Count);
        // As many as came, and room for what a measurement finds beside the records: the plugin's own database.
        foreach (var id in ids.Take(more + 5))
        {
            using var removed = await host.Client.DeleteAsync($"/api/custom/store/notes/{id}", TestContext.Current.CancellationToken);
            Assert.True(removed.IsSuccessStatusCode);
        }

        await SoonAsync(host, () => NoteAsync(host), HttpStatusCode.Created, "what was deleted is free again");

        foreach (var id in RunningHost.Rows(await host.GetAsync("/api/custom/store/notes?limit=100")).Select(n => (string)n["id"]!))
            (await host.Client.DeleteAsync($"/api/custom/store/notes/{id}", TestContext.Current.CancellationToken)).Dispose();
        await SoonAsync(host, () => host.Client.PostAsync("/api/custom/store/rows", null, TestContext.Current.CancellationToken), HttpStatusCode.TooManyRequests, "SQL counts when it is measured");
        using var deleted = await host.Client.DeleteAsync("/api/custom/store/rows", TestContext.Current.CancellationToken);
        Assert.True(deleted.IsSuccessStatusCode, await deleted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await SoonAsync(host, () => host.Client.PostAsync("/api/custom/store/rows", null, TestContext.Current.CancellationToken), HttpStatusCode.OK, "deleted rows are free again");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Attachments_count_as_what_a_plugin_stores_and_are_free_again_when_they_are_removed()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-quota-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "store"), "store", "1.0.0", "public sealed record Note(string Text) : Resource; public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.AddResource<Note>(\"notes\", notes => notes.Attachments()); }");
        string[] settings = ["--plugins:quotas:store:storageBytes=200000", "--plugins:quotaInterval=00:00:00.2", "--server:accessLog=false"];
        await using var host = await RunningHost.StartAsync([plugin], settings);
        var files = $"/api/custom/store/notes/{(string)(await host.PostAsync("/api/custom/store/notes", new { text = "x" }))["id"]!}/attachments";
        Task<HttpResponseMessage> AttachAsync(int n) => host.Client.PostAsync($"{files}?name={n}.bin", new ByteArrayContent([.. Enumerable.Repeat((byte)n, 60_000)]), TestContext.Current.CancellationToken);
        for (var n = 0; n < 3; n++)
        {
            using var added = await AttachAsync(n);
            Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        }

        using (var refused = await AttachAsync(3))
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        await host.RestartAsync(settings);
        // Before the first measurement nothing is known to be stored.
        await SoonAsync(host, () => AttachAsync(4), HttpStatusCode.TooManyRequests, "the attachments of before the restart count", 2000);
        foreach (var file in RunningHost.Rows(await host.GetAsync(files)))
            (await host.Client.DeleteAsync((string)file["url"]!, TestContext.Current.CancellationToken)).Dispose();
        await SoonAsync(host, () => AttachAsync(5), HttpStatusCode.Created, "what was removed is free again");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Calls_of_resources_count_as_calls_by_REST_and_by_GraphQL()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-quota-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "store"), "store", "1.0.0", "public sealed record Note(string Text) : Resource; public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.AddResource<Note>(\"notes\", _ => { }); }");
        await using var host = await RunningHost.StartAsync([plugin], ["--plugins:quotas:store:apiCallsPerMinute=4", "--server:accessLog=false"]);
        var rest = new List<HttpStatusCode>();
        var graph = new List<string>();
        for (var i = 0; i < 9; i++)
        {
            using var answer = await host.Client.GetAsync("/api/custom/store/notes", TestContext.Current.CancellationToken);
            rest.Add(answer.StatusCode);
        }

        for (var i = 0; i < 9; i++)
        {
            using var answer = await host.Client.PostAsJsonAsync("/graphql", new { query = "{ storeNotes(first: 1) { nodes { id } } }" }, TestContext.Current.CancellationToken);
            graph.Add(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        // A minute of the clock may begin in between, and then another four are allowed.
        Assert.InRange(rest.Count(s => s == HttpStatusCode.OK), 4, 8);
        Assert.Equal(9, rest.Count(s => s is HttpStatusCode.OK or HttpStatusCode.TooManyRequests));
        Assert.Contains(graph, text => text.Contains("QUOTA_EXCEEDED", StringComparison.Ordinal));
        Directory.Delete(folder, recursive: true);
    }

    private static Task<HttpResponseMessage> NoteAsync(RunningHost host) => host.Client.PostAsJsonAsync("/api/custom/store/notes", new { text = new string('x', 10_000) });

    /// <summary>How often something was asked before the answer was as expected.</summary>
    private static async Task<int> SoonAsync(RunningHost host, Func<Task<HttpResponseMessage>> ask, HttpStatusCode expected, string because, int milliseconds = 100)
    {
        for (var turn = 0; ; turn++)
        {
            using var answer = await ask();
            if (answer.StatusCode == expected)
                return turn;
            Assert.True(turn < 600, $"{because}: {(int)answer.StatusCode}\n{host.Log}");
            await Task.Delay(milliseconds);
        }
    }
}
