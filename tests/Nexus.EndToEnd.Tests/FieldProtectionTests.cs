using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Secret and personal fields of a real plugin over HTTP, on a real host with a master key in a file, and what then lies on its disk.</summary>
public sealed class FieldProtectionTests
{
    private const string People = "/api/custom/people/people";

    private const string Source = """
        public sealed record Person(string Name, [property: Secret] string Pin, [property: Personal] string Email, Home Home) : Resource;
        public sealed record Home(string City, [property: Personal] string Street);
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.AddResource<Person>("people", people => people.Index(p => p.Email));
        }
        """;

    private static readonly string[] Plain = ["pin-4711-geheim", "ada@lovelace.example", "Sternwartstrasse 12"];

    [Fact]
    public async Task No_file_of_the_node_holds_a_protected_value_and_it_is_read_after_restarts_and_rotations()
    {
        await using var host = await StartAsync();
        var made = await host.PostAsync(People, Person("Ada", Plain));
        var path = $"{People}/{made["id"]}";

        AssertReadable(await host.GetAsync(path));
        await host.KillAndRestartAsync();
        AssertReadable(await host.GetAsync(path));
        var before = File.ReadAllText(KeyFile(host));
        Assert.Equal("""{"tenant":"default","key":2}""", (await host.PostAsync("/api/v1/security/keys/rotate", new { tenant = "default" })).ToJsonString());
        Assert.NotEqual(0, (int)(await host.PostAsync("/api/v1/security/keys/rotate", new { master = true }))["rewrapped"]!);
        AssertReadable(await host.GetAsync(path));
        await host.UntilAsync("/api/v1/security/keys/reencryption", a => a[0]?["finishedAt"] is not null);
        await host.KillAndRestartAsync();

        AssertReadable(await host.GetAsync(path));
        Assert.Equal(["Ada"], RunningHost.Rows(await host.GetAsync($"{People}?filter[email]={Plain[1]}")).Select(r => (string)r["name"]!));
        Assert.NotEqual(before, File.ReadAllText(KeyFile(host)));
        Assert.Equal([2], Numbers(host));
        Assert.Equal(0, await host.StopAsync());
        foreach (var file in Directory.EnumerateFiles(host.Folder, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/plugins/", StringComparison.Ordinal)))
        {
            var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
            Assert.All(Plain, text => Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) < 0, $"{file} holds {text}"));
        }

        Assert.All(Plain, text => Assert.DoesNotContain(text, host.Log, StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_a_rotation_older_values_are_encrypted_again_while_serving_and_a_crash_leaves_none_out()
    {
        const int count = 4000;
        await using var host = await StartAsync();
        var rows = new JsonArray([.. Enumerable.Range(0, count).Select(i => (JsonNode)JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(Person($"n{i}", $"pin {i}", $"{i}@example.org", $"street {i}"), System.Text.Json.JsonSerializerOptions.Web))!)]);
        foreach (var chunk in rows.Select(r => r!.DeepClone()).Chunk(1000))
            await host.PostAsync($"{People}/batch?atomic=true", new JsonArray([.. chunk]));

        // Into the middle of it: where a machine stood still until all was done, it begins once more.
        var (key, early) = (1, (JsonNode?)null);
        while (early?[0]!["finishedAt"] is not null || early is null)
        {
            await host.PostAsync("/api/v1/security/keys/rotate", new { tenant = "default" });
            key++;
            Assert.True(key < 20, "it is always done at once");
            early = await host.UntilAsync("/api/v1/security/keys/reencryption", a => (int?)a[0]?["key"] == key && (long?)a[0]?["encrypted"] > 0);
        }

        await host.KillAndRestartAsync();
        var changed = RunningHost.Rows(await host.GetAsync($"{People}?limit=1"))[0];
        var done = await host.UntilAsync("/api/v1/security/keys/reencryption", a => a[0]?["finishedAt"] is not null);

        Assert.Equal((key, 3L * count, 0L), ((int)done[0]!["key"]!, (long)done[0]!["encrypted"]!, (long)done[0]!["unreadable"]!));
        Assert.Equal([key], Numbers(host));
        Assert.Equal(1, (int)changed["revision"]!);
        Assert.Equal("7@example.org", (string)RunningHost.Rows(await host.GetAsync($"{People}?filter[name]=n7"))[0]["email"]!);
        var (code, output, errors) = await Programs.CliAsync(host, "security", "keys");
        Assert.True(code == 0, errors);
        Assert.Contains($"default: {3 * count} values in", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_read_a_record_with_personal_fields_is_in_the_access_report_and_the_trail_is_sound()
    {
        await using var host = await StartAsync();
        var id = (string)(await host.PostAsync(People, Person("Ada", Plain)))["id"]!;
        await host.GetAsync($"{People}/{id}");
        await host.GetAsync($"{People}/{id}");
        await host.GetAsync(People);

        await host.UntilAsync($"/api/v1/audit?action=people.people.*", a => a["items"]!.AsArray().Count == 4);
        var (code, output, errors) = await Programs.CliAsync(host, "audit", "report", "--kind", "access", "--subject", "people*");
        Assert.True(code == 0, errors);
        var report = await host.Client.GetStringAsync(output.Split('\n')[0].Trim(), TestContext.Current.CancellationToken);
        Assert.Equal(
            [$"people/{id},people.people.created,success,1", $"people/{id},people.people.listed,success,1", $"people/{id},people.people.read,success,2"],
            report.Split("\r\n").Skip(1).Where(l => l.Length > 0).Select(l => string.Join(',', l.Split(',').Skip(1).Take(4))));
        Assert.All(Plain, text => Assert.DoesNotContain(text, report, StringComparison.Ordinal));
        Assert.Equal(0, (await Programs.CliAsync(host, "audit", "verify")).ExitCode);
        var refused = await Programs.CliAsync(host, "audit", "acknowledge", "just in case");
        Assert.Contains("nothing to acknowledge", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_whose_key_is_another_or_gone_says_so_and_changes_nothing()
    {
        await using var host = await StartAsync();
        var made = await host.PostAsync(People, Person("Ada", Plain));
        await host.StopAsync();
        var key = await File.ReadAllTextAsync(KeyFile(host), TestContext.Current.CancellationToken);
        WriteKey(KeyFile(host), 9);
        await host.KillAndRestartAsync();

        var refused = await host.Client.GetAsync($"{People}/{made["id"]}", TestContext.Current.CancellationToken);
        var text = await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("PROTECTION_FAILED", (string)JsonNode.Parse(text)!["code"]!);
        await host.StopAsync();
        await File.WriteAllTextAsync(KeyFile(host), key, TestContext.Current.CancellationToken);
        await host.KillAndRestartAsync();
        AssertReadable(await host.GetAsync($"{People}/{made["id"]}"));
    }

    [Theory]
    [InlineData(new string[0], "encryption.file")]
    [InlineData(new[] { "--encryption:file=absent/master.key" }, "absent/master.key")]
    [InlineData(new[] { "--encryption:provider=kms" }, "encryption.kms.endpoint is missing")]
    [InlineData(new[] { "--encryption:provider=pkcs11", "--encryption:pkcs11:library=/none.so", "--encryption:pkcs11:token=t", "--encryption:pkcs11:label=l", "--encryption:pkcs11:pin=p" }, "/none.so is not a PKCS#11 library")]
    public async Task Production_does_not_start_without_a_master_key(string[] settings, string reason)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-production-").FullName;
        var (exit, _, errors) = await Programs.RunAsync("dotnet", [Programs.Host, "--server:port=0", $"--database:directory={folder}/data", .. settings], folder, new Dictionary<string, string> { ["NEXUS_ENV"] = "production" });

        Assert.Equal(1, exit);
        Assert.Contains("PROTECTION_FAILED", errors, StringComparison.Ordinal);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder, "data", "keys", "master.key")));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task The_master_key_lies_in_a_token_and_moves_there_from_a_file_while_serving()
    {
        var library = new[] { "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(library is null, "softhsm2 is not installed.");
        await using var host = await StartAsync();
        var made = await host.PostAsync(People, Person("Ada", Plain));
        await host.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(host.Folder, "softhsm2.conf"), $"directories.tokendir = {host.Folder}\nobjectstore.backend = file\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(host.Folder, "pin"), "1234\n", TestContext.Current.CancellationToken);
        var settings = Path.Combine(host.Folder, "softhsm2.conf");
        var prepared = await Programs.RunAsync("softhsm2-util", ["--init-token", "--free", "--label", "nexus", "--so-pin", "5678", "--pin", "1234"], host.Folder, new Dictionary<string, string> { ["SOFTHSM2_CONF"] = settings });
        Assert.True(prepared.ExitCode == 0, prepared.Errors);
        await File.WriteAllTextAsync(Path.Combine(host.Folder, "nexus.yaml"), $$"""
            encryption:
              provider: pkcs11
              pkcs11:
                library: {{library}}
                token: nexus
                label: node
                pin: ${file:{{host.Folder}}/pin}
            """, TestContext.Current.CancellationToken);

        host.Environment["SOFTHSM2_CONF"] = settings;
        await host.KillAndRestartAsync();
        AssertReadable(await host.GetAsync($"{People}/{made["id"]}"));
        await host.PostAsync("/api/v1/security/keys/rotate", new { rewrap = true });
        File.Delete(KeyFile(host));
        await host.KillAndRestartAsync();

        AssertReadable(await host.GetAsync($"{People}/{made["id"]}"));
        Assert.Equal(["pkcs11:node"], RunningHost.Rows(await host.GetAsync("/api/v1/security/keys")).Select(k => (string)k["master"]!).Distinct());
        Assert.Equal("***hidden***", (string?)RunningHost.Rows(await host.GetAsync("/api/v1/config")).Single(r => (string?)r["key"] == "encryption.pkcs11.pin")["value"]);
    }

    private static async Task<RunningHost> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-people-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "people"), "people", "1.0.0", Source);
        WriteKey(Path.Combine(folder, "people", "master.key"), 1);
        var host = await RunningHost.StartAsync([plugin, Path.Combine(Programs.Plugins, "core.audit")], ["--encryption:file=plugins/people/master.key"]);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static string KeyFile(RunningHost host) => Path.Combine(host.Folder, "plugins", "people", "master.key");

    private static void WriteKey(string path, byte seed)
    {
        File.WriteAllText(path, Convert.ToBase64String(Enumerable.Range(0, 32).Select(i => (byte)(seed + i)).ToArray()));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static object Person(string name, params string[] plain) => new { name, pin = plain[0], email = plain[1], home = new { city = "Leipzig", street = plain[2] } };

    private static void AssertReadable(JsonNode person)
    {
        Assert.Equal(("Ada", Plain[1], Plain[2]), ((string)person["name"]!, (string)person["email"]!, (string)person["home"]!["street"]!));
        Assert.Null(person["pin"]);
    }

    /// <summary>Numbers of the keys under which values lie in the raw table.</summary>
    private static int[] Numbers(RunningHost host)
    {
        var text = DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db"));
        return [.. text.Split("\"$sealed\":\"").Skip(1).Select(part => Convert.FromBase64String(part[..part.IndexOf('"', StringComparison.Ordinal)])).Select(v => System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(v.AsSpan(1))).Distinct()];
    }
}
