using System.CommandLine;
using System.Globalization;
using Nexus.Cli.Clients;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus mock</c>: a server that answers as an OpenAPI document says, for those who write callers.</summary>
internal static class MockCommand
{
    public static Command Build()
    {
        var port = new Option<int>("--port", "-p") { Description = "Port on this machine; 0 takes a free one", DefaultValueFactory = _ => 3000 };
        var document = new Option<string?>("--document") { Description = "An OpenAPI document in place of that of the host" };
        var command = new Command("mock", "Serve the examples of what a host serves, or of an OpenAPI document") { port, document };
        command.SetAction(async (call, cancel) =>
        {
            var api = await ClientCommand.DocumentAsync(call, call.GetValue(document), cancel);
            await using var server = new MockServer(api).Build(call.GetValue(port));
            try
            {
                await server.StartAsync(cancel);
            }
            catch (IOException error)
            {
                throw new CliException($"nexus: port {call.GetValue(port).ToString(CultureInfo.InvariantCulture)} cannot be had: {error.Message}");
            }

            Console.WriteLine($"{api.Operations.Count} operations on {server.Urls.First()}; Ctrl-C ends");
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await server.StopAsync(CancellationToken.None);
            return ExitCodes.Done;
        });
        return command;
    }
}
