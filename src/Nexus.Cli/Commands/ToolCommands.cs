using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus tool</c> and <c>nexus mcp</c>: what models may ask of the host, and what people let them.</summary>
internal static class ToolCommands
{
    public static Command Build()
    {
        var list = new Command("list", "List the tools that you may use");
        list.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/tools", cancel), found => Output.Table(found,
                Output.Column("NAME", "name"), Output.Column("WRITES", "writes"), Output.Column("PERMISSION", "permission"), Output.Column("DESCRIPTION", "description")));
        });
        var approvals = new Command("approvals", "List calls that wait for a decision, with their exact arguments");
        approvals.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/tools/approvals", cancel), found => Output.Table(found,
                Output.Column("ID", "id"), Output.Column("STATE", "state"), ("CALLER", a => (string?)a["caller"]?["name"]), Output.Column("TOOL", "tool"), ("ARGUMENTS", a => a["arguments"]?.ToJsonString()), Output.Column("EXPIRES", "expiresAt")));
        });
        return new Command("tool", "Tools for models, and the calls that people decide") { list, approvals, Decide("approve", "Let one exact call happen once"), Decide("deny", "Refuse a call") };
    }

    /// <summary>The Model Context Protocol over standard input and output, for clients that start their servers as programs.</summary>
    public static Command BuildMcp()
    {
        var command = new Command("mcp", "Serve the Model Context Protocol over standard input and output, with your own rights on the host");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            using var output = new SemaphoreSlim(1);
            var running = new List<Task>();
            // The client ends the conversation by closing the input; what was asked until then is answered.
            while (await Console.In.ReadLineAsync(cancel) is { } line)
            {
                if (string.IsNullOrWhiteSpace(line))
                    continue;
                running.RemoveAll(t => t.IsCompleted);
                running.Add(AnswerAsync(host, line, output, cancel));
            }

            await Task.WhenAll(running);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Decide(string verb, string description)
    {
        var id = new Argument<string>("id") { Description = "Id of the approval" };
        var command = new Command(verb, description) { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync($"/api/v1/tools/approvals/{Uri.EscapeDataString(call.GetValue(id)!)}/{verb}", null, cancel), decided => Console.WriteLine($"{(string?)decided!["tool"]} {decided["arguments"]?.ToJsonString()}: {(string?)decided["state"]}"));
        });
        return command;
    }

    private static async Task AnswerAsync(Host host, string message, SemaphoreSlim output, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var line in host.LinesAsync(HttpMethod.Post, "/mcp", [new MediaTypeWithQualityHeaderValue("text/event-stream"), new MediaTypeWithQualityHeaderValue("application/json")], new StringContent(message, Encoding.UTF8, "application/json"), cancellationToken))
            {
                if (line.StartsWith("data:", StringComparison.Ordinal))
                    await WriteAsync(output, line[5..].Trim());
            }
        }
        catch (Exception e) when (e is CliException or HttpRequestException or IOException)
        {
            if (IdOf(message) is { } id)
                await WriteAsync(output, new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id, ["error"] = new JsonObject { ["code"] = -32603, ["message"] = e.Message } }.ToJsonString());
        }
    }

    private static async Task WriteAsync(SemaphoreSlim output, string line)
    {
        await output.WaitAsync();
        try
        {
            await Console.Out.WriteLineAsync(line);
            await Console.Out.FlushAsync();
        }
        finally
        {
            output.Release();
        }
    }

    private static JsonNode? IdOf(string message)
    {
        try
        {
            return JsonNode.Parse(message) is JsonObject asked ? asked["id"]?.DeepClone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
