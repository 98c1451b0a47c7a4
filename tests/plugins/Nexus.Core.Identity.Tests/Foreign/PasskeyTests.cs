using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.Json;
using Nexus.Tests.Shared;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class PasskeyTests
{
    [Fact]
    public async Task The_virtual_authenticator_of_a_browser_registers_a_passkey_and_signs_in_with_it()
    {
        var chromium = ToolProcess.Find("chromium");
        var folder = await ForeignTools.FolderAsync();
        await using var nexus = await RunningNexus.StartAsync();
        await nexus.AddUserAsync("ada", "ada@example.com");
        using var login = await nexus.Client.PostAsJsonAsync("/login", new { username = "ada", password = RunningNexus.Password });
        var token = (string?)JsonNode.Parse(await login.Content.ReadAsStringAsync())!["access_token"];

        var output = await ForeignTools.RunAsync("node", folder, "passkey.mjs", JsonSerializer.Serialize(new { address = nexus.Address, token, executable = chromium }));

        Assert.Equal(
            """{"registered":201,"replayed":401,"signedIn":200,"user":"ada","again":401,"stale":401,"copied":401,"unverified":401,"count":2}""",
            JsonNode.Parse(output)!.ToJsonString());
    }
}
