using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Trust;

namespace Nexus;

/// <summary>Keys, signatures and trust, without a running host: <c>tool keygen|sign|verify|certify|trust-add|trust-list|trust-remove|trust-revoke</c>.</summary>
internal static class TrustTools
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Runs one; null when there is no such tool.</summary>
    public static async Task<int?> RunAsync(string[] args, bool json)
    {
        var words = args.Where(a => !a.StartsWith("--", StringComparison.Ordinal)).ToArray();
        switch (words)
        {
            case ["keygen", var file, var name]:
                var made = await PluginTrust.GenerateAsync(file, name);
                return Print(json, made, $"{file} has the private key: keep it to yourself\n{file}.pub has the public key {made.KeyId}: give it to those who shall trust it");
            case ["sign", var package, var key]:
                var signed = await PluginTrust.SignAsync(package, key, Until(args, "expires"), [.. Values(args, "certificate")]);
                return Print(json, signed, $"{signed.Id} {signed.Version} is signed by {signed.KeyId}");
            case ["verify", var package]:
                var verdict = await PluginTrust.VerifyAsync(package, Options(args));
                return Print(json, verdict, $"{verdict.Id} {verdict.Version}, content {verdict.ContentHash}, signed by {verdict.KeyId} on {verdict.SignedAt}: trusted");
            case ["certify", var publicKey, var issuer, var output]:
                var certified = await PluginTrust.CertifyAsync(publicKey, issuer, Until(args, "until") ?? throw new NexusException(ErrorCodes.BadRequest, "say how long it counts with --until=2030-01-01."), output);
                return Print(json, certified, $"{output} vouches for {certified.KeyId} until {certified.ValidUntil}");
            case ["trust-add", var file]:
                var trusted = await PluginTrust.TrustAsync(Options(args), file, Until(args, "until"));
                return Print(json, trusted, $"{trusted.KeyId} ({trusted.Name}) is trusted");
            case ["trust-list"]:
                var keys = await PluginTrust.ListAsync(Options(args));
                return Print(json, keys, keys.IsEmpty ? "no key is trusted" : string.Join('\n', keys.Select(k => $"{k.KeyId}  {k.Name}{(k.ValidUntil is { } until ? $"  until {until}" : "")}")));
            case ["trust-remove", var id]:
                return PluginTrust.Remove(Options(args), id)
                    ? Print(json, new { removed = id }, $"{id} is not trusted any more; what is installed runs on. To stop that too, revoke the key.")
                    : throw new NexusException(ErrorCodes.ResourceNotFound, $"No trusted key has the id {id}; `nexus plugin trust list` shows them. Keys of plugins.trust.keys are removed there.");
            case ["trust-revoke", var id, var reason]:
                await PluginTrust.RevokeAsync(Options(args), id, reason);
                return Print(json, new { revoked = id, reason }, $"{id} is revoked: packages of it are refused from now on, also at the next start");
            default:
                return null;
        }
    }

    /// <summary>The settings of the node in this folder: where its trust lies.</summary>
    private static PluginsOptions Options(string[] args)
    {
        using var configuration = HostConfiguration.Load([.. args.Where(a => a.StartsWith("--plugins:", StringComparison.Ordinal))]);
        var options = new PluginsOptions();
        configuration.Root.GetSection("plugins").Bind(options);
        options.DataDirectory = configuration.Root["plugins:dataDirectory"] ?? configuration.Root["database:directory"] ?? "data";
        return options;
    }

    private static IEnumerable<string> Values(string[] args, string name) => args.Where(a => a.StartsWith($"--{name}=", StringComparison.Ordinal)).Select(a => a[(name.Length + 3)..]);

    private static DateTimeOffset? Until(string[] args, string name) => Values(args, name).FirstOrDefault() is not { } text ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time
        : throw new NexusException(ErrorCodes.BadRequest, $"'{text}' is no date; write 2030-01-01.");

    private static int Print<T>(bool json, T value, string text)
    {
        Console.WriteLine(json ? JsonSerializer.SerializeToNode(value, Indented)!.ToJsonString(Indented) : text);
        return 0;
    }
}
