using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>gRPC on a host of its own, called by @grpc/grpc-js, and byte by byte where a client would not send it.</summary>
public sealed class GrpcTests
{
    /// <summary>A stream may be silent for longer than a busy machine stands still; who sends slowly is cut off before that, unless nobody watches the rate.</summary>
    internal static readonly string[] Patient = ["--grpc:idleSeconds=10", "--security:connections:bytesPerSecond=0"];

    internal static readonly string Orders = Path.Combine(Programs.Samples, "orders");

    private const string Shop = """
        public sealed record Customer(string Name, string? EXTRA) : Resource;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.AddResource<Customer>("customers");
        }
        """;

    [Fact]
    public async Task A_foreign_client_calls_every_kind_of_method_and_reads_what_it_calls_by_reflection()
    {
        var port = RunningHost.FreePort();
        await using var host = await RunningHost.StartAsync([Orders], [.. Patient, $"--server:http2Port={port}"]);

        Check(await RunAsync(host.Address, port));
    }

    [Fact]
    public async Task With_TLS_gRPC_and_HTTP_1_1_have_one_port()
    {
        var port = RunningHost.FreePort();
        await using var host = await RunningHost.StartAsync([Orders], [.. Patient, $"--server:https:port={port}", "--server:https:redirect=false"]);
        var authority = Path.Combine(host.Folder, "data", "certificates", "development.crt");

        Check(await RunAsync(new Uri($"https://127.0.0.1:{port}"), port, authority));
    }

    /// <summary>Drives a node, or what passes on to one, with the foreign client.</summary>
    internal static async Task<JsonNode> RunAsync(Uri address, int port, params string[] authority)
    {
        var node = ToolProcess.Find("node");
        return JsonNode.Parse(await ForeignTools.RunAsync(node, await ForeignTools.FolderAsync(), ["grpc.mjs", address.ToString().TrimEnd('/'), $"{port}", .. authority]))!;
    }

    /// <summary>What the foreign client has to have seen.</summary>
    internal static void Check(JsonNode seen)
    {
        Assert.Equal(["nexus/v1/resources.proto", "nexus/v1/services.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto", "grpc/reflection/v1alpha/reflection.proto", "nexus/plugins/orders.proto"], Words(seen["files"]!));
        Is("""{"revision":"1","customer":"Ada","total":{"amount":"12.30","currency":"EUR"}}""", seen["created"]);
        Is("""{"customer":"Ada","quantity":"2","total":{"amount":"12.30","currency":"EUR"},"status":"STATUS_OPEN","at":true}""", seen["typed"]);
        Is("""{"customer":"Ada","status":"Open"}""", seen["generic"]);
        Is("""[["a.txt","text/plain","5",true,true]]""", seen["attached"]);
        Is("\"NOT_FOUND\"", seen["notAttached"]);
        Is("""["5","2","Ada"]""", seen["updated"]);
        Assert.Null(seen["cleared"]);
        Is("""["FAILED_PRECONDITION","PRECONDITION_FAILED"]""", new JsonArray(seen["stale"]!["code"]!.DeepClone(), seen["stale"]!["ErrorInfo"]!["reason"]!.DeepClone()));
        Assert.Equal("STATUS_PAID", (string?)seen["paid"]);
        Is("""{"code":"FAILED_PRECONDITION","message":"The order is Paid; only an Open order can become Paid.","ErrorInfo":{"reason":"RULE_VIOLATION","domain":"nexus","metadata":["requestId","traceId","plugin","version","component"]}}""", seen["paidTwice"]);
        Assert.Equal(("INVALID_ARGUMENT", "VALIDATION_ERROR"), ((string?)seen["invalid"]!["code"], (string?)seen["invalid"]!["ErrorInfo"]!["reason"]));
        Assert.Equal(["/customer", "/quantity"], seen["invalid"]!["BadRequest"]!["fieldViolations"]!.AsArray().Select(v => (string?)v!["field"]).Order());
        Assert.Equal(("NOT_FOUND", "RESOURCE_NOT_FOUND"), ((string?)seen["missing"]!["code"], (string?)seen["missing"]!["ErrorInfo"]!["reason"]));
        Assert.Equal("This node serves no resource orders.nothing.", (string?)seen["noResource"]!["message"]);
        Is("""["from-a-client"]""", seen["requestId"]);
        Is("""["true"]""", seen["replayed"]);
        Is("""{"results":61,"inOrder":true,"failed":[["13","VALIDATION_ERROR","/quantity"]],"deleted":true}""", seen["batch"]);
        Is("""["59","60","59","58","57"]""", seen["pages"]);
        Assert.Equal(59, (int)seen["streamed"]!);
        Is("""["orders.orders.created","created","Watched",true]""", seen["watched"]);
        Assert.Equal("CANCELLED", (string?)seen["cancelled"]);
        Assert.Equal("DEADLINE_EXCEEDED", (string?)seen["deadline"]);
        Assert.Equal("200 DEADLINE_EXCEEDED The deadline of the call has passed.", (string?)seen["deadlineOfServer"]);
        Assert.Equal("200 INTERNAL grpc-timeout is up to eight digits and a unit; \"1x\" is not.", (string?)seen["deadlineInvalid"]);
        Is("""["SERVING","SERVING","NOT_FOUND"]""", seen["health"]);
        Assert.Equal("SERVICE_UNKNOWN", (string?)seen["healthWatched"]);
        foreach (var version in new[] { "v1", "v1alpha" })
            Is("""{"services":["grpc.health.v1.Health","grpc.reflection.v1.ServerReflection","grpc.reflection.v1alpha.ServerReflection","nexus.plugins.orders.Orders","nexus.v1.Resources"],"called":["Watched","STATUS_OPEN"],"byName":3,"unknown":5}""", seen[version]);
        Assert.Equal(415, (int)seen["otherType"]!);
        Is(
            """
            {"noMessage":"200 UNIMPLEMENTED The call has no message; this method takes one.",
            "twoMessages":"200 UNIMPLEMENTED The call has more than one message; this method takes one.",
            "cutShort":"200 INTERNAL The stream ends within a message.",
            "malformed":"200 INTERNAL The message cannot be read: a field cannot have the tag 15.",
            "wrongKind":"200 INTERNAL The message cannot be read: the field nexus.plugins.orders.GetOrderRequest.id has another kind.",
            "overlong":"200 INTERNAL The message cannot be read: a value is longer than the message.",
            "notUtf8":"200 INTERNAL The message cannot be read: a text is not UTF-8.",
            "unknownEnum":"200 INVALID_ARGUMENT nexus.plugins.orders.Order.Status has no value 4.",
            "compressed":"200 INTERNAL A message is compressed, and the call names no encoding.",
            "encoding":"200 UNIMPLEMENTED Messages come uncompressed (identity), not by gzip.",
            "oversized":"200 RESOURCE_EXHAUSTED A message may have 4194304 bytes (grpc.messageBytes); this one has 2147483647.",
            "noMethod":"200 UNIMPLEMENTED This node serves no nexus.plugins.orders.Orders/Nothing.",
            "noService":"200 UNIMPLEMENTED This node serves no no.such.Service/Nothing.",
            "noPath":"200 UNIMPLEMENTED Nothing is served at /nowhere.",
            "halfOpen":"200 DEADLINE_EXCEEDED No message came for 10 s.",
            "halfOpenUnary":"200 DEADLINE_EXCEEDED No message came for 10 s."}
            """.ReplaceLineEndings(""),
            seen["breaches"]);
    }

    [Fact]
    public async Task A_swap_that_adds_a_field_shows_at_once_and_leaves_no_old_code_while_somebody_watches()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        var port = RunningHost.FreePort();
        await using var host = await RunningHost.StartAsync([], [$"--server:http2Port={port}", "--plugins:unloadLimit=5s"]);
        await InstallAsync(host, 1);

        var watching = ForeignTools.RunAsync(node, tools, "grpc-swap.mjs", host.Address.ToString().TrimEnd('/'), $"{port}", "5");
        for (var version = 2; version <= 5; version++)
        {
            await host.UntilAsync("/api/custom/shop/customers", list => list.AsArray().Count == version - 1);
            await InstallAsync(host, version);
        }

        var seen = JsonNode.Parse(await watching)!;
        Is("""[["name","extra1"],["name","extra2"],["name","extra3"],["name","extra4"],["name","extra5"]]""", seen["fields"]);
        Is("""["v1","v2","v3","v4","v5"]""", seen["stored"]);
        Is("""["v1","v2","v3","v4","v5"]""", seen["heard"]);
        var shop = await host.UntilAsync("/api/v1/plugins/shop", p => (int)p["generationsAlive"]! == 0);
        Assert.Equal("Active", (string?)shop["state"]);
    }

    private static async Task InstallAsync(RunningHost host, int version)
    {
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, $"shop{version}"), "shop", $"{version}.0.0", Shop.Replace("EXTRA", $"Extra{version}", StringComparison.Ordinal));
        await host.PostAsync("/api/v1/plugins", new { path = folder, update = version > 1 });
    }

    private static IEnumerable<string> Words(JsonNode list) => list.AsArray().Select(w => (string)w!);

    private static void Is(string expected, JsonNode? actual) => Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), actual?.ToJsonString());
}
