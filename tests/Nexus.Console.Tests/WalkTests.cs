using Nexus.EndToEnd.Tests;
using Nexus.Tests.Shared;

namespace Nexus.Console.Tests;

/// <summary>What people do in the console, from the outside: in a browser, against a host in its own process.</summary>
public sealed class WalkTests
{
    [Fact]
    public async Task A_record_is_made_found_changed_acted_on_and_deleted_without_a_line_of_its_plugin_about_pages()
    {
        await using var host = await Browser.HostAsync("orders");

        await Browser.WalkAsync("records", host);
    }

    [Fact]
    public async Task Every_page_is_without_complaint_and_accessible_in_four_variants()
    {
        await using var host = await Browser.HostAsync("orders", "inventory", "users");

        await Browser.WalkAsync("pages", host);
    }

    [Fact]
    public async Task What_one_may_not_see_is_not_in_the_page()
    {
        await using var host = await Browser.HostAsync("orders", "inventory");

        await Browser.WalkAsync("restricted", host);
    }

    [Fact]
    public async Task A_person_is_given_a_role_may_then_what_it_allows_and_is_told_why()
    {
        await using var host = await Browser.HostAsync("orders");

        await Browser.WalkAsync("people", host);
    }

    [Fact]
    public async Task Everybody_changes_the_own_profile_second_factor_passkeys_password_and_sessions()
    {
        await using var host = await Browser.HostAsync("orders");

        await Browser.WalkAsync("account", host);
    }

    [Fact]
    public async Task Visited_pages_open_without_the_server()
    {
        await using var host = await Browser.HostAsync("orders", "inventory");

        await Browser.WalkAsync("offline", host);
    }

    [Fact]
    public async Task Three_browsers_follow_a_plugin_that_is_installed_replaced_and_removed()
    {
        await using var host = await Browser.HostAsync("orders");
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
        await using var host = await Browser.HostAsync("orders");
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
        await using var host = await Browser.HostAsync(["orders"], ["--database:slowQuery=1"]);
        var counter = PluginCompiler.Plugin(Path.Combine(host.Folder, "compiled"), "counter", "1.0.0", """
            public sealed class CounterPlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes.MapGet("/", async (ISqlDatabase sql) =>
                    (await sql.QueryAsync("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<300000) SELECT count(*) FROM n")).Length));
            }
            """);

        await Browser.WalkAsync("look", host, new { counter });
    }
}
