using Nexus.Tests.Shared;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.OpenId;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class OpenIdClientTests
{
    [Fact]
    public async Task The_openid_client_of_npm_signs_in_with_code_and_proof_key_refreshes_and_revokes()
    {
        var folder = await ForeignTools.FolderAsync();
        await using var nexus = await RunningNexus.StartAsync();
        await nexus.AddUserAsync("ada", "ada@example.com");
        await nexus.Get<ClientRegistry>().AddAsync(new ClientRequest("mobile", "Mobile", ["http://127.0.0.1/callback"], null, null), default);

        var output = await ForeignTools.RunAsync("node", folder, "sign-in.mjs", JsonSerializer.Serialize(new { issuer = nexus.Address, clientId = "mobile", redirect = "http://127.0.0.1:49152/callback", user = "ada", password = RunningNexus.Password }));

        Assert.Equal(
            """{"email":"ada@example.com","name":"ada L.","username":"ada","rotated":true,"scope":"openid profile email offline_access","revoked":"refused 401","silent":true,"bye":"/oauth/end-session"}""",
            JsonNode.Parse(output)!.ToJsonString());
    }
}
