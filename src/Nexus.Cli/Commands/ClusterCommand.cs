using System.CommandLine;
using System.Runtime.InteropServices;
using Nexus.Cli.Cluster;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus cluster run</c>: nodes, their engines, nginx and Prometheus on this machine; the launcher's <c>./nexus run --profile cluster</c>.</summary>
internal static class ClusterCommand
{
    public static Command Build()
    {
        var port = new Option<int>("--port") { Description = "Port of nginx; a free one when it is taken", DefaultValueFactory = _ => 8000 };
        var nodes = new Option<int>("--nodes") { Description = "How many nodes, 1 to 16", DefaultValueFactory = _ => 3 };
        var data = new Option<string>("--data") { Description = "Folder of everything the cluster keeps", DefaultValueFactory = _ => "./data/cluster" };
        var first = new Option<int>("--first-port") { Description = "First port of the nodes; PostgreSQL, Redis, RabbitMQ and Prometheus have the ports 20 to 25 after it", DefaultValueFactory = _ => 8001 };
        var plugins = new Option<string?>("--plugins-folder") { Description = "Folder of the plugins that every node runs; those of the installation when absent" };
        var settings = new Argument<string[]>("settings") { Description = "Settings for every node, such as --logging:level=debug", Arity = ArgumentArity.ZeroOrMore };
        var run = new Command("run", "Run nodes, PostgreSQL, Redis, RabbitMQ, nginx and Prometheus in the foreground; Ctrl-C stops all of it") { port, nodes, data, first, plugins, settings };
        run.TreatUnmatchedTokensAsErrors = false;
        run.SetAction(async (call, cancel) =>
        {
            if (!OperatingSystem.IsLinux())
                throw new CliException("nexus: a cluster of one machine runs on Linux; elsewhere start the nodes by hand as docs/guide/operating.md says.", ExitCodes.Unreachable);
            if (call.GetValue(nodes) is < 1 or > 16)
                throw new CliException("nexus: --nodes is 1 to 16.", ExitCodes.Usage);
            if (SystemPrograms.Missing() is { Count: > 0 } missing)
                throw new CliException($"nexus: these packages are missing: {string.Join(' ', missing)}\n→ apt-get install -y --no-install-recommends {string.Join(' ', missing)}", ExitCodes.Unreachable);
            var plan = new ClusterPlan(Path.GetFullPath(call.GetValue(data)!), call.GetValue(port), call.GetValue(nodes), [.. call.GetValue(settings) ?? [], .. call.UnmatchedTokens]) { FirstNodePort = call.GetValue(first) };
            if (call.GetValue(plugins) is { } folder)
                plan = plan with { Plugins = Path.GetFullPath(folder) };
            // A terminal that closes is a wish to stop too: the processes are in sessions of their own and would live on.
            using var closed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                closed.Cancel();
            });
            return await new ClusterRun(plan, Console.Out).RunAsync(closed.Token);
        });
        return new Command("cluster", "A whole cluster on one machine") { run };
    }
}
