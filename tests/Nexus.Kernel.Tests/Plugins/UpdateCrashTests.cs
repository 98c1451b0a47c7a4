using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>A node that is killed after the database is the new version's and before it remembers which version that was.</summary>
public sealed class UpdateCrashTests : IDisposable
{
    internal const string ChildVariable = "NEXUS_UPDATE_CHILD";

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-update-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_node_killed_between_a_migration_and_its_record_starts_with_the_version_that_the_data_is_of()
    {
        Assert.Equal(["migrated"], await KilledProgram.RunAsync(ChildVariable, folder, 1));

        await using var host = await NodeHost.StartAsync(folder);

        Assert.Equal(("2.0.0", PluginState.Active), (host.Status("shop").Version, host.Status("shop").State));
        Assert.Equal("two", await host.CallAsync("shop"));
        var records = host.Services.GetRequiredService<IPackages>().Records;
        var record = (await records.ReadAsync("shop", TestContext.Current.CancellationToken))!;
        Assert.Equal(("2.0.0", 2), (record.Version, record.SchemaVersion));
        Assert.Null(await records.Arrivals.FindArrivingAsync("shop", TestContext.Current.CancellationToken));
    }

    /// <summary>In the program: updates to a version with a migration, and hangs where the record would be written.</summary>
    internal static async Task UpdateAsync(string folder)
    {
        var host = await NodeHost.StartAsync(folder, add: services =>
        {
            var real = services.Last(s => s.ServiceType == typeof(IStorage));
            services.AddSingleton<IStorage>(provider => new Hanging((IStorage)(real.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, real.ImplementationType!))));
        });
        await host.RunAsync(new PluginCommand.Install(Version(host, "1.0.0", "one", 1)));
        await host.RunAsync(new PluginCommand.Install(Version(host, "2.0.0", "two", 2), Update: true));
    }

    private static string Version(KernelHost host, string version, string answer, int migrations)
    {
        var path = host.Version("shop", version, PluginCompiler.Answering(answer, more: "plugin.AddMigrations();"));
        Directory.CreateDirectory(Path.Combine(path, "migrations"));
        for (var i = 1; i <= migrations; i++)
            File.WriteAllText(Path.Combine(path, "migrations", $"000{i}_step.sql"), $"CREATE TABLE step{i} (id INTEGER);");
        return path;
    }

    private sealed class Hanging(IStorage real) : IStorage
    {
        public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
        {
            if (batch.Writes.Any(w => w.Key.Id == "core/plugins/shop" && Encoding.UTF8.GetString(w.Record!.Json.Span).Contains("\"version\":\"2.0.0\"", StringComparison.Ordinal)))
            {
                KilledProgram.Acknowledge("migrated");
                await Task.Delay(Timeout.Infinite, CancellationToken.None);
            }

            return await real.CommitAsync(batch, cancellationToken);
        }

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => real.FindAsync(key, cancellationToken);

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => real.QueryAsync(query, cancellationToken);
    }
}
