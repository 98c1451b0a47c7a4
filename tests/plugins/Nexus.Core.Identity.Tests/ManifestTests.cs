using System.Reflection;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.External;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Tests;

/// <summary>The manifest's configuration schema says what the options say.</summary>
public sealed class ManifestTests
{
    [Fact]
    public void Every_setting_is_in_the_schema_and_every_key_of_the_schema_is_a_setting()
    {
        var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Root(), "plugins", "core", "identity", "manifest.json")))!["configuration"]!;

        Check(schema, new IdentityOptions(), "password", "mail", "tokens", "external");
        Check(schema["properties"]!["password"]!, new PasswordOptions());
        Check(schema["properties"]!["mail"]!, new MailOptions());
        Check(schema["properties"]!["tokens"]!, new TokenOptions());
        Check(schema["properties"]!["external"]!, new ExternalOptions());
        Check(schema["properties"]!["external"]!["properties"]!["providers"]!["additionalProperties"]!, new ExternalProvider());
    }

    private static void Check(JsonNode schema, object options, params string[] sections)
    {
        var settings = options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).ToDictionary(p => char.ToLowerInvariant(p.Name[0]) + p.Name[1..], p => p.GetValue(options), StringComparer.Ordinal);
        var keys = schema["properties"]!.AsObject().ToDictionary(p => p.Key, p => p.Value!, StringComparer.Ordinal);

        Assert.Equal(settings.Keys.Concat(sections).Order(StringComparer.Ordinal), keys.Keys.Order(StringComparer.Ordinal));
        Assert.All(settings.Where(s => keys[s.Key]["default"] is not null), s => Assert.Equal(Convert.ToString(s.Value, System.Globalization.CultureInfo.InvariantCulture), Text(keys[s.Key]["default"]!)));
        Assert.All(settings.Where(s => s.Key.Contains("secret", StringComparison.OrdinalIgnoreCase) || s.Key is "password" or "administratorPassword"), s => Assert.True((bool)keys[s.Key]["secret"]!));
    }

    private static string Text(JsonNode value) => value.GetValueKind() is System.Text.Json.JsonValueKind.True ? "True" : value.ToString();

    private static string Root()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "Nexus.slnx"))) root = root.Parent;
        return root.FullName;
    }
}
