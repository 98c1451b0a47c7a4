using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin keygen|sign|verify|certify|trust</c>: whose packages run. None needs a running host; a running one sees the change at the next install or start of a plugin.</summary>
internal static class PluginTrustCommands
{
    public static IEnumerable<Command> Build()
    {
        var data = new Option<string?>("--data") { Description = "The node's data folder (default: that of the configuration here)" };
        return
        [
            Tool("keygen", "Make a key to sign packages with", ["file", "name"], ["Where to write the private key; the public one goes beside it as FILE.pub", "Whose key it is"], []),
            Tool("sign", "Sign a package", ["package", "key"], ["A .nxp file", "The private key"], [Named("--expires", "From this day on it is not installed any more"), Named("--certificate", "A certificate of the key, made with `certify` by a trusted one")]),
            Tool("verify", "Check a package as a node does that asks for signatures", ["package"], ["A .nxp file"], [data]),
            Tool("certify", "Vouch for a new key with an old one, so that nodes that trust the old one take packages of the new", ["public-key", "issuer-key", "output"], ["The new key's .pub file", "The old private key", "Where to write the certificate"], [Named("--until", "The new key counts until this day", required: true)]),
            new Command("trust", "Say which keys count on a node")
            {
                Tool("add", "Trust a key", ["public-key"], ["Its .pub file"], [data, Named("--until", "It counts until this day")], "trust-add"),
                Tool("list", "List the trusted keys", [], [], [data], "trust-list"),
                Tool("remove", "Trust a key no longer; what is installed runs on", ["id"], ["Its id"], [data], "trust-remove"),
                Tool("revoke", "Refuse a key or a package's content from now on, also what is installed", ["id", "reason"], ["Id of the key, or content hash of the package", "Why, for those who are refused"], [data], "trust-revoke"),
            },
        ];
    }

    private static Option<string?> Named(string name, string description, bool required = false) => new(name) { Description = description, Required = required };

    private static Command Tool(string name, string description, string[] arguments, string[] meanings, Option<string?>[] options, string? tool = null)
    {
        var command = new Command(name, description);
        var words = arguments.Zip(meanings, (argument, meaning) => new Argument<string>(argument) { Description = meaning }).ToArray();
        foreach (var word in words) command.Add(word);
        foreach (var option in options) command.Add(option);
        command.SetAction((call, cancel) => HostProgram.RunAsync(
        [
            "tool", tool ?? name, .. words.Select(w => call.GetValue(w)!),
            .. options.Where(o => call.GetValue(o) is not null).Select(o => o.Name == "--data" ? $"--plugins:dataDirectory={Path.GetFullPath(call.GetValue(o)!)}" : $"{o.Name}={call.GetValue(o)}"),
            .. call.GetValue(Root.Json) ? ["--json"] : Array.Empty<string>(),
        ], cancel));
        return command;
    }
}
