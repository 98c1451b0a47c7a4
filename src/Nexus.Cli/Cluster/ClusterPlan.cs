using System.Globalization;

namespace Nexus.Cli.Cluster;

/// <summary>What the operator asked for.</summary>
/// <param name="Folder">Folder of the cluster's data.</param>
/// <param name="Port">Wanted port of nginx.</param>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Settings">Settings for every node.</param>
internal sealed record ClusterPlan(string Folder, int Port, int Nodes, IReadOnlyList<string> Settings)
{
    /// <summary>First wanted port of the nodes; engines get those after.</summary>
    public int FirstNodePort { get; init; } = 8001;

    /// <summary>Folder of the plugins that every node runs.</summary>
    public string Plugins { get; init; } = Path.Combine(HostProgram.Root, "artifacts", "release", "plugins");

    /// <summary>Whether there is a broker: its plugin and its program.</summary>
    public bool HasBroker => Directory.Exists(Path.Combine(Plugins, "engines.rabbitmq")) && SystemPrograms.Find("rabbitmq-server") is not null && SystemPrograms.Find("epmd") is not null;

    /// <summary>A file or folder that the installation ships.</summary>
    /// <exception cref="CliException">It does not.</exception>
    public static string Shipped(string name) => Path.Combine(HostProgram.Root, name) is var path && (File.Exists(path) || Directory.Exists(path)) ? path
        : throw new CliException($"nexus: {path} is missing; a cluster needs the folder deploy/ of the installation.", ExitCodes.Unreachable);

    /// <summary>The settings that make a node one of this cluster.</summary>
    /// <param name="folder">The cluster's folder.</param>
    /// <param name="number">Number of the node, from 1.</param>
    /// <param name="port">Its port.</param>
    /// <param name="addresses">Addresses of what the nodes share, as variables, which other users do not see.</param>
    public MemberPlan Node(ClusterFolder folder, int number, int port, IReadOnlyDictionary<string, string> addresses)
    {
        var own = folder.Within($"node-{number}");
        string[] arguments =
        [
            HostProgram.Path, $"--server:port={Text(port)}", $"--server:publicUrl=http://127.0.0.1:{Text(Port)}", $"--node:address=http://127.0.0.1:{Text(port)}",
            $"--database:directory={own}", $"--plugins:dataDirectory={own}", "--database:type=postgresql", "--database:pool:maxSize=30", "--cache:type=redis", "--security:rateLimits:shared=true", "--security:trustedProxies:0=127.0.0.1",
            $"--encryption:file={folder.SecretFile("master.key", Convert.ToBase64String)}", $"--metrics:tokenFile={folder.SecretFile("metrics")}", "--logging:format=json", $"--logging:service=node-{number}",
            $"--plugins:directories:0={Plugins}", $"--plugins:trust:directories:0={Plugins}",
            .. addresses.ContainsKey(BrokerVariable) ? ["--events:transport=rabbitmq"] : Array.Empty<string>(), .. Settings,
        ];
        return new MemberPlan($"node-{number}", SystemPrograms.Find("dotnet") ?? "dotnet", arguments, $"http://127.0.0.1:{port}")
        {
            Folder = own,
            Variables = addresses,
            IsReady = cancel => Probes.HttpAsync($"http://127.0.0.1:{port}/health/ready", cancel),
            Tell = "one-time password",
        };
    }

    /// <summary>Variable of the broker's address.</summary>
    public const string BrokerVariable = "NEXUS_PLUGINS__ENGINES_RABBITMQ__CONNECTIONSTRING";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
