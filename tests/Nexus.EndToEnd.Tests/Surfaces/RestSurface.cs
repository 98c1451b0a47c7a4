using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>REST.</summary>
internal sealed class RestSurface(RunningHost host) : RememberingSurface
{
    private const string Root = "/api/custom/shop/orders";

    public override string Name => "REST";

    public override async Task<string> RunAsync(Step step)
    {
        using var request = step.Verb switch
        {
            "create" => new HttpRequestMessage(HttpMethod.Post, Root),
            "list" => new HttpRequestMessage(HttpMethod.Get, $"{Root}?{Query(step)}"),
            "get" => new HttpRequestMessage(HttpMethod.Get, One(step)),
            "update" => new HttpRequestMessage(HttpMethod.Patch, One(step)),
            "delete" => new HttpRequestMessage(HttpMethod.Delete, One(step)),
            var action => new HttpRequestMessage(HttpMethod.Post, $"{One(step)}/actions/{action}"),
        };
        request.Headers.Authorization = new("Bearer", KeyOf(step));
        if (step.Body is not null)
            request.Content = new StringContent(step.Body, Encoding.UTF8, "application/json");
        if (step.IfRevision is { } revision)
            request.Headers.Add("If-Match", $"\"{revision}\"");
        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        var body = text.Length == 0 ? null : JsonNode.Parse(text);
        if (!answer.IsSuccessStatusCode)
            return Outcome.Refused((string?)body?["code"], body?["errors"]?.AsArray().Select(e => (string?)e!["pointer"]) ?? []);
        return step.Verb switch
        {
            "delete" => Outcome.Deleted,
            "list" => Listed(body!.AsArray(), NextOf(answer), answer.Headers.TryGetValues("X-Total-Count", out var total) ? long.Parse(total.First(), CultureInfo.InvariantCulture) : null),
            _ => Made(step, body),
        };
    }

    private string One(Step step) => $"{Root}/{Uri.EscapeDataString(IdOf(step))}";

    private string Query(Step step) => string.Join('&', new (string Name, string? Value)[]
    {
        ("filter", step.Filter), ("sort", step.Sort), ("q", step.Words), ("limit", step.Limit?.ToString(CultureInfo.InvariantCulture)), ("cursor", CursorOf(step)), ("count", step.Count ? "true" : null),
    }.Where(p => p.Value is not null).Select(p => $"{p.Name}={WebUtility.UrlEncode(p.Value)}"));

    private static string? NextOf(HttpResponseMessage answer)
    {
        var link = answer.Headers.TryGetValues("Link", out var links) ? links.FirstOrDefault(l => l.Contains("rel=\"next\"", StringComparison.Ordinal)) : null;
        return link is null ? null : WebUtility.UrlDecode(link.Split("cursor=")[1].Split('&', '>')[0]);
    }
}
