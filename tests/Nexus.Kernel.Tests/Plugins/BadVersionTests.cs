using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>A bad version never serves, and the old one fails no call.</summary>
public sealed class BadVersionTests
{
    public static TheoryData<string, string, string> Versions => new()
    {
        { "throws in Configure", PluginCompiler.Answering("bad", "throw new InvalidOperationException(\"configure broke\");"), "PLUGIN_LOAD_FAILED" },
        { "throws in its constructor", PluginCompiler.Answering("bad", members: "public ThePlugin() => throw new InvalidOperationException(\"ctor broke\");"), "PLUGIN_LOAD_FAILED" },
        { "throws in Start", PluginCompiler.Answering("bad", interfaces: ", IStart", members: "public Task StartAsync(IServiceProvider s, CancellationToken t) => throw new InvalidOperationException(\"start broke\");"), "PLUGIN_STARTUP_FAILED" },
        { "hangs in Start", PluginCompiler.Answering("bad", interfaces: ", IStart", members: "public Task StartAsync(IServiceProvider s, CancellationToken t) => Task.Delay(-1, t);"), "PLUGIN_STARTUP_FAILED" },
        { "blocks past the limit", PluginCompiler.Answering("bad", interfaces: ", IStart", members: "public Task StartAsync(IServiceProvider s, CancellationToken t) { t.WaitHandle.WaitOne(); return Task.CompletedTask; }"), "PLUGIN_STARTUP_FAILED" },
        { "is unhealthy", PluginCompiler.Answering("bad", interfaces: ", ICheckHealth", members: "public Task<PluginHealth> CheckHealthAsync(IServiceProvider s, CancellationToken t) => Task.FromResult(new PluginHealth(HealthLevel.Unhealthy, \"no disk\"));"), "PLUGIN_UNHEALTHY" },
        { "declares a route twice", PluginCompiler.Answering("bad", "plugin.MapEndpoints(routes => routes.MapGet(\"/\", () => \"again\"));"), "PLUGIN_REGISTRATION_FAILED" },
        { "breaks half way through its migrations", PluginCompiler.Answering("bad", "plugin.AddMigrations(\".\");"), "MIGRATION_FAILED" },
        { "has no plugin class", "public sealed class Nothing;", "PLUGIN_LOAD_FAILED" },
    };

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_version_that_fails_is_never_published_and_the_old_one_serves(string what, string source, string code)
    {
        var schema = new FailingSchema();
        // Short for those alone that never come up: others fail of their own fault, however slow the machine is.
        var hangs = what is "hangs in Start" or "blocks past the limit";
        var limits = new PluginsOptions();
        await using var host = new KernelHost(o => limits = o, s => s.AddSingleton<ISchemaChanges>(schema));
        host.Add("hello", PluginCompiler.Answering("good"));
        await host.StartAsync();
        var before = host.Kernel.Current.Version;
        limits.StartTimeout = hangs ? TimeSpan.FromSeconds(3) : TimeSpan.FromMinutes(2);

        var bad = host.Version("hello", "2.0.0", source);
        await File.WriteAllTextAsync(Path.Combine(bad, "0001_first.sql"), "CREATE TABLE half (id)");

        var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(bad, Update: true)));

        Assert.True(code == error.Code, $"{what}: {error.Code} {error.Message}");
        Assert.Equal(before, host.Kernel.Current.Version);
        Assert.Equal("good", await host.CallAsync("hello"));
        Assert.Equal((PluginState.Active, "1.0.0"), (host.Status("hello").State, host.Status("hello").Version));
        Assert.Equal(error.Message, host.Status("hello").Cause);
        await host.Kernel.RetiredAsync("hello");
        Assert.Equal(0, host.Status("hello").GenerationsAlive);
    }

    [Fact]
    public async Task An_entry_that_is_not_managed_or_lacks_a_dependency_or_a_method_is_refused()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("good"));
        await host.StartAsync();
        var text = Path.Combine(host.Folder, "text");
        PluginCompiler.WriteManifest(text, "hello", "2.0.0");
        await File.WriteAllTextAsync(Path.Combine(text, "Plugin.dll"), "not an assembly");
        var library = PluginCompiler.Compile(Path.Combine(host.Folder, "library"), "Library", "public static class Answer { public static string Get() => \"x\"; }");
        var missing = host.Version("hello", "2.1.0", PluginCompiler.Answering("bad", "Answer.Get();"), null, library);
        File.Delete(Path.Combine(missing, "Library.dll"));
        var wrong = host.Version("hello", "2.2.0", PluginCompiler.Answering("bad", "Answer.Get();"), null, library);
        PluginCompiler.Compile(wrong, "Library", "public static class Answer { public static string Other() => \"x\"; }");

        foreach (var (path, code) in new[] { (text, "PLUGIN_LOAD_FAILED"), (missing, "PLUGIN_LOAD_FAILED"), (wrong, "PLUGIN_INCOMPATIBLE") })
        {
            var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(path, Update: true)));
            Assert.True(code == error.Code, $"{path}: {error.Code} {error.Message}");
            Assert.Equal("good", await host.CallAsync("hello"));
        }
    }

    private sealed class FailingSchema : ISchemaChanges
    {
        public ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken) =>
            throw new NexusException(ErrorCodes.MigrationFailed, "0002_more.sql: no such table");

        public ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => ValueTask.FromResult(0L);
    }
}
