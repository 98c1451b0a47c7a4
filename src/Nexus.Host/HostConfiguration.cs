using System.Collections;
using Nexus.Kernel.Configuration;

namespace Nexus;

/// <summary>The host's configuration: validated as a whole before any port opens.</summary>
internal static class HostConfiguration
{
    private static readonly (string Name, string Key)[] Lists = [("--plugins", "plugins:only"), ("--roles", "node:roles")];

    /// <summary>Reads it from the working directory (or its folder <c>config</c>, <c>~/.nexus</c>, <c>/etc/nexus</c>, or where <c>NEXUS_CONFIG_PATH</c> says), the environment and the command line.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every error, file, line and key.</exception>
    public static NexusConfiguration Load(string[] args) => NexusConfiguration.Load(new ConfigurationRequest(
        [.. Spelled(args)],
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "", StringComparer.Ordinal),
        Directory.GetCurrentDirectory())
    {
        SearchDirectories = [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nexus"), "/etc/nexus"],
        Checks = [ProductionChecks.Check],
    });

    /// <summary>The configuration where there is no file, no variable and no option.</summary>
    public static NexusConfiguration Defaults() =>
        NexusConfiguration.Load(new ConfigurationRequest([], new Dictionary<string, string>(), Path.Combine(AppContext.BaseDirectory, "none")) { Checks = [ProductionChecks.Check] });

    /// <summary><c>--plugins a,b</c> is short for <c>--plugins:only:0=a --plugins:only:1=b</c>, <c>--roles gateway</c> for <c>--node:roles:0=gateway</c>, <c>--no-worker</c> for <c>--tasks:worker=false</c>.</summary>
    private static IEnumerable<string> Spelled(string[] args)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i++)
        {
            var (name, key) = Lists.FirstOrDefault(l => args[i] == l.Name || args[i].StartsWith(l.Name + "=", StringComparison.Ordinal));
            if (name is null || (args[i] == name && i + 1 == args.Length))
            {
                yield return args[i] == "--no-worker" ? "--tasks:worker=false" : args[i];
                continue;
            }

            var values = args[i] == name ? args[++i] : args[i][(name.Length + 1)..];
            foreach (var value in values.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                var number = counts[key] = counts.GetValueOrDefault(key, -1) + 1;
                yield return $"--{key}:{number.ToString(System.Globalization.CultureInfo.InvariantCulture)}={value}";
            }
        }
    }
}
