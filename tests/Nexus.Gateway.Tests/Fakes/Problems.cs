using System.Text.Json.Nodes;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>Checks problem details.</summary>
internal static class Problems
{
    public static async Task<JsonNode> AssertAsync(HttpResponseMessage answer, int status, string code)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == status, $"{(int)answer.StatusCode}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.ToString());
        var problem = JsonNode.Parse(text)!;
        Assert.Equal(code, problem["code"]!.GetValue<string>());
        Assert.Equal(status, problem["status"]!.GetValue<int>());
        Assert.Equal($"/api/v1/errors/{code}", problem["type"]!.GetValue<string>());
        Assert.NotEqual("", problem["detail"]!.GetValue<string>());
        Assert.NotEqual("", problem["traceId"]!.GetValue<string>());
        return problem;
    }
}
