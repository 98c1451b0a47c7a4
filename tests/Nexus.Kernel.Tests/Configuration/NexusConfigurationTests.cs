using System.Text;
using System.Text.Json.Nodes;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Schemas;
using Nexus.Kernel.Tests.Manifests;
using Nexus.Kernel.Tests.Packages;

namespace Nexus.Kernel.Tests.Settings;

public sealed class NexusConfigurationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Nothing_is_required_and_the_defaults_are_there()
    {
        using var configuration = Load();

        Assert.Equal("127.0.0.1", configuration.Root["server:host"]);
        Assert.Equal("8000", configuration.Root["server:port"]);
        Assert.Equal("localhost", configuration.Root["server:allowedHosts:0"]);
        Assert.Equal("sqlite", configuration.Root["Database:Type"]);
        Assert.Equal("development", configuration.Environment);
        Assert.All(configuration.Show(), v => Assert.Equal("default", v.Source));
    }

    [Fact]
    public void Command_line_wins_over_environment_over_stored_over_files_over_defaults()
    {
        var found = new List<string>();
        found.Add(Port());
        _folder.Write("nexus.yaml", "server:\n  port: 1001\n");
        found.Add(Port());
        _folder.Write("nexus.development.yaml", "server:\n  port: 1002\n");
        found.Add(Port());
        found.Add(Port(stored: true));
        _folder.Write(".env", "# local\nexport NEXUS_SERVER__PORT='1004'\n");
        found.Add(Port(stored: true));
        _variables["NEXUS_SERVER__PORT"] = "1005";
        found.Add(Port(stored: true));
        found.Add(Port(true, "--server.port", "1006"));

        Assert.Equal(
            [
                "8000 default", "1001 nexus.yaml:2:9", "1002 nexus.development.yaml:2:9", "1003 stored", "1004 .env:2:1",
                "1005 variable NEXUS_SERVER__PORT", "1006 option --server.port",
            ],
            found);
    }

    [Fact]
    public void The_nearest_folder_with_a_file_is_used_alone_unless_a_variable_names_one()
    {
        var request = Request() with { SearchDirectories = [Path.Combine(_folder.Path, "home"), Path.Combine(_folder.Path, "etc")] };
        var found = new List<string>();
        string Port()
        {
            using var configuration = NexusConfiguration.Load(request);
            var value = configuration.Show().Single(v => v.Key == "server:port");
            return $"{value.Value} {value.Source.Replace(_folder.Path + "/", "", StringComparison.Ordinal)} {configuration.Root["logging:level"]}";
        }

        foreach (var (folder, port) in new[] { ("etc", 1), ("home", 2), ("config", 3), (".", 4), ("named", 5) })
        {
            Directory.CreateDirectory(Path.Combine(_folder.Path, folder));
            _folder.Write(Path.Combine(folder, "nexus.yaml"), $"server:\n  port: {port}\n");
            if (folder == "home")
                _folder.Write("home/nexus.development.yaml", "logging: { level: error }\n");
            if (folder == "named")
                _variables["NEXUS_CONFIG_PATH"] = "named";
            found.Add(Port());
        }

        Assert.Equal(["1 etc/nexus.yaml:2:9 information", "2 home/nexus.yaml:2:9 error", "3 config/nexus.yaml:2:9 information", "4 ./nexus.yaml:2:9 information", "5 named/nexus.yaml:2:9 information"], found.Select(f => f.Replace("4 nexus", "4 ./nexus", StringComparison.Ordinal)));
        _variables["NEXUS_CONFIG_PATH"] = "nowhere";
        Assert.Contains("variable NEXUS_CONFIG_PATH: names", Refuse().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Yaml_and_json_of_the_same_keys_give_the_same_configuration_and_toml_is_refused_aloud()
    {
        string Dump()
        {
            using var configuration = Load();
            return string.Join('\n', configuration.Show().Select(v => $"{v.Key}={v.Value}"));
        }

        _folder.Write("nexus.yaml", "server:\n  port: 9001\n  allowedHosts: [a.example, b.example]\nplugins:\n  drainLimit: 5s\ncustom:\n  features: { beta: true }\n  rate: 1.5\n  nothing: ~\n");
        var yaml = Dump();
        File.Delete(Path.Combine(_folder.Path, "nexus.yaml"));
        _folder.Write("nexus.json", """{"server":{"port":9001,"allowedHosts":["a.example","b.example"]},"plugins":{"drainLimit":"5s"},"custom":{"features":{"beta":true},"rate":1.5,"nothing":null}}""");
        var json = Dump();
        File.Delete(Path.Combine(_folder.Path, "nexus.json"));
        _folder.Write("nexus.toml", "[server]\nport = 9001\n");

        Assert.Contains("server:port=9001", yaml, StringComparison.Ordinal);
        Assert.Equal(yaml, json);
        Assert.Contains("nexus.toml: TOML is not read; write the same keys as nexus.yaml or nexus.json", Refuse().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_in_a_mounted_file_is_read_by_reference_and_masked_whatever_its_key_is_called()
    {
        var secret = _folder.Write("mounted/pin", "planted-1\n");
        _folder.Write("nexus.yaml", $"custom:\n  greeting: a ${{file:{secret}}} b\n");
        using var configuration = Load();

        Assert.Equal("a planted-1 b", configuration.Root["custom:greeting"]);
        var shown = configuration.Show().Single(v => v.Key == "custom:greeting");
        Assert.Equal(("***hidden***", true), (shown.Value, shown.Secret));
        Assert.EndsWith("nexus.yaml:2:13", shown.Source, StringComparison.Ordinal);

        _folder.Write("nexus.yaml", "custom:\n  greeting: ${file:/nowhere/pin}\n");
        Assert.Contains("/nowhere/pin cannot be read", Refuse().Message, StringComparison.Ordinal);
        _folder.Write("nexus.yaml", "custom:\n  greeting: ${file:pin}\n");
        Assert.Contains("must name the file by its whole path", Refuse().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_watched_secret_is_masked_on_both_sides_of_its_change()
    {
        _folder.Write("nexus.yaml", "custom:\n  mailPassword: planted-1\n");
        using var configuration = Load();
        _folder.Write("nexus.yaml", "custom:\n  mailPassword: planted-2\n");

        var change = configuration.Reload();

        Assert.Equal(new ConfigurationDifference("custom:mailPassword", "***hidden***", "***hidden***"), Assert.Single(change.Values));
    }

    [Theory]
    [InlineData("custom: { adminPassword: Admin }", "'custom.adminPassword' is a value that everybody knows")]
    [InlineData("custom: { jwtSecret: short-but-own-value }", "'custom.jwtSecret' signs tokens and has 19 characters")]
    [InlineData("logging: { level: debug }", "'logging.level' logs what callers send")]
    [InlineData("database: { type: memory }", "'database.type' is memory")]
    [InlineData("server: { allowedHosts: [a.example, '*'] }", "'server.allowedHosts' has *")]
    public void Production_refuses_what_development_allows(string yaml, string problem)
    {
        _folder.Write("nexus.yaml", yaml);
        var request = Request() with { Checks = [ProductionChecks.Check] };
        NexusConfiguration.Load(request).Dispose();
        _variables["NEXUS_ENV"] = "production";

        var error = Assert.Throws<NexusException>(() => NexusConfiguration.Load(request));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("nexus.yaml:1:", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("short-but-own-value", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_section_and_the_file_of_the_environment_change_only_their_leaves()
    {
        _folder.Write("nexus.yaml", "server: { host: 0.0.0.0, port: 1 }\nenvironments:\n  production:\n    server: { port: 2 }\n");
        _folder.Write("nexus.production.json", """{ "logging": { "level": "error" } /* quiet */ }""");
        _variables["NEXUS_ENV"] = "production";

        using var configuration = Load();

        Assert.Equal(("production", "0.0.0.0", "2", "error"), (configuration.Environment, configuration.Root["server:host"], configuration.Root["server:port"], configuration.Root["logging:level"]));
        Assert.Null(configuration.Root["environments:production:server:port"]);
    }

    [Fact]
    public void Every_error_is_told_at_once_with_file_line_key_and_what_is_allowed()
    {
        _folder.Write("nexus.yaml", "servr:\n  port: 1\nserver:\n  port: 70000\n  limits:\n    timeout: soon\nlogging:\n  level: loud\nplugins:\n  hotRelod: true\n");
        _variables["NEXUS_EVENTS__MAX_BYTES"] = "many";

        var error = Refuse();

        Assert.Equal(ErrorCodes.ConfigurationError, error.Code);
        Assert.Equal(
            ["/events/maxBytes", "/logging/level", "/plugins/hotRelod", "/server/limits/timeout", "/server/port", "/servr"],
            error.Errors.Select(e => e.Pointer).Order(StringComparer.Ordinal));
        Assert.Contains("nexus.yaml:1:1: key 'servr' is not known; did you mean 'server'?", error.Message, StringComparison.Ordinal);
        Assert.Contains("nexus.yaml:4:9: 'server.port' is 70000, but must be an integer from 0 to 65535", error.Message, StringComparison.Ordinal);
        Assert.Contains("nexus.yaml:8:10: 'logging.level' is 'loud', but must be one of trace, debug,", error.Message, StringComparison.Ordinal);
        Assert.Contains("did you mean 'hotReload'?", error.Message, StringComparison.Ordinal);
        Assert.Contains("variable NEXUS_EVENTS__MAX_BYTES: 'events.maxBytes' must be an integer from 1024 to 16777216, not 'many'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_are_expanded_and_one_that_is_not_set_is_named()
    {
        _folder.Write("nexus.yaml", "server:\n  host: ${HOST_NAME}\n  port: ${PORT:9000}\ncustom:\n  text: $${plain} costs 5$\n");
        Assert.Contains("nexus.yaml:2:9: variable 'HOST_NAME' is not set", Refuse().Message, StringComparison.Ordinal);
        _variables["HOST_NAME"] = "${PORT}";

        using var configuration = Load();

        Assert.Equal(("${PORT}", "9000", "${plain} costs 5$"), (configuration.Root["server:host"], configuration.Root["server:port"], configuration.Root["custom:text"]));
    }

    [Fact]
    public void A_database_address_is_taken_masked_and_refused_without_showing_it()
    {
        _variables["DATABASE_URL"] = "sqlite:///var/lib/nexus";
        using (var configuration = Load())
        {
            Assert.Equal(("sqlite", "/var/lib/nexus"), (configuration.Root["database:type"], configuration.Root["database:directory"]));
            Assert.Equal("***hidden***", configuration.Show().Single(v => v.Key == "database:url").Value);
        }

        _variables["DATABASE_URL"] = "hunter2";
        var message = Refuse().Message;
        Assert.Contains("variable DATABASE_URL", message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugins_section_gets_its_defaults_is_checked_and_its_secrets_are_masked()
    {
        _folder.Write("nexus.yaml", "plugins:\n  finance.ledger:\n    maxUsers: 1000\n    login:\n      password: planted\n");
        _variables["NEXUS_PLUGINS__FINANCE_LEDGER__PIN"] = "1234";
        using var configuration = Load();
        var schema = JsonNode.Parse("""
            { "type": "object", "additionalProperties": false, "properties": {
              "maxUsers": { "type": "integer", "maximum": 2000 }, "provider": { "type": "string", "enum": ["smtp", "log"], "default": "log" },
              "pin": { "type": "string", "secret": true }, "login": { "type": "object" } } }
            """)!.AsObject();

        var errors = configuration.AddPlugin("finance.ledger", schema);

        Assert.Empty(errors);
        Assert.Equal(("1000", "log", "1234"), (configuration.Root["plugins:finance.ledger:maxUsers"], configuration.Root["plugins:finance.ledger:provider"], configuration.Root["plugins:finance.ledger:pin"]));
        Assert.DoesNotContain(configuration.Show(), v => v.Value is "planted" or "1234");
        var refused = Assert.Throws<NexusException>(() => configuration.SetStored(JsonNode.Parse("""{ "plugins": { "finance.ledger": { "maxUsers": 2001, "porvider": "smtp" } } }""")!.AsObject()));
        Assert.Equal(["/plugins/finance.ledger/maxUsers", "/plugins/finance.ledger/porvider"], refused.Errors.Select(e => e.Pointer).Order(StringComparer.Ordinal));
        Assert.Equal("1000", configuration.Root["plugins:finance.ledger:maxUsers"]);
    }

    [Fact]
    public void A_setting_is_stored_though_what_else_is_required_stands_in_a_file_and_a_list_of_objects_is_still_whole()
    {
        _folder.Write("nexus.yaml", "plugins:\n  mail:\n    host: mail.example.org\n");
        using var configuration = Load();
        var schema = JsonNode.Parse("""
            { "type": "object", "required": ["host"], "properties": {
              "host": { "type": "string" }, "port": { "type": "integer" },
              "peers": { "type": "array", "items": { "type": "object", "required": ["host"], "properties": { "host": { "type": "string" } } } } } }
            """)!.AsObject();
        Assert.Empty(configuration.AddPlugin("mail", schema));

        configuration.SetStored(JsonNode.Parse("""{ "plugins": { "mail": { "port": 25 } } }""")!.AsObject());
        var refused = Assert.Throws<NexusException>(() => configuration.SetStored(JsonNode.Parse("""{ "plugins": { "mail": { "peers": [{}] } } }""")!.AsObject()));

        Assert.Equal(("25", "mail.example.org"), (configuration.Root["plugins:mail:port"], configuration.Root["plugins:mail:host"]));
        Assert.Equal(["/plugins/mail/peers/0/host"], refused.Errors.Select(e => e.Pointer));
    }

    [Fact]
    public void A_plugins_section_may_be_nested_by_the_dots_of_its_id_and_is_one_section()
    {
        _folder.Write("nexus.yaml", "plugins:\n  Finance:\n    ledger:\n      rate: 1\n      size: 2\n  finance.ledger:\n    size: 3\n  sales:\n    till:\n      open: true\n");
        _variables["NEXUS_PLUGINS__FINANCE__LEDGER__PIN"] = "1234";
        using var configuration = Load();
        configuration.AddPlugin("finance.ledger", JsonNode.Parse("""{ "type": "object", "properties": { "rate": { "type": "integer" }, "size": { "type": "integer" }, "pin": { "type": "string" } } }""")!.AsObject());
        configuration.AddPlugin("sales", null);
        configuration.AddPlugin("sales.till", null);

        Assert.Equal(
            [("plugins.finance.ledger.pin", "1234"), ("plugins.finance.ledger.rate", "1"), ("plugins.finance.ledger.size", "3"), ("plugins.sales.till.open", "true")],
            configuration.Show().Where(v => v.Key.StartsWith("plugins:finance", StringComparison.OrdinalIgnoreCase) || v.Key.StartsWith("plugins:sales", StringComparison.Ordinal)).Select(v => (v.Key.Replace(':', '.'), v.Value!)));
        Assert.Equal(("1234", "1", "3"), (configuration.Root["plugins:finance.ledger:pin"], configuration.Root["plugins:finance.ledger:rate"], configuration.Root["plugins:finance.ledger:size"]));
        // Where the first word is a plugin itself, what is below it is that plugin's.
        Assert.Equal(("true", null), (configuration.Root["plugins:sales:till:open"], configuration.Root["plugins:sales.till:open"]));
    }

    [Fact]
    public void A_plugin_whose_section_is_wrong_leaves_the_configuration_as_it_was()
    {
        _folder.Write("nexus.yaml", "plugins:\n  a:\n    size: big\n");
        using var configuration = Load();

        var error = Assert.Single(configuration.AddPlugin("a", JsonNode.Parse("""{ "properties": { "size": { "type": "integer" }, "other": { "default": 1 } } }""")!.AsObject()));

        Assert.Equal("/plugins/a/size", error.Pointer);
        Assert.Contains("nexus.yaml:3:11:", error.Message, StringComparison.Ordinal);
        Assert.Null(configuration.Root["plugins:a:other"]);
    }

    [Fact]
    public void A_reload_tells_what_changed_and_a_bad_one_changes_nothing()
    {
        _folder.Write("nexus.yaml", "logging: { level: debug }\n");
        using var configuration = Load();
        var told = new List<ConfigurationChange>();
        configuration.Changed += told.Add;
        var token = configuration.Root.GetReloadToken();

        _folder.Write("nexus.yaml", "logging: { level: error }\n");
        var live = configuration.Reload();
        _folder.Write("nexus.yaml", "logging: { level: error }\nserver: { port: 9 }\n");
        var restart = configuration.Reload();
        configuration.Reload();
        _folder.Write("nexus.yaml", "logging: { level: 7 }\nserver: [");
        Assert.Throws<NexusException>(configuration.Reload);

        Assert.Equal(new ConfigurationDifference("logging:level", "debug", "error"), Assert.Single(live.Values));
        Assert.Equal(new ConfigurationDifference("server:port", "8000", "9"), Assert.Single(restart.Values));
        Assert.False(live.RestartRequired);
        Assert.Equal("server:port", Assert.Single(restart.Keys));
        Assert.True(restart.RestartRequired);
        Assert.Equal([live, restart], told);
        Assert.True(token.HasChanged);
        Assert.Equal(("error", "9"), (configuration.Root["logging:level"], configuration.Root["server:port"]));
    }

    [Fact]
    public async Task A_watched_file_takes_effect_and_a_bad_edit_is_refused_aloud()
    {
        _folder.Write("nexus.yaml", "logging: { level: debug }\n");
        using var configuration = Load();
        var changed = new TaskCompletionSource<ConfigurationChange>(TaskCreationOptions.RunContinuationsAsynchronously);
        var refused = new TaskCompletionSource<NexusException>(TaskCreationOptions.RunContinuationsAsynchronously);
        configuration.Changed += c => changed.TrySetResult(c);
        configuration.Refused += e => refused.TrySetResult(e);
        configuration.Watch(TimeSpan.FromMilliseconds(20), TimeProvider.System);

        _folder.Write("nexus.yaml", "logging: { level: error }\n");
        Assert.Contains("logging:level", (await changed.Task.WaitAsync(TimeSpan.FromSeconds(60))).Keys);
        _folder.Write("nexus.yaml", "logging: { level: loud }\n");
        Assert.Contains("'logging.level' is 'loud'", (await refused.Task.WaitAsync(TimeSpan.FromSeconds(60))).Message, StringComparison.Ordinal);
        Assert.Equal("error", configuration.Root["logging:level"]);
    }

    [Fact]
    public void A_section_without_a_value_is_as_if_it_were_not_there()
    {
        _folder.Write("nexus.yaml", "server:\n  # port: 9\nplugins:\ncustom:\n");

        using var configuration = Load();

        Assert.Equal("8000", configuration.Root["server:port"]);
    }

    [Fact]
    public void A_refused_secret_is_not_shown_in_its_error()
    {
        _folder.Write("nexus.yaml", "plugins:\n  a:\n    apiKey: planted\n    pin: planted\n");
        using var configuration = Load();

        var errors = configuration.AddPlugin("a", JsonNode.Parse("""{ "properties": { "apiKey": { "type": "string", "maxLength": 2, "pattern": "^[0-9]$" }, "pin": { "type": "integer", "secret": true } } }""")!.AsObject());

        Assert.Equal(2, errors.Length);
        Assert.DoesNotContain(errors, e => e.Message.Contains("planted", StringComparison.Ordinal));
    }

    [Fact]
    public void Checks_of_the_host_refuse_unsafe_values_with_their_source()
    {
        _folder.Write("nexus.yaml", "server:\n  host: 0.0.0.0\n");
        var request = Request() with { Checks = [c => c["server:host"] == "0.0.0.0" ? [new FieldError("server:host", "unsafe", "listens on every address")] : []] };

        var error = Assert.Throws<NexusException>(() => NexusConfiguration.Load(request));

        Assert.Contains("nexus.yaml:2:9: listens on every address", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: &x [1]\nb: &y [*x,*x,*x,*x,*x,*x,*x,*x,*x]\nc: &z [*y,*y,*y,*y,*y,*y,*y,*y,*y]\nd: &p [*z,*z,*z,*z,*z,*z,*z,*z,*z]\ne: &q [*p,*p,*p,*p,*p,*p,*p,*p,*p]\nf: [*q,*q,*q,*q,*q,*q,*q,*q,*q]\ng: [*q,*q,*q,*q,*q,*q,*q,*q,*q]", "expand to more than")]
    [InlineData("a: &a [*a]", "has no anchor before it")]
    [InlineData("a: 1\na: 2", "given already on line 1")]
    [InlineData("a: 1\n---\nb: 2", "more than one YAML document")]
    [InlineData("a: {<<: {b: 1}}", "merge keys")]
    [InlineData("[a]: 1", "a key must be a plain word")]
    public void Dangerous_yaml_is_refused(string text, string problem)
    {
        var errors = new SourceErrors();

        YamlSource.Read(Encoding.UTF8.GetBytes(text), "x.yaml", errors);

        Assert.Contains(problem, errors.All[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_yaml_is_refused_before_it_is_built()
    {
        var errors = new SourceErrors();

        Assert.Null(YamlSource.Read(Encoding.UTF8.GetBytes(new string('[', 2000)), "x.yaml", errors));

        Assert.Contains("nested more than 32 levels deep", errors.All[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_configurations_are_read_or_refused_and_nothing_else()
    {
        const string text = "server: &s\n  host: \"127.0.0.1\"\n  port: 8000\n  allowedHosts: [localhost, '[::1]']\ncustom:\n  a: *s\n  text: |\n    lines\n    ${HOME:none}\nplugins: { directories: [ ./plugins ], finance.ledger: { max: 1.5e3 } }\n";
        var original = Encoding.UTF8.GetBytes(text);
        var random = new Random(11);
        var refused = 0;
        for (var i = 0; i < 1500; i++)
        {
            File.WriteAllBytes(Path.Combine(_folder.Path, "nexus.yaml"), Mutation.Of(original, random));
            try
            {
                Load().Dispose();
            }
            catch (NexusException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 500, 1499);
    }

    private string Port(bool stored = false, params string[] arguments)
    {
        using var configuration = Load(arguments);
        if (stored)
            configuration.SetStored(JsonNode.Parse("""{ "server": { "port": 1003 } }""")!.AsObject());
        var value = configuration.Show().Single(v => v.Key == "server:port");
        return $"{value.Value} {value.Source.Replace(_folder.Path + "/", "", StringComparison.Ordinal)}";
    }

    private NexusConfiguration Load(params string[] arguments) => NexusConfiguration.Load(Request(arguments));

    private ConfigurationRequest Request(params string[] arguments) => new([.. arguments], _variables, _folder.Path);

    private NexusException Refuse() => Assert.Throws<NexusException>(() => Load());
}
