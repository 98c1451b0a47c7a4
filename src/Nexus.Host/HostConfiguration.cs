using System.Collections;
using Nexus.Kernel.Configuration;

namespace Nexus;

/// <summary>The host's configuration: validated as a whole before any port opens.</summary>
internal static class HostConfiguration
{
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

    /// <summary><c>--plugins a,b</c> is short for <c>--plugins:only:0=a --plugins:only:1=b</c>, <c>--no-worker</c> for <c>--tasks:worker=false</c>.</summary>
    private static IEnumerable<string> Spelled(string[] args)
    {
        var only = 0;
        for (var i = 0; i < args.Length; i++)
        {
            var ids = args[i] == "--plugins" && i + 1 < args.Length ? args[++i] : args[i].StartsWith("--plugins=", StringComparison.Ordinal) ? args[i]["--plugins=".Length..] : null;
            if (ids is null)
            {
                yield return args[i] == "--no-worker" ? "--tasks:worker=false" : args[i];
                continue;
            }

            foreach (var id in ids.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                yield return $"--plugins:only:{(only++).ToString(System.Globalization.CultureInfo.InvariantCulture)}={id}";
        }
    }
}
