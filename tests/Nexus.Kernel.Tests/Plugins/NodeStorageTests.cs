using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Data;
using Nexus.Kernel.Plugins;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>The kernel with the node's own package store, over SQLite.</summary>
public sealed class NodeStorageTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-node-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task What_was_installed_runs_again_after_a_restart_from_its_content_addressed_folder()
    {
        await using (var first = await StartAsync())
        {
            await first.RunAsync(new PluginCommand.Install(first.Version("hello", "1.0.0", PluginCompiler.Answering("one"))));
            await first.RunAsync(new PluginCommand.Install(first.Version("hello", "2.0.0", PluginCompiler.Answering("two")), Update: true));
            await first.RunAsync(new PluginCommand.Install(first.Version("off", "1.0.0", PluginCompiler.Answering("off"))));
            await first.RunAsync(new PluginCommand.Disable("off"));
        }

        await using var second = await StartAsync();

        Assert.Equal("two", await second.CallAsync("hello"));
        Assert.False(second.Status("off").Enabled);
        Assert.Null(second.Kernel.Current.Find("off"));
        await second.RunAsync(new PluginCommand.Rollback("hello"));
        Assert.Equal("one", await second.CallAsync("hello"));
    }

    [Fact]
    public async Task Removing_with_data_leaves_nothing_of_the_plugin_and_without_data_all_of_it()
    {
        const string source = """
            public sealed record Note : Resource { public string Text { get; set; } = ""; }
            public sealed class ThePlugin : IPlugin, IStart
            {
                public void Configure(IPluginBuilder plugin) => plugin.AddMigrations().AddResource<Note>("notes", n => n.Search(x => x.Text));
                public async Task StartAsync(IServiceProvider s, CancellationToken t)
                {
                    await s.GetRequiredService<IDocuments>().SetAsync("greeting", new Note { Text = "hello" }, t);
                    await s.GetRequiredService<IBlobs>().PutAsync(new MemoryStream(new byte[] { 1, 2, 3 }), t);
                }
            }
            """;
        await using var host = await StartAsync();
        foreach (var id in new[] { "notes", "kept" })
        {
            var version = host.Version(id, "1.0.0", source);
            Directory.CreateDirectory(Path.Combine(version, "migrations"));
            await File.WriteAllTextAsync(Path.Combine(version, "migrations", "0001_init.sql"), "CREATE TABLE own (id INTEGER);", TestContext.Current.CancellationToken);
            await host.RunAsync(new PluginCommand.Install(version));
        }

        Assert.Equal(["kept", "notes"], (await OwnersAsync(host)).Order());
        await host.RunAsync(new PluginCommand.Remove("notes", DeleteData: true));
        await host.RunAsync(new PluginCommand.Remove("kept"));

        Assert.Equal(["kept"], await OwnersAsync(host));
        Assert.Equal(["kept.db"], Directory.EnumerateFiles(Path.Combine(folder, "data", "sql"), "*.db").Select(Path.GetFileName));
        Assert.Empty(host.Kernel.List());
        Assert.Null(await host.Services.GetRequiredService<IStorage>().FindAsync(new RecordKey("default", "documents", "core/plugins/notes"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_version_that_fails_leaves_the_schema_on_SQLite_as_it_was()
    {
        await using var host = await StartAsync();
        var first = host.Version("shop", "1.0.0", PluginCompiler.Answering("one", more: "plugin.AddMigrations();"));
        Migration(first, "0001_init.sql", "CREATE TABLE stock (sku TEXT);");
        await host.RunAsync(new PluginCommand.Install(first));
        var second = host.Version("shop", "2.0.0", PluginCompiler.Answering("two", more: "plugin.AddMigrations();", interfaces: ", IStart", members: "public Task StartAsync(IServiceProvider s, CancellationToken t) => throw new InvalidOperationException(\"no\");"));
        Migration(second, "0001_init.sql", "CREATE TABLE stock (sku TEXT);");
        Migration(second, "0002_more.sql", "ALTER TABLE stock ADD COLUMN amount INTEGER; CREATE TABLE extra (id INTEGER);");
        var third = host.Version("shop", "3.0.0", PluginCompiler.Answering("three", more: "plugin.AddMigrations();"));
        Migration(third, "0001_init.sql", "CREATE TABLE stock (sku TEXT);");
        Migration(third, "0002_more.sql", "ALTER TABLE stock ADD COLUMN place TEXT;");
        var before = await SchemaAsync(host);

        await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(second, Update: true)));

        Assert.Equal("CREATE TABLE stock (sku TEXT)", before);
        Assert.Equal(before, await SchemaAsync(host));
        Assert.Equal("one", await host.CallAsync("shop"));
        await host.RunAsync(new PluginCommand.Install(third, Update: true));
        Assert.Equal("CREATE TABLE stock (sku TEXT, place TEXT)", await SchemaAsync(host));
    }

    private static void Migration(string version, string name, string sql)
    {
        Directory.CreateDirectory(Path.Combine(version, "migrations"));
        File.WriteAllText(Path.Combine(version, "migrations", name), sql);
    }

    private static async Task<string> SchemaAsync(KernelHost host) => string.Join("; ", (await host.Services.GetRequiredService<ISqlDatabases>().Get("shop", "default")
        .QueryAsync("SELECT sql FROM sqlite_master WHERE type='table' AND name NOT LIKE 'nexus%' AND name NOT LIKE 'sqlite%' ORDER BY name")).Select(r => (string)r["sql"]!));

    /// <summary>Plugins that have documents, their metadata among them.</summary>
    private static async Task<IReadOnlyList<string>> OwnersAsync(KernelHost host)
    {
        var documents = await host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = "documents", KeyPrefix = "plugins/", Limit = 500 }, TestContext.Current.CancellationToken);
        return [.. documents.Records.Select(r => r.Id.Split('/')[2]).Distinct()];
    }

    private Task<KernelHost> StartAsync() => NodeHost.StartAsync(folder);
}
