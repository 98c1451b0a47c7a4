using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Engines.PostgreSql.Tests.Sql;

/// <summary>Units of work over rows, documents, events and tasks of a plugin: one commit.</summary>
public sealed class UnitTests
{
    [Fact]
    public async Task A_unit_commits_rows_documents_events_and_tasks_together()
    {
        var (host, services) = await StartAsync();
        await using var _ = host;
        var tasks = services.GetRequiredService<ITasks>();

        var task = await services.GetRequiredService<IUnitOfWork>().RunAsync(async token =>
        {
            await InsertAsync(services, 1);
            await services.GetRequiredService<IDocuments>().SetAsync("data/a", JsonValue.Create(1), cancellationToken: token);
            await services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "mixed.done" }, cancellationToken: token);
            var id = await tasks.EnqueueAsync(new NewTask("mixed.sum"), token);
            Assert.Equal(1, await CountAsync(services));
            return id;
        });

        Assert.Equal(1, await CountAsync(services));
        Assert.NotNull(await services.GetRequiredService<IDocuments>().FindAsync("data/a"));
        Assert.Single((await host.Services.GetRequiredService<IEventStore>().ReadAsync(new EventQuery { Pattern = "mixed.done" }, CancellationToken.None)).Events);
        Assert.Equal(task, (await tasks.GetAsync(task)).Id);
    }

    [Fact]
    public async Task A_unit_that_fails_leaves_nothing_of_either()
    {
        var (host, services) = await StartAsync();
        await using var _ = host;

        await Assert.ThrowsAsync<FormatException>(async () => await services.GetRequiredService<IUnitOfWork>().RunAsync<bool>(async token =>
        {
            await InsertAsync(services, 1);
            await services.GetRequiredService<IDocuments>().SetAsync("data/a", JsonValue.Create(1), cancellationToken: token);
            throw new FormatException();
        }));

        Assert.Equal(0, await CountAsync(services));
        Assert.Null(await services.GetRequiredService<IDocuments>().FindAsync("data/a"));
        await InsertAsync(services, 2);
    }

    [Fact]
    public async Task A_unit_whose_document_was_changed_meanwhile_takes_its_rows_back_and_runs_again()
    {
        var (host, services) = await StartAsync();
        await using var _ = host;
        var documents = services.GetRequiredService<IDocuments>();
        await documents.SetAsync("data/a", JsonValue.Create(1));
        var attempts = 0;

        await services.GetRequiredService<IUnitOfWork>().RunAsync(async token =>
        {
            var read = (await documents.FindAsync("data/a", token))!;
            if (++attempts == 1)
                await host.Services.GetRequiredService<IStorage>().CommitAsync(new WriteBatch { Writes = [Opened.Put("plugins/custom/mixed/data/a", "5", IStorage.Documents, expected: read.Revision)] }, token);
            await InsertAsync(services, attempts);
            await documents.CommitAsync([new DocumentWrite("data/a", JsonValue.Create(9), read.Revision)], cancellationToken: token);
        });

        Assert.Equal((2, 1), (attempts, await CountAsync(services)));
        Assert.Equal(2L, (await services.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT id FROM rows_of_test")).Single()["id"]);
    }

    private static ValueTask<int> InsertAsync(IServiceProvider services, int id) =>
        services.GetRequiredService<ISqlDatabase>().WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO rows_of_test (id) VALUES (@id)", new Dictionary<string, object?> { ["id"] = id }));

    private static async Task<long> CountAsync(IServiceProvider services) => (long)(await services.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT count(*) AS n FROM rows_of_test")).Single()["n"]!;

    private static async Task<(PluginTestHost Host, IServiceProvider Services)> StartAsync()
    {
        var plugin = new MixedPlugin();
        var address = await PostgreSqlServer.DatabaseAsync();
        var host = await PluginTestHost.StartAsync(options =>
        {
            options.Storage = new PostgreSqlPlugin();
            options.Settings["database:type"] = "postgresql";
            options.Settings["database:connectionString"] = address;
            options.Add(new PluginManifest { Name = "mixed", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Mixes.", Entry = "" }, () => plugin);
        });
        await plugin.Services!.GetRequiredService<ISqlDatabase>().WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE rows_of_test (id INTEGER PRIMARY KEY)"));
        return (host, plugin.Services!);
    }

    private sealed class MixedPlugin : IPlugin, IStart
    {
        public IServiceProvider? Services { get; private set; }

        public void Configure(IPluginBuilder plugin) => plugin.AddTask("sum", (_, _) => Task.CompletedTask);

        public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
        {
            Services = services;
            return Task.CompletedTask;
        }
    }
}
