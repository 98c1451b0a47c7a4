using System.Collections;
using Nexus.Kernel.Configuration;

namespace Nexus;

/// <summary>The host's configuration: validated as a whole before any port opens.</summary>
internal static class HostConfiguration
{
    /// <summary>Reads it from the working directory, the environment and the command line.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every error, file, line and key.</exception>
    public static NexusConfiguration Load(string[] args) => NexusConfiguration.Load(new ConfigurationRequest(
        [.. args],
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "", StringComparer.Ordinal),
        Directory.GetCurrentDirectory()));
}
