using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

public sealed class CommandLineTests
{
    private static string Orders => Path.Combine(Programs.Samples, "orders");

    [Theory]
    [InlineData("plugin list", "orders")]
    [InlineData("plugin info orders", "\"id\"")]
    [InlineData("routes", "/api/business/orders/orders")]
    [InlineData("routes --pipeline", "authentication")]
    [InlineData("security status", "request-rules")]
    [InlineData("security alerts", "")]
    [InlineData("security block 192.0.2.7 --minutes 1", "192.0.2.7")]
    [InlineData("status", "plugin")]
    [InlineData("health", "healthy")]
    [InlineData("services list", "")]
    [InlineData("services graph", "")]
    [InlineData("data list core/plugins", "core/plugins/enabled")]
    [InlineData("events list", "")]
    [InlineData("events dead-letters", "")]
    [InlineData("explain CONFLICT", "409")]
    [InlineData("config show", "server")]
    [InlineData("config schema", "\"$schema\"")]
    [InlineData("config validate", "")]
    [InlineData("completion bash", "-F _nexus nexus")]
    [InlineData("doctor", "sdk")]
    public async Task A_command_answers_and_exits_0(string command, string expected)
    {
        await using var host = await RunningHost.StartAsync(Orders);

        var (exitCode, output, errors) = await Programs.CliAsync(host, command.Split(' '));

        Assert.True(exitCode == 0, $"exit {exitCode}\n{output}\n{errors}");
        Assert.Contains(expected, output, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("nonsense", 64)]
    [InlineData("plugin info no-such-plugin", 1)]
    [InlineData("explain NO_SUCH_CODE", 64)]
    [InlineData("plugin install /no/such/folder", 64)]
    [InlineData("plugin validate /no/such/folder", 65)]
    [InlineData("new plugin Not_An_Id", 64)]
    public async Task A_wrong_use_says_so_and_exits_otherwise(string command, int expected)
    {
        await using var host = await RunningHost.StartAsync(Orders);

        var (exitCode, output, errors) = await Programs.CliAsync(host, command.Split(' '));

        Assert.True(exitCode == expected, $"exit {exitCode}\n{output}\n{errors}");
        Assert.NotEqual("", errors.Trim() + output.Trim());
    }

    [Fact]
    public async Task The_schema_of_the_configuration_describes_the_node_and_its_database_with_every_default_and_help()
    {
        await using var host = await RunningHost.StartAsync();

        var (exitCode, output, errors) = await Programs.CliAsync(host, "config", "schema");

        Assert.True(exitCode == 0, errors);
        var schema = JsonNode.Parse(output)!;
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", (string?)schema["$schema"]);
        var (port, type) = (schema["properties"]!["server"]!["properties"]!["port"]!, schema["properties"]!["database"]!["properties"]!["type"]!);
        Assert.Equal(("integer", 8000, 65535), ((string)port["type"]!, (int)port["default"]!, (int)port["maximum"]!));
        Assert.Equal(("string", "sqlite"), ((string)type["type"]!, (string)type["default"]!));
        Assert.All(Leaves(schema), leaf => Assert.True(((string?)leaf.Value["description"])?.Length > 10, $"{leaf.Key} has no help"));
    }

    [Fact]
    public async Task The_schema_of_a_plugins_data_lists_what_it_declared()
    {
        await using var host = await RunningHost.StartAsync(Orders);

        var (exitCode, output, errors) = await Programs.CliAsync(host, "data", "schema", "orders", "--json");

        Assert.True(exitCode == 0, errors);
        var schema = JsonNode.Parse(output)!;
        var collection = schema["collections"]!.AsArray().Single()!;
        Assert.Equal(("orders", "plugins/business/orders", "orders.orders", 1), ((string)schema["plugin"]!, (string)schema["documents"]!, (string)collection["name"]!, (int)collection["version"]!));
        Assert.Equal(["customer", "sku", "quantity", "status"], collection["fields"]!.AsArray().Select(f => (string)f!).Intersect(["customer", "sku", "quantity", "status"]));
        Assert.NotEmpty(collection["indexes"]!.AsArray());
        Assert.NotEqual(0, (await Programs.CliAsync(host, "data", "schema", "nobody")).ExitCode);
    }

    private static IEnumerable<KeyValuePair<string, JsonNode>> Leaves(JsonNode schema, string path = "") =>
        schema["properties"] is JsonObject members
            ? members.SelectMany(m => Leaves(m.Value!, $"{path}.{m.Key}"))
            : [new(path, schema)];

    [Fact]
    public async Task A_published_event_shows_in_the_list()
    {
        await using var host = await RunningHost.StartAsync(Orders);

        var published = await Programs.CliAsync(host, "events", "publish", "tests.happened", "{\"n\":1}");
        var listed = await Programs.CliAsync(host, "events", "list", "tests.*");

        Assert.True(published.ExitCode == 0, published.Errors);
        Assert.Contains("tests.happened", listed.Output);
    }
}
