using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli;

/// <summary>Tokens of hosts that somebody signed in to, by address, in <c>~/.nexus/tokens.json</c>, which only its owner may read. <c>NEXUS_TOKEN</c> wins over it and is never stored.</summary>
internal static class SignInStore
{
    private static string File => Path.Combine(Environment.GetEnvironmentVariable("NEXUS_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nexus"), "tokens.json");

    /// <summary>What was stored for a host, or null.</summary>
    public static JsonObject? Find(Uri host) => Read()[Key(host)] as JsonObject;

    /// <summary>Stores the answer of a sign-in; null forgets the host.</summary>
    public static void Store(Uri host, JsonObject? grant)
    {
        var all = Read();
        all.Remove(Key(host));
        if (grant is not null)
        {
            all[Key(host)] = new JsonObject
            {
                ["access_token"] = grant["access_token"]?.DeepClone(),
                ["refresh_token"] = grant["refresh_token"]?.DeepClone(),
                ["expires_at"] = TimeProvider.System.GetUtcNow().AddSeconds((double?)grant["expires_in"] ?? 0).ToUnixTimeSeconds(),
            };
        }

        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(File, options);
        JsonSerializer.Serialize(stream, all);
    }

    private static string Key(Uri host) => host.GetLeftPart(UriPartial.Authority);

    private static JsonObject Read()
    {
        try
        {
            return System.IO.File.Exists(File) ? JsonNode.Parse(System.IO.File.ReadAllText(File)) as JsonObject ?? [] : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
