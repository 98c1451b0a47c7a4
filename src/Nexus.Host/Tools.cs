using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Plugins;

namespace Nexus;

/// <summary>What the command line does without a running host, in the program that knows the rooms: <c>tool pack|validate|publish|config-…|db-…</c>.</summary>
internal static class Tools
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Runs a tool; 0 done, 65 the input is not valid, 64 there is no such tool.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var json = args.Contains("--json");
        try
        {
            if (await TrustTools.RunAsync(args, json) is { } exit) return exit;
            return args.Where(a => a != "--json").ToArray() switch
            {
                ["pack", var folder] => await PackAsync(folder, null, json),
                ["pack", var folder, var output] => await PackAsync(folder, output, json),
                ["validate", var path] => await ValidateAsync(path, json),
                ["publish", var package, var registry] => await PublishAsync(package, registry, json),
                ["config-show", .. var settings] => Show(settings, json),
                ["config-validate", .. var settings] => Check(settings, json),
                ["config-schema", ..] => Print(NexusConfiguration.Schema()),
                ["db-init", .. var settings] => Done(await DatabaseTools.InitAsync(settings), json),
                ["db-migrate", .. var settings] => Done(await DatabaseTools.MigrateAsync(settings), json),
                ["db-reset", .. var settings] => Done(await DatabaseTools.ResetAsync(settings), json),
                _ => Usage(),
            };
        }
        catch (NexusException error)
        {
            if (json) Print(new JsonObject { ["code"] = error.Code, ["detail"] = error.Message, ["errors"] = new JsonArray([.. error.Errors.Select(e => (JsonNode)new JsonObject { ["pointer"] = e.Pointer, ["code"] = e.Code, ["message"] = e.Message })]) }.ToJsonString(Indented));
            await Console.Error.WriteLineAsync($"{error.Code}: {error.Message}");
            foreach (var one in error.Errors) await Console.Error.WriteLineAsync($"  {one.Pointer}  {one.Message}");
            return 65;
        }
    }

    private static async Task<int> PackAsync(string folder, string? output, bool json)
    {
        var manifest = await PluginPackages.ValidateAsync(folder);
        var file = output ?? Path.Combine(Environment.CurrentDirectory, $"{manifest.Name}-{manifest.Version}.nxp");
        file = await PluginPackages.PackAsync(folder, file);
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(file)));
        return Print(json ? new JsonObject { ["file"] = file, ["hash"] = hash, ["id"] = manifest.Name, ["version"] = manifest.Version }.ToJsonString(Indented) : $"{file}\n{manifest.Name} {manifest.Version}, SHA-256 {hash}");
    }

    private static async Task<int> ValidateAsync(string path, bool json)
    {
        var manifest = await PluginPackages.ValidateAsync(path);
        var asked = manifest.Permissions.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        var findings = await PluginPackages.InspectAsync(path);
        if (json)
            return Print(new JsonObject { ["id"] = manifest.Name, ["version"] = manifest.Version, ["valid"] = true, ["code"] = new JsonArray([.. findings.Select(f => (JsonNode)new JsonObject { ["assembly"] = f.Assembly, ["location"] = f.Location, ["member"] = f.Member, ["capability"] = f.Capability, ["asked"] = asked.Contains(f.Capability) })]) }.ToJsonString(Indented));
        return Print(string.Join('\n', findings.Select(f => $"{(asked.Contains(f.Capability) ? "ok" : "!!")}  {f.Location} ({f.Assembly}) uses {f.Member}, which needs {f.Capability}{(asked.Contains(f.Capability) ? "" : ": the manifest does not ask for it, and a node in production refuses the package")}").Prepend($"{manifest.Name} {manifest.Version} is valid")));
    }

    private static async Task<int> PublishAsync(string package, string registry, bool json)
    {
        var offer = await PluginPackages.PublishAsync(package, registry);
        return Print(json ? new JsonObject { ["id"] = offer.Name, ["version"] = offer.Version, ["file"] = Path.Combine(registry, offer.File), ["sha256"] = offer.Sha256 }.ToJsonString(Indented) : $"{offer.Name} {offer.Version} is in {registry}");
    }

    /// <summary><c>--defaults</c>: what holds where nothing is configured. <c>--env NAME</c>: what would hold in another environment; without a name, which one it is and what makes it differ from the defaults.</summary>
    private static int Show(string[] settings, bool json)
    {
        var index = Array.IndexOf(settings, "--env");
        var other = index >= 0 && index + 1 < settings.Length && !settings[index + 1].StartsWith('-') ? settings[index + 1] : null;
        var rest = settings.Where((s, i) => s != "--defaults" && i != index && (other is null || i != index + 1));
        using var configuration = settings.Contains("--defaults") ? HostConfiguration.Defaults() : HostConfiguration.Load([.. rest, .. other is null ? Array.Empty<string>() : [$"--environment={other}"]]);
        var values = configuration.Show();
        if (index >= 0 && other is null)
            values = [.. values.Where(v => v.Key == "environment" || v.Source != "default")];
        if (json)
            return Print(new JsonArray([.. values.Select(v => (JsonNode)new JsonObject { ["key"] = v.Key, ["value"] = v.Value, ["source"] = v.Source, ["secret"] = v.Secret, ["restart"] = v.Restart })]).ToJsonString(Indented));
        var width = values.Max(v => v.Key.Length);
        return Print(string.Join('\n', values.Select(v => $"{v.Key.PadRight(width)}  {v.Value ?? "(none)"}  [{v.Source}]")));
    }

    private static int Check(string[] settings, bool json)
    {
        using var configuration = HostConfiguration.Load(settings);
        return Print(json ? """{"valid":true}""" : $"the configuration is valid for {configuration.Environment}");
    }

    private static int Done(string text, bool json) => Print(json ? new JsonObject { ["done"] = text }.ToJsonString(Indented) : text);

    private static int Print(string text)
    {
        Console.WriteLine(text);
        return 0;
    }

    private static int Usage()
    {
        Console.Error.WriteLine("usage: tool pack FOLDER [FILE] | validate PATH | publish PACKAGE REGISTRY | config-show | config-validate | config-schema | db-init | db-migrate | db-reset [--json] [settings]");
        return 64;
    }
}
