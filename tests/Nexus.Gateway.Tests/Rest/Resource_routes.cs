using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Rest;

public sealed class Resource_routes
{
    [Fact]
    public async Task Create_answers_201_with_location_and_revision()
    {
        await using var host = await StartAsync();

        var answer = await host.Client.PostAsync(Invoices.Path, Json("""{"number":"A-1"}"""));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal("/api/business/billing/invoices/00000000-0000-7000-8000-000000000001", answer.Headers.Location!.ToString());
        Assert.Equal("\"1\"", answer.Headers.ETag!.Tag);
        Assert.Equal("""{"id":"00000000-0000-7000-8000-000000000001","revision":1,"number":"A-1"}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Get_answers_the_stored_bytes_and_304_for_a_known_revision()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var answer = await host.Client.GetAsync($"{Invoices.Path}/{id}");
        var again = await SendAsync(host, HttpMethod.Get, $"{Invoices.Path}/{id}", null, ("If-None-Match", "\"1\""));
        var other = await SendAsync(host, HttpMethod.Get, $"{Invoices.Path}/{id}", null, ("If-None-Match", "\"2\""));

        Assert.Equal("application/json; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(73, answer.Content.Headers.ContentLength);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal("\"1\"", again.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task Head_answers_the_headers_of_get_without_a_body()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var answer = await SendAsync(host, HttpMethod.Head, $"{Invoices.Path}/{id}");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(73, answer.Content.Headers.ContentLength);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Put_replaces_and_a_stale_revision_answers_412()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1","quantity":3}""");

        var done = await SendAsync(host, HttpMethod.Put, $"{Invoices.Path}/{id}", """{"number":"A-2"}""", ("If-Match", "\"1\""));
        var stale = await SendAsync(host, HttpMethod.Put, $"{Invoices.Path}/{id}", """{"number":"A-3"}""", ("If-Match", "\"1\""));
        var foreign = await SendAsync(host, HttpMethod.Put, $"{Invoices.Path}/{id}", """{"number":"A-3"}""", ("If-Match", "W/\"2\""));

        Assert.Equal("""{"id":"00000000-0000-7000-8000-000000000001","revision":2,"number":"A-2"}""", await done.Content.ReadAsStringAsync());
        Assert.Equal("\"2\"", done.Headers.ETag!.Tag);
        await Problems.AssertAsync(stale, 412, "PRECONDITION_FAILED");
        await Problems.AssertAsync(foreign, 412, "PRECONDITION_FAILED");
    }

    [Fact]
    public async Task Patch_changes_only_what_is_sent()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1","quantity":3}""");

        var answer = await SendAsync(host, HttpMethod.Patch, $"{Invoices.Path}/{id}", """{"quantity":4}""");

        Assert.Equal("""{"id":"00000000-0000-7000-8000-000000000001","revision":2,"number":"A-1","quantity":4}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Delete_answers_204_and_then_404()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var first = await host.Client.DeleteAsync($"{Invoices.Path}/{id}");
        var second = await host.Client.DeleteAsync($"{Invoices.Path}/{id}");

        Assert.Equal(HttpStatusCode.NoContent, first.StatusCode);
        await Problems.AssertAsync(second, 404, "RESOURCE_NOT_FOUND");
    }

    [Fact]
    public async Task A_declared_action_runs_and_an_undeclared_one_is_404()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var done = await host.Client.PostAsync($"{Invoices.Path}/{id}/actions/pay", null);
        var missing = await host.Client.PostAsync($"{Invoices.Path}/{id}/actions/burn", Json("{}"));

        Assert.Equal("pay", JsonNode.Parse(await done.Content.ReadAsStringAsync())!["status"]!.GetValue<string>());
        await Problems.AssertAsync(missing, 404, "ROUTE_NOT_FOUND");
    }

    [Fact]
    public async Task Batch_create_reports_each_record()
    {
        await using var host = await StartAsync();

        var answer = await host.Client.PostAsync($"{Invoices.Path}/batch", Json("""[{"number":"A-1"},{"number":""}]"""));
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

        Assert.Equal(207, (int)answer.StatusCode);
        Assert.Equal([201, 422], body["results"]!.AsArray().Select(r => r!["status"]!.GetValue<int>()));
        Assert.Equal("/number", body["results"]![1]!["error"]!["errors"]![0]!["pointer"]!.GetValue<string>());
        Assert.Equal(1, host.Operations.Count);
    }

    [Theory]
    [InlineData(10_000, 1, 201)]
    [InlineData(10_001, 1, 400)]
    [InlineData(2, 1_001, 400)]
    public async Task A_batch_has_up_to_ten_thousand_records_and_each_array_within_them_a_thousand(int records, int within, int status)
    {
        await using var host = await StartAsync();
        var record = within == 1 ? """{"number":"A-1"}""" : $$"""{"number":"A-1","lines":[{{string.Join(',', Enumerable.Repeat("1", within))}}]}""";

        var answer = await host.Client.PostAsync($"{Invoices.Path}/batch?atomic=true", Json($"[{string.Join(',', Enumerable.Repeat(record, records))}]"));

        if (status == 201)
            Assert.Equal((201, records), ((int)answer.StatusCode, host.Operations.Count));
        else
            await Problems.AssertAsync(answer, status, "ARRAY_TOO_LONG");
    }

    [Fact]
    public async Task Batch_update_with_an_unknown_id_changes_two_or_atomically_none()
    {
        await using var host = await StartAsync();
        var (a, b) = (host.Operations.Add("""{"number":"A"}"""), host.Operations.Add("""{"number":"B"}"""));
        var body = $$"""[{"id":"{{a}}","number":"A2"},{"id":"{{b}}","number":"B2"},{"id":"nowhere","number":"C"}]""";

        var atomic = await SendAsync(host, HttpMethod.Put, $"{Invoices.Path}/batch?atomic=true", body);
        var kept = await host.Client.GetStringAsync($"{Invoices.Path}/{a}");
        var each = await SendAsync(host, HttpMethod.Put, $"{Invoices.Path}/batch", body);

        var refusal = await Problems.AssertAsync(atomic, 404, "RESOURCE_NOT_FOUND");
        Assert.Equal([424, 424, 404], Statuses(refusal));
        Assert.Contains("\"revision\":1", kept, StringComparison.Ordinal);
        var results = await BodyAsync(each);
        Assert.Equal([200, 200, 404], Statuses(results));
    }

    [Fact]
    public async Task Batch_patch_changes_the_named_fields_of_the_named_records_only()
    {
        await using var host = await StartAsync();
        var (a, b) = (host.Operations.Add("""{"number":"A"}"""), host.Operations.Add("""{"number":"B"}"""));

        var done = await SendAsync(host, HttpMethod.Patch, $"{Invoices.Path}/batch", $$"""[{"id":"{{a}}","number":"A2"},{"id":"nowhere","number":"C"}]""");
        var nameless = await SendAsync(host, HttpMethod.Patch, $"{Invoices.Path}/batch", """[{"number":"A3"}]""");

        var results = await BodyAsync(done);
        Assert.Equal([200, 404], Statuses(results));
        Assert.Contains("\"A2\"", await host.Client.GetStringAsync($"{Invoices.Path}/{a}"), StringComparison.Ordinal);
        Assert.Contains("\"revision\":1", await host.Client.GetStringAsync($"{Invoices.Path}/{b}"), StringComparison.Ordinal);
        await Problems.AssertAsync(nameless, 400, "BAD_REQUEST");
    }

    [Fact]
    public async Task An_action_of_many_records_runs_on_each_with_the_one_input()
    {
        await using var host = await StartAsync();
        var (a, b) = (host.Operations.Add("""{"number":"A"}"""), host.Operations.Add("""{"number":"B"}"""));

        var done = await host.Client.PostAsync($"{Invoices.Path}/batch/actions/pay", Json($$"""{"ids":["{{a}}","nowhere","{{b}}"]}"""));
        var nobody = await host.Client.PostAsync($"{Invoices.Path}/batch/actions/pay", Json("""{"ids":[],"input":{}}"""));
        var wrong = await host.Client.PostAsync($"{Invoices.Path}/batch/actions/pay", Json($$"""{"ids":["{{a}}"],"input":1}"""));

        var results = await BodyAsync(done);
        Assert.Equal([200, 404, 200], Statuses(results));
        Assert.Equal(["pay", "pay"], results["results"]!.AsArray().Where(r => r!["record"] is not null).Select(r => (string?)r!["record"]!["status"]));
        await Problems.AssertAsync(nobody, 400, "BAD_REQUEST");
        await Problems.AssertAsync(wrong, 400, "BAD_REQUEST");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Batch_delete_takes_ids_from_the_body_or_the_query(bool fromBody)
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A"}""");

        var answer = fromBody
            ? await SendAsync(host, HttpMethod.Delete, $"{Invoices.Path}/batch", $"""["{id}","nowhere"]""")
            : await host.Client.DeleteAsync($"{Invoices.Path}/batch?ids={id},nowhere");

        var results = await BodyAsync(answer);
        Assert.Equal([204, 404], Statuses(results));
        Assert.Equal(0, host.Operations.Count);
    }

    [Fact]
    public async Task Another_method_answers_405_with_allow_and_options_answers_204()
    {
        await using var host = await StartAsync();

        var refused = await host.Client.DeleteAsync(Invoices.Path);
        var options = await SendAsync(host, HttpMethod.Options, Invoices.Path);

        await Problems.AssertAsync(refused, 405, "METHOD_NOT_ALLOWED");
        Assert.Equal(["GET", "HEAD", "POST"], refused.Content.Headers.Allow.Order());
        Assert.Equal(HttpStatusCode.NoContent, options.StatusCode);
        Assert.Equal(["GET", "HEAD", "OPTIONS", "POST"], options.Content.Headers.Allow.Order());
    }

    [Fact]
    public async Task A_repeated_post_with_one_key_is_done_once()
    {
        await using var host = await StartAsync();

        var first = await SendAsync(host, HttpMethod.Post, Invoices.Path, """{"number":"A"}""", ("Idempotency-Key", "k-1"));
        var second = await SendAsync(host, HttpMethod.Post, Invoices.Path, """{"number":"A"}""", ("Idempotency-Key", "k-1"));
        var other = await SendAsync(host, HttpMethod.Post, Invoices.Path, """{"number":"B"}""", ("Idempotency-Key", "k-1"));

        Assert.Equal(1, host.Operations.Count);
        Assert.Equal(HttpStatusCode.Created, second.StatusCode);
        Assert.Equal(first.Headers.Location, second.Headers.Location);
        Assert.Equal("true", second.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        await Problems.AssertAsync(other, 422, "IDEMPOTENCY_CONFLICT");
    }

    [Fact]
    public async Task Secret_fields_never_leave()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A","pin":"1234"}""");

        Assert.DoesNotContain("1234", await host.Client.GetStringAsync($"{Invoices.Path}/{id}"), StringComparison.Ordinal);
        Assert.DoesNotContain("1234", await host.Client.GetStringAsync(Invoices.Path), StringComparison.Ordinal);
        Assert.DoesNotContain("1234", await (await SendAsync(host, HttpMethod.Patch, $"{Invoices.Path}/{id}", """{"quantity":1}""")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 415, "UNSUPPORTED_MEDIA_TYPE", "text/plain")]
    [InlineData("{\"number\":", 400, "BAD_REQUEST", "application/json")]
    [InlineData("[1]", 400, "BAD_REQUEST", "application/json")]
    [InlineData("7", 400, "BAD_REQUEST", "application/json")]
    public async Task A_body_that_cannot_be_read_never_reaches_the_resource(string body, int status, string code, string type)
    {
        await using var host = await StartAsync();

        var answer = await host.Client.PostAsync(Invoices.Path, new StringContent(body.Length == 0 ? "x" : body, Encoding.UTF8, type));

        await Problems.AssertAsync(answer, status, code);
        Assert.Empty(host.Operations.Changes);
    }

    internal static async Task<GatewayHost> StartAsync()
    {
        var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(Invoices.Plugin());
        return host;
    }

    internal static async Task<HttpResponseMessage> SendAsync(GatewayHost host, HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = Json(body);
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        return await host.Client.SendAsync(request);
    }

    internal static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<JsonNode> BodyAsync(HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

    private static int[] Statuses(JsonNode body) => [.. body["results"]!.AsArray().Select(r => r!["status"]!.GetValue<int>())];
}
