using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Tests.Shared;
using Npgsql;

namespace Nexus.Console.Tests;

/// <summary>What people do in the console on a node that has nothing but itself, and what no engine changes.</summary>
public sealed class Walks_on_SQLite : WalkTests
{
    [Fact]
    public async Task A_page_brings_its_script_when_it_is_visited_and_nothing_comes_twice()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("loading", host);
    }

    [Fact]
    public async Task In_another_language_no_page_says_a_word_of_the_first()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("german", host, new { app = Path.Combine(Programs.Root, "src", "Nexus.Console", "app") });
    }

    [Fact]
    public async Task Values_at_their_limits_are_shown_as_they_are_and_survive_being_edited_taken_back_and_exported()
    {
        await using var host = await HostAsync();
        var zoo = PluginCompiler.Plugin(Path.Combine(host.Folder, "zoo"), "zoo", "1.0.0", """
            using System.ComponentModel.DataAnnotations;
            using System.Text.Json;

            public sealed class ZooPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin
                    .AddResource<Keeper>("keepers", keepers => keepers.Search(keeper => keeper.Name))
                    .AddResource<Beast>("beasts", beasts => beasts.Search(beast => beast.Name));
            }

            public sealed record Keeper([property: StringLength(80, MinimumLength = 1)] string Name) : Resource;

            public sealed record Place(string Street, string? Town);

            public sealed record Beast([property: StringLength(5000, MinimumLength = 1)] string Name, bool Tame) : Resource
            {
                public bool? Asleep { get; init; }
                public Money? Price { get; init; }
                [Unit("kg")] public decimal? Weight { get; init; }
                public long? Serial { get; init; }
                public double? Speed { get; init; }
                public DateOnly? Born { get; init; }
                public DateTimeOffset? Seen { get; init; }
                public IReadOnlyList<Ref<Keeper>>? Friends { get; init; }
                public IReadOnlyList<int>? Numbers { get; init; }
                public Place? Home { get; init; }
                public IReadOnlyDictionary<string, string>? Names { get; init; }
                public JsonElement? Extra { get; init; }
            }
            """, manifest => manifest["configuration"] = JsonNode.Parse("""
                {
                  "type": "object", "additionalProperties": false, "required": ["city"],
                  "$defs": { "window": { "type": "object", "properties": { "from": { "type": "string", "title": "Opens at", "pattern": "^[0-9]{2}:[0-9]{2}$" } } } },
                  "properties": {
                    "city": { "type": "string", "default": "Bonn" },
                    "hours": { "$ref": "#/$defs/window" },
                    "limit": { "type": ["integer", "null"], "minimum": 1, "default": null },
                    "level": { "type": "integer", "enum": [1, 2, 5], "default": 2 },
                    "ports": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
                    "servers": { "type": "array", "items": { "type": "object", "required": ["host"], "properties": { "host": { "type": "string" }, "port": { "type": "integer" }, "token": { "type": "string", "secret": true } } } },
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                    "key": { "type": "string", "secret": true, "minLength": 8 },
                    "export": { "type": "integer", "minimum": 1, "default": 5 },
                    "port": { "type": "integer", "default": 5 }
                  }
                }
                """));

        await Browser.WalkAsync("limits", host, new { zoo });
    }
}

/// <summary>The same on a node with PostgreSQL.</summary>
public sealed class Walks_on_PostgreSQL : WalkTests
{
    protected override async Task<string?> DatabaseAsync()
    {
        var made = new NpgsqlConnectionStringBuilder(await PostgreSqlServer.DatabaseAsync());
        return $"postgres://{made.Username}@{made.Host}:{made.Port}/{made.Database}";
    }
}

/// <summary>What people do in the console, from the outside: in a browser, against a host in its own process.</summary>
public abstract class WalkTests
{
    /// <summary>A new database for a host; null means the one inside.</summary>
    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    /// <summary>A host with samples.</summary>
    private protected Task<RunningHost> HostAsync(params string[] samples) => HostAsync(samples, []);

    private async Task<RunningHost> HostAsync(string[] samples, string[] options) => await Browser.HostAsync(samples, options, await DatabaseAsync());

    [Fact]
    public async Task A_record_is_made_found_changed_acted_on_and_deleted_without_a_line_of_its_plugin_about_pages()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("records", host);
    }

    [Fact]
    public async Task Files_are_attached_seen_by_others_downloaded_and_removed_by_who_may()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("attachments", host);
    }

    [Fact]
    public async Task Pictures_are_fetched_as_WebP_in_the_width_that_their_place_and_screen_need()
    {
        await using var host = await HostAsync("orders", Path.Combine(Programs.Plugins, "engines.pictures"));

        await Browser.WalkAsync("pictures", host);
    }

    [Fact]
    public async Task A_long_list_has_the_scrollbar_of_all_its_records_and_reads_those_that_are_looked_at()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("lists", host);
    }

    [Fact]
    public async Task Every_page_is_without_complaint_and_accessible_in_four_variants()
    {
        await using var host = await HostAsync("orders", "inventory", "users");

        await Browser.WalkAsync("pages", host);
    }

    [Fact]
    public async Task A_change_is_taken_back_and_many_records_are_changed_at_once_by_who_may()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("history", host);
    }

    [Fact]
    public async Task A_view_of_a_list_follows_its_person_and_can_be_sent_as_a_link()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("views", host);
    }

    [Fact]
    public async Task What_is_answered_late_hides_nothing_that_happened_meanwhile_and_takes_nobody_away()
    {
        await using var host = await HostAsync("orders", "inventory");
        var slow = PluginCompiler.Plugin(Path.Combine(host.Folder, "slow"), "slow", "1.0.0", """
            public sealed class SlowPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddPage("all", "Slow", new Component("module") { ["file"] = "slow.js" });
            }
            """);
        Directory.CreateDirectory(Path.Combine(slow, "ui"));
        await File.WriteAllTextAsync(Path.Combine(slow, "ui", "slow.js"), """
            export async function mount(element, context) {
              context.watch('later.things', () => { globalThis.hasHeard = true; });
              await new Promise((begun) => { globalThis.release = begun; });
              return () => { globalThis.hasEnded = true; };
            }
            """);
        var later = PluginCompiler.Plugin(Path.Combine(host.Folder, "later"), "later", "1.0.0", """
            public sealed class LaterPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddResource<Thing>("things");
            }

            public sealed record Thing(string Name) : Resource;
            """);

        await Browser.WalkAsync("late", host, new { slow, later });
    }

    [Fact]
    public async Task What_concerns_a_person_is_told_at_once_and_stays_read()
    {
        await using var host = await HostAsync("orders", "inventory");
        var chores = PluginCompiler.Plugin(Path.Combine(host.Folder, "compiled"), "chores", "1.0.0", """
            public sealed class ChoresPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin
                    .AddTask("sweep", (_, _) => Task.CompletedTask)
                    .AddTask("burn", (_, _) => throw new RuleViolationException("the fire was out"), task => task with { MaxRetries = 0 })
                    .On("chores.letter", (_, _) => throw new RuleViolationException("the letter box is shut"), handler => handler with { MaxAttempts = 1 });
            }
            """);
        var broken = PluginCompiler.Plugin(Path.Combine(host.Folder, "broken"), "broken", "1.0.0", """
            public sealed class BrokenPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => throw new InvalidOperationException("no wheels");
            }
            """);

        var names = Enumerable.Range(1, 12).Select(n => $"Thing{n}").ToArray();
        var shelf = PluginCompiler.Plugin(Path.Combine(host.Folder, "shelf"), "shelf", "1.0.0", $$"""
            public sealed class ShelfPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin)
                {
                    {{string.Join(' ', names.Select(n => $"plugin.AddResource<{n}>(\"{n.Replace("Thing", "things", StringComparison.Ordinal)}\");"))}}
                }
            }
            {{string.Join(' ', names.Select(n => $"public sealed record {n}(string Name) : Resource;"))}}
            """);

        await Browser.WalkAsync("bell", host, new { chores, broken, shelf });
    }

    [Fact]
    public async Task Rows_of_a_plugins_own_tables_are_listed_and_shown_and_nothing_in_them_writes()
    {
        await using var host = await HostAsync(Path.Combine(Programs.Plugins, "finance.ledger"));

        await Browser.WalkAsync("ledger", host);
    }

    [Fact]
    public async Task What_one_may_not_see_is_not_in_the_page()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("restricted", host);
    }

    [Fact]
    public async Task A_person_is_given_a_role_may_then_what_it_allows_and_is_told_why()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("people", host);
    }

    [Fact]
    public async Task Everybody_changes_the_own_profile_second_factor_passkeys_password_and_sessions()
    {
        await using var host = await HostAsync("orders");

        await Browser.WalkAsync("account", host);
    }

    [Fact]
    public async Task An_errand_is_done_by_the_keyboard_alone_and_the_focus_is_seen_all_the_way()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("keyboard", host);
    }

    [Fact]
    public async Task Visited_pages_open_without_the_server()
    {
        await using var host = await HostAsync("orders", "inventory");

        await Browser.WalkAsync("offline", host);
    }

    [Fact]
    public async Task Three_browsers_follow_a_plugin_that_is_installed_replaced_and_removed()
    {
        await using var host = await HostAsync("orders");
        var folder = Directory.CreateDirectory(Path.Combine(host.Folder, "compiled")).FullName;
        static string Source(string fields) => $$"""
            public sealed class NotesPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddResource<Note>("notes", _ => { });
            }

            public sealed record Note({{fields}}) : Resource;
            """;
        var first = PluginCompiler.Plugin(Path.Combine(folder, "1"), "notes", "1.0.0", Source("string Text"));
        var second = PluginCompiler.Plugin(Path.Combine(folder, "2"), "notes", "1.1.0", Source("string Text, string? Colour = null"));

        await Browser.WalkAsync("swap", host, new { first, second });
    }

    [Fact]
    public async Task An_operator_follows_events_as_they_happen_and_replays_what_failed()
    {
        await using var host = await HostAsync("orders");
        var desk = PluginCompiler.Plugin(Path.Combine(host.Folder, "compiled"), "desk", "1.0.0", """
            public sealed class DeskPlugin : IPlugin
            {
                private static int letters;

                public void Configure(IPluginBuilder plugin) => plugin
                    .On("desk.letter", (_, _) => Interlocked.Increment(ref letters) == 1 ? throw new RuleViolationException("the letter box is shut") : Task.CompletedTask, handler => handler with { MaxAttempts = 1 });
            }
            """);

        await Browser.WalkAsync("platform", host, new { desk });
    }

    [Fact]
    public async Task An_operator_sees_where_time_goes_tends_the_database_and_tries_an_operation()
    {
        await using var host = await HostAsync(["orders"], ["--database:slowQuery=1"]);
        var counter = PluginCompiler.Plugin(Path.Combine(host.Folder, "compiled"), "counter", "1.0.0", """
            using Microsoft.Extensions.Logging;
            public sealed class CounterPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
                {
                    routes.MapGet("/", async (ISqlDatabase sql) => (await sql.QueryAsync("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<300000) SELECT count(*) FROM n")).Length);
                    routes.MapGet("/say/{word}", (string word, ILoggerFactory logs) => logs.CreateLogger("counter.words").Log(word == "bad" ? LogLevel.Error : LogLevel.Information, "said {Word}", word));
                });
            }
            """);

        await Browser.WalkAsync("look", host, new { counter });
    }

    [Fact]
    public async Task What_a_plugin_brings_is_shown_to_who_may_follows_its_swap_and_breaks_in_its_own_place()
    {
        await using var host = await HostAsync("board");
        var next = CopyOf(Path.Combine(Programs.Samples, "board"), Path.Combine(host.Folder, "board-next"));
        await RewriteAsync(Path.Combine(next, "manifest.json"), "1.0.0", "1.1.0");
        await RewriteAsync(Path.Combine(next, "ui", "wall.js"), "pin: 'Pin it'", "pin: 'Pin it now'");
        await RewriteAsync(Path.Combine(next, "ui", "sketch.js"), "let ids = 0;", "let ids = 0;\nglobalThis.ask = (message) => ask(message);");
        var broken = PluginCompiler.Plugin(Path.Combine(host.Folder, "broken"), "broken", "1.0.0", """
            public sealed class BrokenPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddPage("all", "Broken", new Component("container",
                    new Component("module") { ["file"] = "wheel.js" },
                    new Component("metric") { ["label"] = "Nothing", ["source"] = "nowhere" },
                    new Component("text") { ["text"] = "What stands beside it" }));
            }
            """);
        Directory.CreateDirectory(Path.Combine(broken, "ui"));
        await File.WriteAllTextAsync(Path.Combine(broken, "ui", "wheel.js"), "export function mount() { throw new Error('the wheel came off'); }");

        await Browser.WalkAsync("contributions", host, new { next, broken });
    }

    [Fact]
    public async Task An_operator_installs_sets_updates_and_rolls_back_a_plugin_knowing_what_changes()
    {
        await using var host = await HostAsync("orders");
        const string Source = """
            public sealed class GardenPlugin : IPlugin, IStart
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes.MapGet("/", context => context.Response.WriteAsync("\"green\"")).AllowAnonymous());

                public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
                {
                    services.GetRequiredService<ILoggerFactory>().CreateLogger("garden").LogInformation("the gate is open");
                    return Task.CompletedTask;
                }
            }
            """;
        string Version(string version, string more) => PluginCompiler.Plugin(Path.Combine(host.Folder, "garden-" + version), "garden", version, Source, manifest =>
        {
            manifest["dependencies"] = JsonNode.Parse("""{"orders":"[1.0.0, 2.0.0)"}""");
            manifest["permissions"] = JsonNode.Parse("""[{"name":"http.external","reason":"asks the weather"}]""");
            manifest["configuration"] = JsonNode.Parse($$$"""{"type":"object","properties":{"greeting":{"type":"string","title":"Greeting","maxLength":20},"limit":{"type":"integer","title":"Most beds","minimum":1,"maximum":50,"default":10},"mode":{"enum":["wet","dry"],"default":"wet"},"secret":{"type":"string","secret":true}{{{more}}}}}""");
        });

        await Browser.WalkAsync("plugins", host, new { first = Version("1.0.0", ""), second = Version("1.1.0", ""","bench":{"type":"boolean","default":false}""") });
    }

    [Fact]
    public async Task Somebody_new_does_twelve_things_with_few_clicks_each()
    {
        await using var host = await HostAsync("orders", "inventory");
        var kiln = PluginCompiler.Plugin(Path.Combine(host.Folder, "kiln"), "kiln", "1.0.0", """
            public sealed class KilnPlugin : IPlugin
            {
                private static int fires;

                public void Configure(IPluginBuilder plugin) => plugin
                    .AddTask("fire", (_, _) => Interlocked.Increment(ref fires) == 1 ? throw new RuleViolationException("the kiln is cold") : Task.CompletedTask, task => task with { MaxRetries = 0 });
            }
            """);
        var garden = PluginCompiler.Plugin(Path.Combine(host.Folder, "garden"), "garden", "1.0.0", """
            public sealed class GardenPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes.MapGet("/", context => context.Response.WriteAsync("\"green\"")).AllowAnonymous());
            }
            """, manifest => manifest["configuration"] = JsonNode.Parse("""{"type":"object","properties":{"greeting":{"type":"string","title":"Greeting","maxLength":20}}}"""));

        await Browser.WalkAsync("newcomer", host, new { kiln, garden });
    }

    [Fact]
    public async Task A_resource_of_twenty_lines_has_all_its_pages_in_three_browsers_while_its_package_is_uploaded_replaced_and_removed()
    {
        await using var host = await HostAsync("orders");
        const string Source = """
            using System.ComponentModel.DataAnnotations;

            public sealed class LibraryPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddResource<Book>("books", books => books
                    .Search(book => book.Title)
                    .Action("lend", book => book.State == BookState.Here
                        ? book with { State = BookState.Lent }
                        : throw new RuleViolationException("The book is lent already.")));
            }

            public sealed record Book(
                [property: StringLength(200, MinimumLength = 1)] string Title,
                [property: StringLength(13, MinimumLength = 13)] string Isbn,
                Money? Price = null) : Resource
            {
                [ReadOnlyField] public BookState State { get; init; }
            }

            public enum BookState { Here, Lent }
            """;
        Assert.True(Source.Split('\n').Count(line => line.Trim().Length > 0) <= 20, "it has more than twenty lines");
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "library-1"), "library", "1.0.0", Source);
        var first = Path.Combine(host.Folder, "library.nxp");
        var (code, _, errors) = await Programs.CliAsync(host, "plugin", "pack", folder, "-o", first);
        Assert.True(code == 0, errors);
        var second = PluginCompiler.Plugin(Path.Combine(host.Folder, "library-2"), "library", "1.1.0", Source.Replace("Money? Price = null", "Money? Price = null, string? Shelf = null", StringComparison.Ordinal));

        await Browser.WalkAsync("twenty", host, new { first, second });
    }

    private static string CopyOf(string folder, string target)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(target, Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        return target;
    }

    private static async Task RewriteAsync(string file, string old, string now)
    {
        var text = await File.ReadAllTextAsync(file);
        Assert.Contains(old, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, text.Replace(old, now, StringComparison.Ordinal));
    }
}
