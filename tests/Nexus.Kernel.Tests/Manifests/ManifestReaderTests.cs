using System.Text;
using System.Text.Json.Nodes;
using Nexus.Kernel.Plugins;


namespace Nexus.Kernel.Tests.Manifests;

public sealed class ManifestReaderTests
{
    private const string Full = """
        {
          "$schema": "https://nexus.local/schemas/plugin-manifest.json",
          "name": "finance.ledger", "version": "1.4.0-beta.2+build.7", "category": "business",
          "description": "Double-entry ledger", "entry": "Finance.Ledger.dll",
          "displayName": "Ledger", "author": "Ada", "license": "MIT", "requires": "[0.1,2.0)",
          "dependencies": { "core.identity": "1.0", "finance.rates": { "version": "[1.0,2.0)", "optional": true } },
          "startupOrder": -5, "isolation": "hot", "instances": 2,
          "limits": { "memoryMegabytes": 256, "cpuPercent": 150 },
          "permissions": [ { "name": "http.outbound", "reason": "Fetches rates" } ],
          "configuration": { "type": "object", "properties": { "limit": { "type": "integer", "minimum": 1, "default": 10 }, "apiKey": { "type": "string", "secret": true } } },
          "inputs": [ { "id": "period", "type": "select", "label": "Period", "default": "month", "required": true, "options": ["month", "year"] } ],
          "ui": { "module": "ui/ledger.js", "title": "Ledger", "icon": "book", "position": 10 },
          "essential": true, "lazy": true, "runtime": "[10.0,12.0)", "system": ["libargon2.so.1"], "tags": ["money", "books"]
        }
        """;

    [Fact]
    public void Every_key_of_a_full_manifest_is_read()
    {
        var manifest = Read(Full);

        Assert.Equal("finance.ledger", manifest.Name);
        Assert.Equal("1.4.0-beta.2+build.7", manifest.Version);
        Assert.Equal(PluginCategory.Business, manifest.Category);
        Assert.Equal("Double-entry ledger", manifest.Description);
        Assert.Equal("Finance.Ledger.dll", manifest.Entry);
        Assert.Equal(("Ledger", "Ada", "MIT", "[0.1,2.0)"), (manifest.DisplayName, manifest.Author, manifest.License, manifest.Requires));
        Assert.Equal([new PluginDependency("core.identity", "1.0"), new PluginDependency("finance.rates", "[1.0,2.0)", true)], manifest.Dependencies);
        Assert.Equal((-5, PluginIsolation.Hot, 2), (manifest.StartupOrder, manifest.Isolation, manifest.Instances));
        Assert.Equal(new PluginLimits(256, 150), manifest.Limits);
        Assert.Equal([new RequestedCapability("http.outbound", "Fetches rates")], manifest.Permissions);
        Assert.Equal(10, (int)manifest.Configuration!["properties"]!["limit"]!["default"]!);
        Assert.Equal("month", (string)Assert.Single(manifest.Inputs).Default!);
        Assert.Equal(new PluginUi("ui/ledger.js", "Ledger", "book", 10), manifest.Ui);
        Assert.True(manifest.Essential);
        Assert.True(manifest.Lazy);
        Assert.Equal(["money", "books"], manifest.Tags);
    }

    [Fact]
    public void The_full_manifest_uses_every_property_of_the_schema()
    {
        var schema = JsonNode.Parse(ManifestReader.SchemaText())!["properties"]!.AsObject().Select(p => p.Key);
        var used = JsonNode.Parse(Full)!.AsObject().Select(p => p.Key);

        Assert.Equal(schema.Order(StringComparer.Ordinal), used.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void All_errors_come_at_once_with_file_line_column_and_way_out()
    {
        var error = Refuse("""
            {
              "name": "Finance Ledger",
              "versoin": "1.0.0",
              "category": "busines",
              "entry": "ledger.exe",
              "requires": "1.*",
              "lazy": "yes"
            }
            """);

        Assert.Equal(ErrorCodes.PluginManifestInvalid, error.Code);
        Assert.Equal(
            ["/version:required", "/description:required", "/name:pattern", "/versoin:unknown_key", "/category:choice", "/entry:pattern", "/requires:format", "/lazy:type"],
            error.Errors.Select(e => $"{e.Pointer}:{e.Code}"));
        Assert.Contains(error.Errors, e => e.Message.StartsWith("plugin/manifest.json:3:3: key 'versoin' is not known; did you mean 'version'?", StringComparison.Ordinal));
        Assert.Contains(error.Errors, e => e.Message == "plugin/manifest.json:4:15: 'category' is 'busines', but must be one of business, integration, analytics, security, ui, core, custom; did you mean 'business'?");
        Assert.Contains("plugin/manifest.json has 8 errors:", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name")]
    [InlineData("version")]
    [InlineData("category")]
    [InlineData("description")]
    [InlineData("entry")]
    public void Each_missing_required_key_has_its_own_message(string key)
    {
        var manifest = JsonNode.Parse(Full)!.AsObject();
        manifest.Remove(key);

        var error = Assert.Single(Refuse(manifest.ToJsonString()).Errors);

        Assert.Equal("required", error.Code);
        Assert.Contains($"'{key}' is missing: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_syntax_error_names_its_line()
    {
        var error = Assert.Single(Refuse("{\n  \"name\": \"a\",\n  \"version\" \"1.0.0\"\n}").Errors);

        Assert.Equal("syntax", error.Code);
        Assert.StartsWith("plugin/manifest.json:3:", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"name\": \"b\"", "duplicate_key")]
    [InlineData("\"configuration\": { \"type\": \"objekt\" }", "schema")]
    [InlineData("\"configuration\": { \"properties\": { \"a\": { \"minimun\": 1 } } }", "schema")]
    [InlineData("\"configuration\": { \"properties\": { \"a\": { \"pattern\": \"(?=x)\" } } }", "schema")]
    [InlineData("\"dependencies\": { \"a\": \"1.0\" }", "self")]
    [InlineData("\"dependencies\": { \"b\": \"banana\" }", "format")]
    [InlineData("\"dependencies\": { \"b\": { \"optional\": true } }", "required")]
    [InlineData("\"dependencies\": { \"B!\": \"1.0\" }", "pattern")]
    [InlineData("\"instances\": 65", "range")]
    [InlineData("\"instances\": 1.5", "type")]
    [InlineData("\"tags\": [\"a\", \"a\"]", "unique")]
    [InlineData("\"ui\": { \"module\": \"../x.js\" }", "format")]
    [InlineData("\"inputs\": [{ \"id\": \"x\", \"type\": \"select\" }]", "required")]
    [InlineData("\"permissions\": [{ \"name\": \"http.outbound\" }]", "required")]
    public void A_broken_key_is_refused_by_its_rule(string key, string code)
    {
        var error = Refuse("{ \"name\": \"a\", \"version\": \"1.0.0\", \"category\": \"ui\", \"description\": \"d\", \"entry\": \"A.dll\", " + key + " }");

        Assert.Equal(code, Assert.Single(error.Errors).Code);
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("01.0.0")]
    [InlineData("1.0.0-")]
    [InlineData("1.0.0-01")]
    [InlineData("v1.0.0")]
    [InlineData("1.0.0\\n")]
    [InlineData("99999999999.0.0")]
    public void What_is_not_SemVer_is_refused(string version) =>
        Assert.Equal("/version", Assert.Single(Refuse(Full.Replace("1.4.0-beta.2+build.7", version, StringComparison.Ordinal)).Errors).Pointer);

    [Fact]
    public void Reserved_ids_deep_nesting_and_large_files_are_refused()
    {
        Assert.Equal("reserved", Assert.Single(Refuse(Full.Replace("finance.ledger\"", "starttimeout\"", StringComparison.Ordinal)).Errors).Code);
        Assert.Equal("syntax", Assert.Single(Refuse(new string('[', 100_000)).Errors).Code);
        Assert.Contains("larger than 256 KiB", Refuse(Full + new string(' ', 256 * 1024)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Configuration_schemas_that_would_never_end_are_refused()
    {
        var doubling = string.Join(", ", Enumerable.Range(0, 30).Select(i => $$"""
            "d{{i}}": { "properties": { "a": { "$ref": "#/$defs/d{{i + 1}}" }, "b": { "$ref": "#/$defs/d{{i + 1}}" } } }
            """));
        var circle = """ "configuration": { "$defs": { "a": { "properties": { "next": { "$ref": "#/$defs/a" } } } }, "$ref": "#/$defs/a" }, "name": """;
        var bomb = $$""" "configuration": { "$defs": { {{doubling}}, "d30": { "default": 1 } }, "properties": { "x": { "$ref": "#/$defs/d0" } } }, "name": """;

        Assert.Contains("refers to itself", Refuse(Minimal(circle)).Message, StringComparison.Ordinal);
        Assert.Contains("expands to more than 10000 schemas", Refuse(Minimal(bomb)).Message, StringComparison.Ordinal);
    }

    private static string Minimal(string name) => "{ " + name + " \"a\", \"version\": \"1.0.0\", \"category\": \"ui\", \"description\": \"d\", \"entry\": \"A.dll\" }";

    [Fact]
    public void Mutated_manifests_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(20_261);
        var original = Encoding.UTF8.GetBytes(Full);
        var refused = 0;
        for (var i = 0; i < 4000; i++)
        {
            var bytes = Mutation.Of(original, random);
            try
            {
                ManifestReader.Read(bytes, "manifest.json");
            }
            catch (NexusException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 2000, 3999);
    }

    private static PluginManifest Read(string text) => ManifestReader.Read(Encoding.UTF8.GetBytes(text), "plugin/manifest.json");

    private static NexusException Refuse(string text) => Assert.Throws<NexusException>(() => Read(text));
}
