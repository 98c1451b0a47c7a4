using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Commands that work on a folder, without a host.</summary>
public sealed class NodeFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-folder-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_folder_is_made_a_nodes_described_and_checked()
    {
        var made = await RunAsync("init", "--set", "server.port=9001");
        var again = await RunAsync("project", "init");
        PluginCompiler.Plugin(Path.Combine(folder, "plugins", "hello"), "hello", "1.2.0", PluginCompiler.Answering("hello"));
        var valid = await RunAsync("validate");
        var info = JsonNode.Parse((await RunAsync("project", "info", "--json")).Output)!;
        PluginCompiler.WriteManifest(Path.Combine(folder, "plugins", "broken"), "Broken!", "one");
        var broken = await RunAsync("project", "validate");
        await File.AppendAllTextAsync(Path.Combine(folder, "nexus.yaml"), "servr:\n  port: 1\n");
        var wrong = await RunAsync("validate");

        Assert.Equal((0, 64), (made.ExitCode, again.ExitCode));
        Assert.Contains("--force replaces it", again.Errors, StringComparison.Ordinal);
        Assert.Equal(0, valid.ExitCode);
        Assert.Contains("ok  plugins/hello", valid.Output, StringComparison.Ordinal);
        Assert.Equal(("http://127.0.0.1:9001", "hello", "1.2.0"), ((string)info["address"]!, (string)info["plugins"]![0]!["id"]!, (string)info["plugins"]![0]!["version"]!));
        Assert.Equal(65, broken.ExitCode);
        Assert.Contains("!!  plugins/broken", broken.Output, StringComparison.Ordinal);
        Assert.Contains("/name", broken.Output, StringComparison.Ordinal);
        Assert.Equal(65, wrong.ExitCode);
        Assert.Contains("did you mean 'server'?", wrong.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("basic", "development")]
    [InlineData("development", "development")]
    [InlineData("staging", "staging")]
    [InlineData("production", "production")]
    [InlineData("dr", "dr")]
    public async Task Each_template_is_cloned_with_overrides_and_keeps_its_comments(string template, string environment)
    {
        var written = await RunAsync("config", "init", "-t", template, "--set", "server.port=9100", "--set", "server.limits.jsonDepth=5", "--set", "custom.greeting=Hello: you", "-o", "nexus.yaml");
        var shown = await RunAsync("config", "show", "--json");
        var values = JsonNode.Parse(shown.Output)!.AsArray().ToDictionary(v => (string)v!["key"]!, v => (string?)v!["value"]);

        Assert.True(written.ExitCode == 0, written.Errors);
        Assert.StartsWith("#", await File.ReadAllTextAsync(Path.Combine(folder, "nexus.yaml")), StringComparison.Ordinal);
        Assert.Equal((environment, "9100", "5", "Hello: you"), (values["environment"], values["server:port"], values["server:limits:jsonDepth"], values["custom:greeting"]));
    }

    [Fact]
    public async Task The_defaults_and_each_environment_are_shown_with_the_source_of_each_value()
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "nexus.yaml"), "server:\n  port: 9100\nenvironments:\n  staging:\n    server:\n      port: 9200\n", TestContext.Current.CancellationToken);
        var defaults = Shown(await RunAsync("config", "show", "--defaults", "--json"));
        var here = Shown(await RunAsync("config", "show", "--env", "--json"));
        var staging = Shown(await RunAsync("config", "show", "--env", "staging", "--json"));

        Assert.Equal(("8000", "default"), defaults["server:port"]);
        Assert.All(defaults.Values, value => Assert.Equal("default", value.Source));
        Assert.True(defaults.Count > 100, $"{defaults.Count} defaults");
        Assert.Equal(("development", "9100"), (here["environment"].Value, here["server:port"].Value));
        Assert.DoesNotContain(here, value => value.Key != "environment" && value.Value.Source == "default");
        Assert.Equal(("staging", "9200"), (staging["environment"].Value, staging["server:port"].Value));
        Assert.Contains("nexus.yaml:6", staging["server:port"].Source, StringComparison.Ordinal);

        static Dictionary<string, (string? Value, string Source)> Shown((int ExitCode, string Output, string Errors) run)
        {
            Assert.True(run.ExitCode == 0, run.Errors);
            return JsonNode.Parse(run.Output)!.AsArray().ToDictionary(v => (string)v!["key"]!, v => ((string?)v!["value"], (string)v["source"]!));
        }
    }

    [Theory]
    [InlineData("config init -t nonsense", 64)]
    [InlineData("config init --set port", 64)]
    [InlineData("config init --set server.port=many", 65)]
    [InlineData("config init --set servr.port=1", 65)]
    public async Task An_override_that_does_not_fit_writes_nothing(string command, int exitCode)
    {
        var refused = await RunAsync(command.Split(' '));

        Assert.True(refused.ExitCode == exitCode, refused.Output + refused.Errors);
        Assert.NotEqual("", refused.Errors);
        Assert.False(File.Exists(Path.Combine(folder, "nexus.yaml")));
    }

    [Fact]
    public async Task Each_environment_starts_and_production_does_not_without_identity()
    {
        foreach (var template in new[] { "development", "staging", "dr" })
        {
            Assert.Equal(0, (await RunAsync("config", "init", "-t", template, "--force")).ExitCode);
            var migrated = await RunAsync("db", "migrate");
            Assert.True(migrated.ExitCode == 0, $"{template}: {migrated.Output}{migrated.Errors}");
        }

        Assert.Equal(0, (await RunAsync("config", "init", "-t", "production", "--force")).ExitCode);
        var keyless = await RunAsync("run", "--server:port=0");
        Assert.Contains("encryption.file", keyless.Errors, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(folder, "master.key"), Convert.ToBase64String(new byte[32]));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path.Combine(folder, "master.key"), UnixFileMode.UserRead);
        var refused = await RunAsync("run", "--server:port=0");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("IDENTITY_REQUIRED", refused.Errors, StringComparison.Ordinal);
        await File.AppendAllTextAsync(Path.Combine(folder, "nexus.yaml"), "custom:\n  adminPassword: changeme\n");
        var unsafeValue = await RunAsync("run", "--server:port=0");
        Assert.Equal(78, unsafeValue.ExitCode);
        Assert.Contains("custom.adminPassword", unsafeValue.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_database_is_made_migrated_and_emptied()
    {
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "plugins", "shop"), "shop", "1.0.0", PluginCompiler.Answering("shop", "plugin.AddMigrations();"));
        Directory.CreateDirectory(Path.Combine(plugin, "migrations"));
        await File.WriteAllTextAsync(Path.Combine(plugin, "migrations", "0001_notes.sql"), "CREATE TABLE notes(id INTEGER PRIMARY KEY);");

        var made = await RunAsync("db", "init");
        var migrated = await RunAsync("db", "migrate");
        var migratedFiles = Directory.GetFiles(Path.Combine(folder, "data"), "*", SearchOption.AllDirectories).Length;
        var unsure = await RunAsync("db", "reset");
        var reset = await RunAsync("db", "reset", "--yes");
        var resetFiles = Directory.GetFiles(Path.Combine(folder, "data"), "*", SearchOption.AllDirectories).Length;
        await File.WriteAllTextAsync(Path.Combine(plugin, "migrations", "0001_notes.sql"), "CREATE NONSENSE;");
        var failed = await RunAsync("db", "migrate");

        Assert.Equal((0, 0, 64, 0), (made.ExitCode, migrated.ExitCode, unsure.ExitCode, reset.ExitCode));
        Assert.Contains("sqlite in", made.Output, StringComparison.Ordinal);
        Assert.Contains("shop 1.0.0", migrated.Output, StringComparison.Ordinal);
        Assert.Contains("usage: nexus db reset --yes", unsure.Errors, StringComparison.Ordinal);
        Assert.InRange(resetFiles, 1, migratedFiles - 1);
        Assert.Equal(65, failed.ExitCode);
        Assert.Contains("MIGRATION_FAILED", failed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_in_use_is_not_reset()
    {
        await using var host = await RunningHost.StartAsync();

        var refused = await RunAsync("db", "reset", "--yes", $"--database:directory={host.Folder}/data");

        Assert.Equal(65, refused.ExitCode);
        Assert.Contains("STORAGE_UNAVAILABLE", refused.Errors, StringComparison.Ordinal);
        Assert.Equal("healthy", ((string)(await host.GetAsync("/health"))["status"]!).ToLowerInvariant());
    }

    [Fact]
    public async Task The_guide_becomes_a_site_and_a_broken_link_is_told()
    {
        Directory.CreateDirectory(Path.Combine(folder, "pages"));
        await File.WriteAllTextAsync(Path.Combine(folder, "pages", "README.md"), "# Start\n\nSee [more](more.md#deep).\n");
        await File.WriteAllTextAsync(Path.Combine(folder, "pages", "more.md"), "# More\n\n## Deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");

        var built = await RunAsync("dev-tools", "docs", "pages", "-o", "site");
        var index = await File.ReadAllTextAsync(Path.Combine(folder, "site", "index.html"));
        var contract = await File.ReadAllTextAsync(Path.Combine(folder, "site", "contract.html"));
        await File.AppendAllTextAsync(Path.Combine(folder, "pages", "README.md"), "\n[gone](gone.md) and [deeper](more.md#deeper)\n");
        var broken = await RunAsync("dev-tools", "docs", "pages", "-o", "site");
        var guide = await RunAsync("dev-tools", "docs", "-o", "guide");

        Assert.True(built.ExitCode == 0, built.Errors);
        Assert.Contains("href=\"more.html#deep\"", index, StringComparison.Ordinal);
        Assert.Contains("IPluginBuilder", contract, StringComparison.Ordinal);
        Assert.Equal(65, broken.ExitCode);
        Assert.Contains("README.md: gone.md", broken.Errors, StringComparison.Ordinal);
        Assert.Contains("README.md: more.md#deeper", broken.Errors, StringComparison.Ordinal);
        Assert.True(guide.ExitCode == 0, guide.Errors);
    }

    [Fact]
    public async Task Tests_of_a_plugin_are_run_and_counted()
    {
        var nothing = await RunAsync("test", "run");
        Assert.Equal(0, (await RunAsync("new", "plugin", "shop.counted")).ExitCode);
        var passed = await RunAsync("test", "run", "shop.counted");
        var source = Directory.GetFiles(Path.Combine(folder, "shop.counted", "tests"), "*.cs").Single();
        await File.WriteAllTextAsync(source, (await File.ReadAllTextAsync(source)).Replace("Hello, Ada!", "Hello, Bob!", StringComparison.Ordinal));
        var failed = await RunAsync("test", "run", "shop.counted");

        Assert.Equal(64, nothing.ExitCode);
        Assert.Contains("usage: nexus test run", nothing.Errors, StringComparison.Ordinal);
        Assert.True(passed.ExitCode == 0, passed.Output + passed.Errors);
        Assert.Matches("^[1-9][0-9]* passed, 0 failed", passed.Output.Trim());
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(", 1 failed", failed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_told()
    {
        var version = await RunAsync("--version");

        Assert.Equal(0, version.ExitCode);
        Assert.Matches(@"^\d+\.\d+\.\d+", version.Output);
    }

    private Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) =>
        Programs.RunAsync("dotnet", [Programs.Cli, .. arguments], folder, new Dictionary<string, string> { ["NEXUS_HOST_ROOT"] = Programs.Root, ["DOTNET_ENVIRONMENT"] = "" });
}
