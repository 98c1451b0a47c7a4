using System.Text.Json.Nodes;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.Tests.Totp;

public sealed class TwoFactorRouteTests
{
    [Fact]
    public async Task A_secret_comes_as_text_as_address_and_as_pictures_and_the_backup_codes_once()
    {
        await using var node = await IdentityNode.StartAsync();
        var token = await node.SignedInAsync("ada", "user");

        var begun = (await node.PostAsync("/api/v1/auth/2fa/enable", null, token)).Json;
        Assert.StartsWith("otpauth://totp/Nexus:ada%40example.org?secret=" + begun["secret"], (string?)begun["address"], StringComparison.Ordinal);
        Assert.StartsWith("<svg", (string?)begun["qrSvg"], StringComparison.Ordinal);
        Assert.StartsWith("data:image/png;base64,iVBORw0KGgo", (string?)begun["qrPng"], StringComparison.Ordinal);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/2fa/verify", new { code = "abc" }, token)).Status);
        var enabled = await node.PostAsync("/api/v1/auth/2fa/verify", new { code = Code(begun, 0) }, token);

        Assert.Equal(10, enabled.Json["codes"]!.AsArray().Count);
        Assert.Equal("True 10", State(await node.GetAsync("/api/v1/auth/2fa", token)));
        Assert.Equal(409, (await node.PostAsync("/api/v1/auth/2fa/enable", null, token)).Status);
    }

    [Fact]
    public async Task A_sign_in_is_completed_by_challenge_and_code_and_only_five_are_tried()
    {
        await using var node = await IdentityNode.StartAsync();
        var (token, begun, codes) = await EnabledAsync(node);

        var asked = await node.LoginAsync("ada", IdentityNode.Password);
        Assert.Equal("401 TWO_FACTOR_REQUIRED 300", $"{asked.Status} {asked.Json["code"]} {asked.Json["expiresIn"]}");
        Assert.Equal(401, (await node.LoginAsync("ada", "wrong")).Status);
        Assert.Equal(200, (await ChallengeAsync(node, asked.Json, codes[0])).Status);
        Assert.Equal(401, (await ChallengeAsync(node, asked.Json, codes[1])).Status);

        var again = (await node.LoginAsync("ada", IdentityNode.Password)).Json;
        for (var i = 0; i < 5; i++) Assert.Equal(401, (await ChallengeAsync(node, again, "wrong")).Status);
        Assert.Equal(401, (await ChallengeAsync(node, again, codes[2])).Status);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/2fa/challenge", new { })).Status);
        Assert.Equal("True 9", State(await node.GetAsync("/api/v1/auth/2fa", token)));
        Assert.NotNull(begun);
    }

    [Fact]
    public async Task Taking_the_factor_away_needs_a_code_or_an_administrator()
    {
        await using var node = await IdentityNode.StartAsync();
        var (token, _, codes) = await EnabledAsync(node);

        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/2fa/disable", new { code = "000000" }, token)).Status);
        Assert.Equal(422, (await node.PostAsync("/api/v1/auth/2fa/backup-codes", new { }, token)).Status);
        var renewed = await node.PostAsync("/api/v1/auth/2fa/backup-codes", new { code = codes[0] }, token);
        Assert.Equal(200, renewed.Status);
        Assert.Equal(204, (await node.PostAsync("/api/v1/auth/2fa/disable", new { code = (string?)renewed.Json["codes"]![0] }, token)).Status);
        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);

        await EnableAsync(node, token);
        Assert.Equal(403, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/ada/2fa", token)).Status);
        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/ada/2fa", node.Admin)).Status);
        Assert.Equal(200, (await node.LoginAsync("ada", IdentityNode.Password)).Status);
    }

    [Fact]
    public async Task An_account_that_is_deleted_leaves_no_second_factor()
    {
        await using var node = await IdentityNode.StartAsync();
        var (token, _, _) = await EnabledAsync(node);
        var id = (string)(await node.GetAsync("/api/v1/auth/me", token)).Json["id"]!;
        Assert.True(await node.Get<TwoFactor>().IsEnabledAsync(id));

        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, $"/api/v1/users/{id}", node.Admin)).Status);

        Assert.False(await node.Get<TwoFactor>().IsEnabledAsync(id));
    }

    private static async Task<(string Token, JsonNode Begun, string[] Codes)> EnabledAsync(IdentityNode node)
    {
        var token = await node.SignedInAsync("ada", "user");
        var (begun, codes) = await EnableAsync(node, token);
        return (token, begun, codes);
    }

    private static async Task<(JsonNode Begun, string[] Codes)> EnableAsync(IdentityNode node, string token)
    {
        var begun = (await node.PostAsync("/api/v1/auth/2fa/enable", null, token)).Json;
        var enabled = (await node.PostAsync("/api/v1/auth/2fa/verify", new { code = Code(begun, 0) }, token)).Json;
        return (begun, [.. enabled["codes"]!.AsArray().Select(c => (string)c!)]);
    }

    private static Task<Answer> ChallengeAsync(IdentityNode node, JsonNode asked, string code) => node.PostAsync("/api/v1/auth/2fa/challenge", new { challenge = (string?)asked["challenge"], code });

    private static string State(Answer answer) => $"{(bool)answer.Json["enabled"]!} {answer.Json["backupCodesLeft"]}";

    private static string Code(JsonNode begun, int steps)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = string.Concat(((string)begun["secret"]!).Select(c => Convert.ToString(Alphabet.IndexOf(c, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        var secret = bits.Chunk(8).Where(b => b.Length == 8).Select(b => Convert.ToByte(new string(b), 2)).ToArray();
        return OneTimeCode.Of(secret, OneTimeCode.StepOf(TimeProvider.System.GetUtcNow()) + steps);
    }
}
