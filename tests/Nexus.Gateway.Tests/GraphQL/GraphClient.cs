using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.GraphQL;

/// <summary>Sends operations to a host.</summary>
internal static class GraphClient
{
    public static async Task<JsonNode> QueryAsync(this GatewayHost host, string query, object? variables = null, string accept = "application/graphql-response+json")
    {
        using var answer = await host.PostAsync(query, variables, accept);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    public static async Task<HttpResponseMessage> PostAsync(this GatewayHost host, string query, object? variables = null, string accept = "application/graphql-response+json", params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = JsonContent.Create(new { query, variables }) };
        request.Headers.Add("Accept", accept);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await host.Client.SendAsync(request);
    }

    /// <summary>The one error of an answer.</summary>
    public static JsonNode Error(this JsonNode answer) => Assert.Single(answer["errors"]!.AsArray())!;
}
