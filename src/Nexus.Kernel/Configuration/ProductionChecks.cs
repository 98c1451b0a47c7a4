using Microsoft.Extensions.Configuration;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>What a production node refuses to start with: values that are fine on a developer's machine and dangerous elsewhere.</summary>
public static class ProductionChecks
{
    private const int MinSigningKeyLength = 32;

    private static readonly string[] Defaults = ["admin", "administrator", "changeme", "change-me", "change_me", "default", "letmein", "nexus", "password", "password123", "secret", "test", "123456", "12345678"];

    /// <summary>Every unsafe value of a configuration whose environment is <c>production</c>; none in others. Values of secrets are not repeated in the messages.</summary>
    public static IEnumerable<FieldError> Check(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (!string.Equals(configuration["environment"], "production", StringComparison.OrdinalIgnoreCase))
            yield break;
        if (configuration["logging:level"]?.ToLowerInvariant() is "trace" or "debug")
            yield return new("logging:level", "unsafe", "'logging.level' logs what callers send; in production it must be information or higher");
        if (string.Equals(configuration["database:type"], "memory", StringComparison.OrdinalIgnoreCase))
            yield return new("database:type", "unsafe", "'database.type' is memory, which loses everything at the end of the process; in production it must be an engine that stores");
        if (configuration.GetSection("server:allowedHosts").GetChildren().FirstOrDefault(h => h.Value == "*") is { } any)
            yield return new(any.Path, "unsafe", "'server.allowedHosts' has *, which lets web pages reach the node by a name of their own; in production it must list the node's names");
        foreach (var error in configuration.AsEnumerable().Where(v => v.Value is { Length: > 0 }).OrderBy(v => v.Key, StringComparer.Ordinal).SelectMany(v => CheckSecret(v.Key, v.Value!)))
            yield return error;
    }

    private static IEnumerable<FieldError> CheckSecret(string key, string value)
    {
        var name = key[(key.LastIndexOf(':') + 1)..];
        if (!SecretNames.Matches(name))
            yield break;
        if (Defaults.Contains(value, StringComparer.OrdinalIgnoreCase))
            yield return new(key, "unsafe", $"'{key.Replace(':', '.')}' is a value that everybody knows; in production it must be one of your own");
        else if ((name.Contains("jwt", StringComparison.OrdinalIgnoreCase) || name.Contains("signing", StringComparison.OrdinalIgnoreCase)) && value.Length < MinSigningKeyLength)
            yield return new(key, "unsafe", $"'{key.Replace(':', '.')}' signs tokens and has {value.Length} characters; in production it must have at least {MinSigningKeyLength}");
    }
}
