using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>Attachments of records, from the outside.</summary>
public sealed class AttachmentTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Five_megabytes_come_back_byte_for_byte_whole_and_in_parts()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        var content = RandomNumberGenerator.GetBytes(5 * 1024 * 1024 + 17);
        const string name = "Rechnung „Müller & Söhne\" 100 %.pdf";

        var attached = (await AttachAsync(host, order, content, "application/pdf", name, HttpStatusCode.Created))[0]!;
        using var whole = await host.Client.GetAsync((string)attached["url"]!, Token);
        using var part = await SendAsync(host, HttpMethod.Get, (string)attached["url"]!, r => r.Headers.Range = new RangeHeaderValue(5_242_880, null));
        using var none = await SendAsync(host, HttpMethod.Get, (string)attached["url"]!, r => r.Headers.Range = new RangeHeaderValue(9_000_000, null));
        using var known = await SendAsync(host, HttpMethod.Get, (string)attached["url"]!, r => r.Headers.IfNoneMatch.Add(whole.Headers.ETag!));

        Assert.Equal((name, "application/pdf", content.Length, Hash(content)), ((string)attached["name"]!, (string)attached["contentType"]!, (int)attached["size"]!, (string)attached["sha256"]!));
        Assert.Equal(content, await whole.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal($"\"{Hash(content)}\"", whole.Headers.ETag!.Tag);
        Assert.Equal(("attachment", name), (whole.Content.Headers.ContentDisposition!.DispositionType, whole.Content.Headers.ContentDisposition.FileNameStar));
        Assert.Equal("nosniff", whole.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", whole.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.PartialContent, 17), (part.StatusCode, (await part.Content.ReadAsByteArrayAsync(Token)).Length));
        Assert.Equal(content[^17..], await part.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal((HttpStatusCode.RequestedRangeNotSatisfiable, HttpStatusCode.NotModified), (none.StatusCode, known.StatusCode));
    }

    [Fact]
    public async Task A_form_brings_several_files_at_once_and_a_page_that_came_so_never_runs()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        using var form = new MultipartFormDataContent { { new StringContent("passed over"), "note" } };
        // As curl writes it.
        var first = File("<script>alert(1)</script>", "text/html");
        first.Headers.TryAddWithoutValidation("Content-Disposition", "form-data; name=\"files\"; filename=\"page \\\"one\\\".html\"");
        form.Add(first);
        form.Add(File("näher", "text/plain"), "files", "größer.txt");

        using var answer = await host.Client.PostAsync($"{order}/attachments", form, Token);
        var attached = (await answer.Content.ReadFromJsonAsync<JsonArray>(Token))!;
        using var page = await host.Client.GetAsync((string)attached[0]!["url"]!, Token);
        using var removed = await host.Client.DeleteAsync((string)attached[0]!["url"]!, Token);
        using var gone = await host.Client.GetAsync((string)attached[0]!["url"]!, Token);
        var events = await host.UntilAsync("/api/v1/events?pattern=orders.orders.detached", found => RunningHost.Rows(found).Count == 1);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(["page \"one\".html", "größer.txt"], attached.Select(a => (string)a!["name"]!));
        Assert.Equal("attachment", page.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Contains("sandbox", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NotFound), (removed.StatusCode, gone.StatusCode));
        Assert.Equal("größer.txt", (string)Assert.Single(RunningHost.Rows(await host.GetAsync($"{order}/attachments")))["name"]!);
        Assert.Contains("page", RunningHost.Rows(events)[0].ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_command_line_attaches_GraphQL_and_tools_list_and_remove()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        var id = order.Split('/')[^1];
        await System.IO.File.WriteAllTextAsync(Path.Combine(host.Folder, "größer.csv"), "a,b", Token);
        await System.IO.File.WriteAllTextAsync(Path.Combine(host.Folder, "other.txt"), "other", Token);

        var attached = await Programs.CliAsync(host, "record", "attach", "orders.orders", id, "größer.csv", "other.txt", "--json");
        var file = JsonNode.Parse(attached.Output)![0]!;
        var attachment = (string)file["id"]!;
        var listed = await Programs.CliAsync(host, "record", "attachments", "orders.orders", id);
        var saved = await Programs.CliAsync(host, "record", "download", "orders.orders", id, attachment, "-o", "copy.csv");
        var graph = await host.PostAsync("/graphql", new { query = $$"""{ ordersOrder(id: "{{id}}") { attachments { id name contentType size sha256 createdAt createdBy url } } }""" });
        using var tool = await SendAsync(host, HttpMethod.Post, "/mcp", r =>
        {
            r.Headers.Add("Accept", "application/json, text/event-stream");
            r.Content = JsonContent.Create(new { jsonrpc = "2.0", id = 1, method = "tools/call", @params = new { name = "orders_orders_attachments", arguments = new { id } } });
        });
        var removed = await host.PostAsync("/graphql", new { query = $$"""mutation { detachOrdersOrder(id: "{{id}}", attachment: "{{attachment}}") }""" });
        var gone = await Programs.CliAsync(host, "record", "detach", "orders.orders", id, attachment);
        var detached = await Programs.CliAsync(host, "record", "detach", "orders.orders", id, (string)JsonNode.Parse(attached.Output)![1]!["id"]!);

        Assert.Equal((0, "text/csv"), (attached.ExitCode, (string)file["contentType"]!));
        Assert.All(["größer.csv", "other.txt"], name => Assert.Contains(name, listed.Output, StringComparison.Ordinal));
        Assert.Equal((0, "a,b"), (saved.ExitCode, await System.IO.File.ReadAllTextAsync(Path.Combine(host.Folder, "copy.csv"), Token)));
        Assert.Equal(file.ToJsonString(), graph["data"]!["ordersOrder"]!["attachments"]![0]!.ToJsonString());
        Assert.Contains(attachment, await tool.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(attachment, (string)removed["data"]!["detachOrdersOrder"]!);
        Assert.Contains("RESOURCE_NOT_FOUND", gone.Errors, StringComparison.Ordinal);
        Assert.Equal(0, detached.ExitCode);
        Assert.Empty(RunningHost.Rows(await host.GetAsync($"{order}/attachments")));
    }

    [Fact]
    public async Task What_is_refused_says_why_and_leaves_nothing()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);

        var large = await AttachAsync(host, order, new byte[10 * 1024 * 1024 + 1], "image/png", "a.png", HttpStatusCode.RequestEntityTooLarge);
        using (var form = new MultipartFormDataContent { { File(new string('x', 10 * 1024 * 1024 + 1), "text/plain"), "files", "a.txt" } })
        using (var answer = await host.Client.PostAsync($"{order}/attachments", form, Token))
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        var type = await AttachAsync(host, order, [1], "no-type", "a.png", HttpStatusCode.UnsupportedMediaType);
        foreach (var name in new[] { "../a.png", "a\\b.png", "a/b.png" })
            Assert.Equal("/name", (string)(await AttachAsync(host, order, [1], "image/png", name, HttpStatusCode.UnprocessableEntity))["errors"]![0]!["pointer"]!);
        await AttachAsync(host, order, [1], "image/png", null, HttpStatusCode.UnprocessableEntity);
        using (var broken = new StringContent("--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\ncut"))
        {
            broken.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
            using var answer = await host.Client.PostAsync($"{order}/attachments", broken, Token);
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        }

        await AttachAsync(host, "/api/business/orders/orders/0190b3a4-0000-7000-8000-000000000000", [1], "image/png", "a.png", HttpStatusCode.NotFound);

        Assert.Contains("10,485,760", (string)large["detail"]!, StringComparison.Ordinal);
        Assert.Equal("UNSUPPORTED_MEDIA_TYPE", (string)type["code"]!);
        Assert.Empty(RunningHost.Rows(await host.GetAsync($"{order}/attachments")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(host.Folder, "data", "blobs"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_repeated_upload_with_its_key_is_carried_out_once()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        Task<HttpResponseMessage> Upload(string content) => SendAsync(host, HttpMethod.Post, $"{order}/attachments?name=a.txt", r =>
        {
            r.Headers.Add("Idempotency-Key", "k");
            r.Content = File(content, "text/plain");
        });

        using var first = await Upload("a");
        using var again = await Upload("a");
        using var other = await Upload("b");

        Assert.Equal(await first.Content.ReadAsStringAsync(Token), await again.Content.ReadAsStringAsync(Token));
        Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
        Assert.Single(RunningHost.Rows(await host.GetAsync($"{order}/attachments")));
    }

    [Fact]
    public async Task A_deleted_record_takes_its_attachments_with_it_and_brings_them_back_when_it_is_made_again()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        var url = (string)(await AttachAsync(host, order, "kept"u8.ToArray(), "text/plain", "a.txt", HttpStatusCode.Created))[0]!["url"]!;

        using var deleted = await host.Client.DeleteAsync(order, Token);
        using var list = await host.Client.GetAsync($"{order}/attachments", Token);
        using var file = await host.Client.GetAsync(url, Token);
        await host.PostAsync("/api/business/orders/orders/", new { id = order.Split('/')[^1], customer = "Ada", sku = "tea", quantity = 3 });

        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (list.StatusCode, file.StatusCode));
        Assert.Equal("kept", await host.Client.GetStringAsync(url, Token));
    }

    [Fact]
    public async Task A_node_that_is_killed_in_the_middle_of_an_upload_lists_nothing_of_it_and_keeps_what_it_acknowledged()
    {
        await using var host = await StartAsync();
        var order = await OrderAsync(host);
        var acknowledged = (string)(await AttachAsync(host, order, "acknowledged"u8.ToArray(), "text/plain", "a.txt", HttpStatusCode.Created))[0]!["url"]!;
        var incoming = Path.Combine(host.Folder, "data", "blobs", "incoming");
        var upload = host.Client.PostAsync($"{order}/attachments?name=b.txt", new Endless(), Token);
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); !Directory.Exists(incoming) || !Directory.EnumerateFiles(incoming).Any(f => new FileInfo(f).Length > 0);)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), $"nothing came\n{host.Log}");
            await Task.Delay(20, Token);
        }

        await host.KillAndRestartAsync();
        var cut = await Assert.ThrowsAnyAsync<Exception>(() => upload);

        Assert.True(RunningHost.IsAway(cut), cut.ToString());
        Assert.Equal("a.txt", (string)Assert.Single(RunningHost.Rows(await host.GetAsync($"{order}/attachments")))["name"]!);
        Assert.Equal("acknowledged", await host.Client.GetStringAsync(acknowledged, Token));
        Assert.Single(Directory.EnumerateFiles(Path.Combine(host.Folder, "data", "blobs"), "*", SearchOption.AllDirectories));
    }

    private static Task<RunningHost> StartAsync() => RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));

    private static async Task<string> OrderAsync(RunningHost host) =>
        "/api/business/orders/orders/" + (string)(await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = "tea", quantity = 3 }))["id"]!;

    private static async Task<JsonNode> AttachAsync(RunningHost host, string order, byte[] content, string type, string? name, HttpStatusCode expected)
    {
        using var answer = await SendAsync(host, HttpMethod.Post, $"{order}/attachments", r =>
        {
            r.Content = new ByteArrayContent(content);
            r.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            if (name is not null)
                r.Content.Headers.ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileNameStar = name };
        });
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {text}\n{host.Log}");
        return JsonNode.Parse(text)!;
    }

    private static async Task<HttpResponseMessage> SendAsync(RunningHost host, HttpMethod method, string path, Action<HttpRequestMessage> prepare)
    {
        using var request = new HttpRequestMessage(method, path);
        prepare(request);
        return await host.Client.SendAsync(request, Token);
    }

    private static ByteArrayContent File(string text, string type) => new(System.Text.Encoding.UTF8.GetBytes(text)) { Headers = { ContentType = MediaTypeHeaderValue.Parse(type) } };

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>A file that begins and never ends.</summary>
    private sealed class Endless : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var part = new byte[64 * 1024];
            // Below what a file may have, and fast enough that nobody calls it slow: only the kill ends it.
            for (var sent = 0; sent < 100; sent++)
            {
                await stream.WriteAsync(part);
                await stream.FlushAsync();
                await Task.Delay(100);
            }

            await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
