using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Rest;

public sealed class Lists
{
    [Fact]
    public async Task A_list_is_an_array_with_a_link_to_the_next_page_and_a_total()
    {
        await using var host = await FilledAsync(5);

        var answer = await host.Client.GetAsync($"{Invoices.Path}?limit=2&count=true");

        Assert.Equal(2, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Count);
        Assert.Equal("5", answer.Headers.GetValues("X-Total-Count").Single());
        Assert.Equal("</api/business/billing/invoices?limit=2&count=true&cursor=00000000-0000-7000-8000-000000000002>; rel=\"next\"", answer.Headers.GetValues("Link").Single());
    }

    [Fact]
    public async Task A_walk_by_cursor_sees_each_record_once_while_records_are_inserted()
    {
        await using var host = await FilledAsync(30);
        var seen = new List<string>();

        for (var next = $"{Invoices.Path}?limit=7"; next is not null;)
        {
            var answer = await host.Client.GetAsync(next);
            seen.AddRange(JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Select(r => r!["number"]!.GetValue<string>()));
            host.Operations.Add("""{"number":"late"}""");
            next = answer.Headers.TryGetValues("Link", out var links) && seen.Count < 100 ? links.Single().Split('<', '>')[1] : null;
        }

        Assert.Equal(Enumerable.Range(1, 30).Select(n => $"N{n}"), seen.Where(n => n != "late"));
    }

    [Fact]
    public async Task Pages_can_be_numbered()
    {
        await using var host = await FilledAsync(5);

        var answer = await host.Client.GetAsync($"{Invoices.Path}?page=2&limit=2");

        Assert.Equal(["N3", "N4"], JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Select(r => r!["number"]!.GetValue<string>()));
        Assert.Contains("page=3>; rel=\"next\"", answer.Headers.GetValues("Link").Single(), StringComparison.Ordinal);
        Assert.Contains("page=1>; rel=\"prev\"", answer.Headers.GetValues("Link").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fields_selects_members_and_a_limit_above_the_greatest_is_clamped()
    {
        await using var host = await FilledAsync(1);

        Assert.Equal("""[{"id":"00000000-0000-7000-8000-000000000001","number":"N1"}]""", await host.Client.GetStringAsync($"{Invoices.Path}?fields=id,number&limit=100000"));
        Assert.Equal(1000, host.Operations.LastQuery!.Limit);
        Assert.Equal("""{"number":"N1"}""", await host.Client.GetStringAsync($"{Invoices.Path}/00000000-0000-7000-8000-000000000001?fields=number"));
    }

    [Fact]
    public async Task Filters_and_sorts_reach_the_resource_as_written()
    {
        await using var host = await FilledAsync(1);

        await host.Client.GetStringAsync($"{Invoices.Path}?filter[quantity][$gte]=5&filter[status]=Sent&filter[number][$in]=A,B&sort=-quantity,number&q=abc");

        var query = host.Operations.LastQuery!;
        Assert.Equal("""{"$and":[{"quantity":{"$gte":5}},{"status":{"$eq":"Sent"}},{"number":{"$in":["A","B"]}}]}""", Normal(FilterJson.Write(query.Filter!)));
        Assert.Equal([new SortKey("quantity", true), new SortKey("number")], query.Sort);
        Assert.Equal("abc", query.Search);
    }

    [Fact]
    public async Task A_filter_may_be_json()
    {
        await using var host = await FilledAsync(1);

        await host.Client.GetStringAsync($"{Invoices.Path}?filter=" + Uri.EscapeDataString("""{"$or":[{"quantity":{"$gt":1}},{"total.currency":"EUR"}]}"""));

        var any = Assert.IsType<Filter.Or>(host.Operations.LastQuery!.Filter);
        Assert.Equal("total.currency", Assert.IsType<Filter.Compare>(any.Parts[1]).Path);
    }

    [Theory]
    [InlineData("filter[nothing]=1", "FILTER_INVALID")]
    [InlineData("filter[quantity]=many", "FILTER_INVALID")]
    [InlineData("filter[quantity][$huge]=1", "FILTER_INVALID")]
    [InlineData("filter[pin]=1234", "FILTER_INVALID")]
    [InlineData("filter[dueOn]=tomorrow", "FILTER_INVALID")]
    [InlineData("filter={", "FILTER_INVALID")]
    [InlineData("filter={\"pin\":\"1\"}", "FILTER_INVALID")]
    [InlineData("sort=nothing", "FILTER_INVALID")]
    [InlineData("fields=nothing", "FILTER_INVALID")]
    [InlineData("limit=0", "BAD_REQUEST")]
    [InlineData("limit=x", "BAD_REQUEST")]
    [InlineData("page=1&cursor=x", "BAD_REQUEST")]
    public async Task What_a_list_cannot_mean_is_refused(string query, string code)
    {
        await using var host = await FilledAsync(1);

        await Problems.AssertAsync(await host.Client.GetAsync($"{Invoices.Path}?{query}"), 400, code);
    }

    [Fact]
    public async Task An_unchanged_list_answers_304()
    {
        await using var host = await FilledAsync(2);
        var tag = (await host.Client.GetAsync(Invoices.Path)).Headers.ETag!.ToString();

        Assert.Equal(304, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, Invoices.Path, null, ("If-None-Match", tag))).StatusCode);
        host.Operations.Add("""{"number":"new"}""");
        Assert.Equal(200, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, Invoices.Path, null, ("If-None-Match", tag))).StatusCode);
    }

    private static string Normal(string json) => JsonNode.Parse(json)!.ToJsonString();

    private static async Task<GatewayHost> FilledAsync(int count)
    {
        var host = await Resource_routes.StartAsync();
        for (var n = 1; n <= count; n++)
            host.Operations.Add(string.Create(CultureInfo.InvariantCulture, $$"""{"number":"N{{n}}"}"""));
        return host;
    }
}
