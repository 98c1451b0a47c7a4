using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Cli;
using Nexus.Cli.Clients;
using Nexus.EndToEnd.Tests;
using Nexus.Kernel.Configuration;
using Nexus.Testing;

namespace Nexus.Surface.Tests;

public sealed class SurfaceTests
{
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void Error_codes_are_those_of_errors_md()
    {
        var text = new StringBuilder("# Error codes\n\nEvery code that leaves the process, with its HTTP status, cause and cure. `nexus explain CODE` prints one.\n");
        foreach (var entry in ErrorCodes.All) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n## {entry.Code} ({entry.Status})\n\n{entry.Title}.\n\n- When: {entry.Cause}\n- What to do: {entry.Remedy}\n");

        Golden.Check("errors.md", text.ToString());
    }

    [Fact]
    public void Commands_are_those_of_cli_txt()
    {
        var text = new StringBuilder();
        Describe(Root.Build(), "nexus", text);

        Golden.Check("cli.txt", text.ToString());
    }

    [Fact]
    public void The_contract_of_plugins_is_that_of_abstractions_txt() =>
        Golden.Check("abstractions.txt", string.Join('\n', typeof(IPlugin).Assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal).SelectMany(Members)));

    [Fact]
    public void Keys_of_the_configuration_are_those_of_configuration_md()
    {
        var text = new StringBuilder("# Configuration\n\nEvery key of `nexus.yaml` but those of plugins, with its default. `restart` means that a change takes effect at the next start; all others act at once.\n\n| key | type | default | | meaning |\n|---|---|---|---|---|\n");
        DescribeKeys(JsonNode.Parse(NexusConfiguration.Schema())!, "", text);

        Golden.Check("configuration.md", text.ToString());
    }

    [Fact]
    public async Task The_platforms_own_routes_are_those_of_openapi_json()
    {
        await using var host = await PluginTestHost.StartAsync(options => options.Add(new PluginManifest { Name = "empty", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Declares nothing.", Entry = "" }, () => new EmptyPlugin()));

        Golden.Check("openapi.json", JsonNode.Parse(await host.Client.GetStringAsync("/openapi.json"))!.ToJsonString(Indented));
    }

    [Fact]
    public async Task What_the_console_calls_is_typed_by_what_a_node_with_the_core_plugins_serves()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Plugins, "core.audit"));

        Golden.Check("../src/Nexus.Console/app/src/api/contract.ts", TypeScriptTypes.Write(ApiDocument.Of(JsonNode.Parse(await host.Client.GetStringAsync("/openapi.json")))));
    }

    [Fact]
    public async Task What_a_resource_becomes_in_GraphQL_is_that_of_schema_graphql()
    {
        await using var host = await PluginTestHost.StartAsync(options => options.Add(new PluginManifest { Name = "sample.shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Declares a resource with every kind of field.", Entry = "" }, () => new ShopPlugin()));

        Golden.Check("schema.graphql", await host.Client.GetStringAsync("/graphql/schema.graphql"));
    }

    [Theory]
    [InlineData("nexus/v1/resources.proto", "resources.proto")]
    [InlineData("nexus/v1/services.proto", "services.proto")]
    [InlineData("nexus/plugins/sample.shop.proto", "plugin.proto")]
    public async Task What_is_called_by_gRPC_is_that_of_the_proto_files(string served, string golden)
    {
        await using var host = await PluginTestHost.StartAsync(options => options.Add(new PluginManifest { Name = "sample.shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Declares a resource with every kind of field.", Entry = "" }, () => new ShopPlugin()));

        Golden.Check(golden, await host.Client.GetStringAsync($"/grpc/protos/{served}"));
    }

    private static void DescribeKeys(JsonNode schema, string prefix, StringBuilder text)
    {
        foreach (var (name, key) in schema["properties"]?.AsObject() ?? [])
        {
            DescribeKeys(key!, $"{prefix}{name}.", text);
            if (key!["properties"] is null) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"| `{prefix}{name}` | {TypeOf(key)} | {(key["default"] is { } value ? $"`{value.ToJsonString(OneLine)}`" : "")} | {((bool?)key["restart"] == true ? "restart" : "")} | {(string?)key["description"]} |\n");
        }
    }

    private static string TypeOf(JsonNode key)
    {
        var type = key["enum"] is JsonArray choices ? string.Join(", ", choices.Select(c => $"`{c}`")) : (string?)key["format"] ?? (string?)key["type"] ?? "";
        return (key["minimum"], key["maximum"]) is ({ } low, { } high) ? $"{type} {low}–{high}" : type;
    }

    private static void Describe(Command command, string path, StringBuilder text)
    {
        text.Append(path);
        foreach (var argument in command.Arguments) text.Append(" <").Append(argument.Name).Append('>');
        text.Append("  ").Append(command.Description?.Split('\n')[0]).Append('\n');
        foreach (var option in command.Options.Where(o => o.Name is not "--help" and not "--version")) text.Append("    ").Append(string.Join(", ", option.Aliases.Prepend(option.Name))).Append("  ").Append(option.Description).Append('\n');
        foreach (var child in command.Subcommands) Describe(child, $"{path} {child.Name}", text);
    }

    private static IEnumerable<string> Members(Type type)
    {
        yield return $"{Kind(type)} {Name(type)}";
        foreach (var member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                     .Where(m => m is not MethodInfo { IsSpecialName: true } and not Type && m.Name is not "Equals" and not "GetHashCode" and not "ToString" and not "<Clone>$" and not "Deconstruct" and not "PrintMembers" and not "value__")
                     .Select(Text).Order(StringComparer.Ordinal))
            yield return "  " + member;
    }

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        { IsValueType: true } => "struct",
        _ when type.IsSubclassOf(typeof(Delegate)) => "delegate",
        _ when type.GetMethod("<Clone>$") is not null => "record",
        _ => "class",
    };

    private static string Text(MemberInfo member) => member switch
    {
        MethodInfo method => $"{Name(method.ReturnType)} {method.Name}({Parameters(method)})",
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        PropertyInfo property => $"{Name(property.PropertyType)} {property.Name}",
        FieldInfo field => $"{Name(field.FieldType)} {field.Name}",
        _ => $"{member.MemberType} {member.Name}",
    };

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(p => $"{Name(p.ParameterType)} {p.Name}"));

    private static string Name(Type type)
    {
        if (type.IsGenericParameter) return type.Name;
        var name = type.IsArray ? Name(type.GetElementType()!) + "[]" : type.Name.Split('`')[0];
        if (type.IsNested && !type.IsGenericParameter) name = $"{type.DeclaringType!.Name.Split('`')[0]}.{name}";
        return type.IsGenericType ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }

    private sealed class ShopPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin
            .AddResource<Customer>("customers", customers => customers.Search(c => c.Name).Attachments())
            .AddResource<Order>("orders", orders => orders.Action("pay", o => o with { State = OrderState.Paid }));
    }

    private sealed class EmptyPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            // Nothing: the document then shows what the platform itself serves.
        }
    }
}

/// <summary>Somebody who orders.</summary>
internal sealed record Customer([property: StringLength(100)] string Name, [property: Secret] string? Pin, Dictionary<string, int> Points) : Resource;

/// <summary>What somebody ordered.</summary>
internal sealed record Order(
    string Number, Ref<Customer> Customer, Money Total, decimal Discount, double Rating, long Quantity, bool IsGift, DateOnly DueOn, TimeOnly At, DateTimeOffset PlacedAt, TimeSpan Delay, Guid Code, IReadOnlyList<Line> Lines, IReadOnlyList<string> Tags, JsonElement Extra) : Resource
{
    [ReadOnlyField] public OrderState State { get; init; }
}

/// <summary>A line of an order.</summary>
internal sealed record Line(string Text, Money Price);

/// <summary>Where an order stands.</summary>
internal enum OrderState
{
    Open,
    Paid,
}
