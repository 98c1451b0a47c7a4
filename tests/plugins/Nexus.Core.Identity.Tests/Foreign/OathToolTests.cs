using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Totp;
using Nexus.Tests.Shared;

namespace Nexus.Core.Identity.Tests.Foreign;

public sealed class OathToolTests
{
    [Fact]
    public async Task Codes_of_oathtool_enable_the_second_factor_and_sign_in_once_each()
    {
        var oathtool = ToolProcess.Find("oathtool");
        await using var nexus = await RunningNexus.StartAsync();
        await nexus.AddUserAsync("ada", "ada@example.com");
        var (_, tokens) = await PostAsync(nexus, "/login", null, new { username = "ada", password = RunningNexus.Password });
        var token = (string?)tokens["access_token"];
        var (_, secret) = await PostAsync(nexus, "/api/v1/auth/2fa/enable", token, new { });
        // The step before, so that the current one is left for the sign-in.
        async Task<string> CodeAsync(int steps) => (await ForeignTools.RunAsync(oathtool, "/", "--totp", "-b", (string)secret["secret"]!, "-N", $"{TimeProvider.System.GetUtcNow().AddSeconds(30 * steps):yyyy-MM-dd HH:mm:ss} UTC")).Trim();

        long step;
        int verified;
        // The step before is over for good when the current one ends meanwhile; then it is asked again.
        do (step, verified) = (OneTimeCode.StepOf(TimeProvider.System.GetUtcNow()), (await PostAsync(nexus, "/api/v1/auth/2fa/verify", token, new { code = await CodeAsync(-1) })).Status);
        while (verified != 200 && OneTimeCode.StepOf(TimeProvider.System.GetUtcNow()) != step);
        Assert.Equal(200, verified);
        var (status, problem) = await PostAsync(nexus, "/login", null, new { username = "ada", password = RunningNexus.Password });
        Assert.Equal("401 TWO_FACTOR_REQUIRED", $"{status} {problem["code"]}");
        var code = await CodeAsync(0);
        Assert.Equal(200, (await PostAsync(nexus, "/api/v1/auth/2fa/challenge", null, new { challenge = (string?)problem["challenge"], code })).Status);

        Assert.Equal(401, (await PostAsync(nexus, "/api/v1/auth/login", null, new { username = "ada", password = RunningNexus.Password, code })).Status);
        Assert.Equal(200, (await PostAsync(nexus, "/api/v1/auth/login", null, new { username = "ada", password = RunningNexus.Password, code = await CodeAsync(1) })).Status);
    }

    private static async Task<(int Status, JsonObject Body)> PostAsync(RunningNexus nexus, string path, string? token, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        using var answer = await nexus.Client.SendAsync(request);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsObject());
    }
}
