using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Search over all resources. It asks for no permission of its own: a caller finds what it may read.</summary>
internal sealed class SearchRoutes(IServiceProvider host, ServerSettings settings) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/search", "search", "Records of all resources that match a text and that the caller may read, best first", PlatformRoute.Anyone, SearchAsync)
        {
            Query = [("q", "words; \"words in quotes\" stand together; -word must not be there"), ("in", "resources such as orders.orders, parted by commas; all when absent"), ("limit", "1 to 100, 20 when absent"), ("offset", "records to pass over")],
            Answer = Answer.Written("SearchAnswer", """{"type":"object","required":["items","total","counts"],"properties":{"items":{"type":"array","items":{"type":"object","required":["resource","id","record"],"properties":{"resource":{"type":"string"},"id":{"type":"string"},"record":{"type":"object","additionalProperties":true}}}},"total":{"type":"integer","format":"int64"},"counts":{"type":"object","additionalProperties":{"type":"integer"}}}}"""),
        },
    ];

    private async Task SearchAsync(HttpContext context)
    {
        var search = host.GetService<ISearch>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no search.");
        var answer = await search.SearchAsync(Read(context.Request.Query), GatewayRequest.Of(context).Context, context.RequestAborted);
        context.Response.Headers.CacheControl = "no-store";
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (var (resource, record) in answer.Found)
            {
                json.WriteStartObject();
                json.WriteString("resource", resource.Table);
                json.WriteString("id", record.Id);
                json.WritePropertyName("record");
                json.WriteRawValue((JsonProjection.For(resource, settings.Current.HiddenFields)?.Apply(record.Json) ?? record.Json).Span, skipInputValidation: true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("total", answer.Counts.Values.Sum());
            json.WriteStartObject("counts");
            foreach (var (table, count) in answer.Counts)
                json.WriteNumber(table, count);
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    private static SearchQuestion Read(IQueryCollection query)
    {
        if (query.Keys.FirstOrDefault(k => k is not ("q" or "in" or "limit" or "offset")) is { } unknown)
            throw new NexusException(ErrorCodes.BadRequest, $"`{unknown}` is no parameter of a search; those are q, in, limit, offset.");
        return new SearchQuestion(query["q"].FirstOrDefault() ?? "")
        {
            In = [.. query["in"].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct(StringComparer.Ordinal)],
            Limit = Number(query, "limit", 20),
            Offset = Number(query, "offset", 0),
        };
    }

    private static int Number(IQueryCollection query, string name, int absent) =>
        query[name].FirstOrDefault() is not { } text ? absent
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Min(number, 1_000_000)
        : throw new NexusException(ErrorCodes.BadRequest, $"`{name}` is a whole number.");
}
