using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Versions that must never serve, installed over one that serves, on SQLite and under load.</summary>
public sealed class BadVersionTests
{
    private const string Things = "plugin.AddResource<Thing>(\"things\", things => things.Index(t => t.Size).Search(t => t.Name)); plugin.AddMigrations();";
    private const string Thing = "public sealed record Thing(string Name, int Size) : Resource;";

    // The bad ones change the resource too: an index more, a search field less, a field more.
    private const string MoreThings = "plugin.AddResource<Thing>(\"things\", things => things.Index(t => t.Size).Index(t => t.Name).Index(t => t.Colour)); plugin.AddResource<Other>(\"others\", _ => { }); plugin.AddMigrations();";
    private const string MoreThing = "public sealed record Thing(string Name, int Size, string? Colour = null) : Resource; public sealed record Other(string Name) : Resource;";
    private const string Start = "public Task StartAsync(IServiceProvider s, CancellationToken t)";

    [Fact]
    public async Task Twelve_bad_versions_never_serve_and_leave_the_old_one_and_its_data_as_they_were()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bad-").FullName;
        Migrate(PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Source("good", Things) + Thing), "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes(text) VALUES ('one'), ('two');");
        await using var host = await RunningHost.StartAsync([Path.Combine(folder, "shop")], ["--plugins:startTimeout=00:00:10", "--plugins:hotReload=false", "--server:accessLog=false", "--node:leaseSeconds=300", "--tasks:worker=false"]);
        await host.PostAsync("/api/custom/shop/things/", new { name = "tea", size = 3 });
        var before = Data(host);
        using var stop = new CancellationTokenSource();
        var answered = 0;
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(() => AskAsync(host, () => Interlocked.Increment(ref answered), stop.Token))).ToArray();

        var wrong = new List<string>();
        foreach (var (name, path, code) in Versions(folder))
        {
            using var answer = await host.Client.PostAsJsonAsync("/api/v1/plugins/shop/update", new { path, force = true });
            var told = (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"];
            if (answer.IsSuccessStatusCode || told != code) wrong.Add($"{name}: {(int)answer.StatusCode} {told}, expected {code}");
            var after = Data(host);
            if (after != before) wrong.Add($"{name}: the data changed:\n{string.Join('\n', after.Split('\n').Except(before.Split('\n')))}\nwas\n{string.Join('\n', before.Split('\n').Except(after.Split('\n')))}");
            if (clients.Any(c => c.IsCompleted)) wrong.Add($"{name}: a request of the old version failed");
        }

        for (var clock = System.Diagnostics.Stopwatch.StartNew(); Volatile.Read(ref answered) <= 100 && !clients.Any(c => c.IsCompleted) && clock.Elapsed < TimeSpan.FromSeconds(60);) await Task.Delay(20);
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        Assert.True(answered > 100, "too few requests for a proof");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong) + "\n" + host.Log);
        var shop = await host.UntilAsync("/api/v1/plugins/shop", p => (int)p["generationsAlive"]! == 0);
        Assert.Equal("1.0.0", (string)shop["version"]!);
        Directory.Delete(folder, recursive: true);
    }

    private static IEnumerable<(string Name, string Path, string Code)> Versions(string folder)
    {
        var number = 0;
        (string Name, string Path, string Code) Bad(string name, string code, string configure = "", string interfaces = "", string members = "", string more = "", Action<JsonObject>? manifest = null, params string[] references)
        {
            var path = PluginCompiler.Plugin(Path.Combine(folder, $"bad{++number}"), "shop", $"2.0.{number}", Source("bad", MoreThings + configure, interfaces, members) + MoreThing + more, manifest, references);
            Migrate(path, "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes(text) VALUES ('one'), ('two');", "ALTER TABLE notes ADD COLUMN more TEXT; UPDATE notes SET text = 'changed'; CREATE TABLE extra(x);");
            return (name, path, code);
        }

        yield return Bad("throws in Configure", "PLUGIN_LOAD_FAILED", "throw new InvalidOperationException(\"configure broke\");");
        yield return Bad("throws in its constructor", "PLUGIN_LOAD_FAILED", members: "public ThePlugin() => throw new InvalidOperationException(\"ctor broke\");");
        yield return Bad("throws in StartAsync", "PLUGIN_STARTUP_FAILED", interfaces: ", IStart", members: $"{Start} => throw new InvalidOperationException(\"start broke\");");
        yield return Bad("hangs in StartAsync", "PLUGIN_STARTUP_FAILED", interfaces: ", IStart", members: $"{Start} => new TaskCompletionSource().Task.WaitAsync(t);");
        yield return Bad("is unhealthy", "PLUGIN_UNHEALTHY", interfaces: ", ICheckHealth", members: "public Task<PluginHealth> CheckHealthAsync(IServiceProvider s, CancellationToken t) => Task.FromResult(new PluginHealth(HealthLevel.Unhealthy, \"no disk\"));");

        var half = Bad("breaks half way through its migrations", "MIGRATION_FAILED");
        File.WriteAllText(Path.Combine(half.Path, "migrations", "0003_broken.sql"), "DELETE FROM notes; INSERT INTO nowhere VALUES (1);");
        yield return half;

        yield return Bad("needs a plugin that is not there", "PLUGIN_DEPENDENCY_ERROR", manifest: m => m["dependencies"] = new JsonObject { ["warehouse"] = "[1.0,2.0)" });

        var library = PluginCompiler.Compile(Path.Combine(folder, "library"), "Library", "public static class Answer { public static string Get() => \"x\"; }");
        var abi = Bad("was built against another version of its library", "PLUGIN_INCOMPATIBLE", "Answer.Get();", references: library);
        PluginCompiler.Compile(abi.Path, "Library", "public static class Answer { public static string Other() => \"x\"; }");
        yield return abi;

        yield return Bad("starts slower than it may, blocking a thread", "PLUGIN_STARTUP_FAILED", interfaces: ", IStart", members: $"{Start} {{ new ManualResetEventSlim().Wait(TimeSpan.FromSeconds(15)); return Task.CompletedTask; }}");
        yield return Bad("declares a route twice", "PLUGIN_REGISTRATION_FAILED", "plugin.MapEndpoints(routes => routes.MapGet(\"/\", () => \"again\"));");

        var text = Bad("is not a managed assembly", "PLUGIN_LOAD_FAILED");
        File.WriteAllText(Path.Combine(text.Path, "Plugin.dll"), "not an assembly");
        yield return text;

        var corrupt = Path.Combine(folder, "corrupt.nxp");
        File.WriteAllBytes(corrupt, [.. "PK\u0003\u0004"u8, .. new byte[2000]]);
        yield return ("is a corrupt package", corrupt, "PLUGIN_PACKAGE_INVALID");
    }

    private static string Source(string text, string configure, string interfaces = "", string members = "") => $$"""
        public sealed class ThePlugin : IPlugin{{interfaces}}
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.MapEndpoints(routes => routes.MapGet("/", async (HttpContext http) => "{{text}} " + (await http.RequestServices.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT text FROM notes WHERE id = 1"))[0]["text"]));
                {{configure}}
            }
            {{members}}
        }

        """;

    private static void Migrate(string plugin, params string[] steps)
    {
        Directory.CreateDirectory(Path.Combine(plugin, "migrations"));
        for (var step = 0; step < steps.Length; step++) File.WriteAllText(Path.Combine(plugin, "migrations", $"000{step + 1}_step.sql"), steps[step]);
    }

    /// <summary>Schema and rows of the plugin's own file and of the main one; the event log and the counter of commits alone grow, as each failure is told.</summary>
    private static string Data(RunningHost host) => string.Join('\n', Text(host).Split('\n').Where(line => !line.StartsWith("nexus_meta|sequence|", StringComparison.Ordinal)));

    private static string Text(RunningHost host) =>
        string.Concat(Directory.GetFiles(Path.Combine(host.Folder, "data", "sql"), "*.db").Order(StringComparer.Ordinal).Select(f => $"{Path.GetFileName(f)}\n{DatabaseText.Read(f)}"))
        + DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db"), "events", "deliveries", "event_groups", "sqlite_sequence");

    private static async Task AskAsync(RunningHost host, Action answered, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = host.Address };
        while (!stop.IsCancellationRequested)
        {
            using var answer = await client.GetAsync("/api/custom/shop/", CancellationToken.None);
            var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
            Assert.True(answer.StatusCode == HttpStatusCode.OK && text == "good one", $"{(int)answer.StatusCode} {text}");
            answered();
        }
    }
}
