using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using NetVips;

namespace Nexus.Engines.Pictures.Tests;

/// <summary>Attached pictures from the outside, on a node with the engine and on one without.</summary>
public sealed class HostTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_picture_is_sent_as_WebP_with_a_tag_that_saves_the_next_sending()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Plugins, "engines.pictures"));
        using var image = Painted.Quarters(1200, 600);
        var file = await AttachAsync(host, Painted.Turned(image, 6), "Ännes face.jpg");

        using var picture = await host.Client.GetAsync($"{file["url"]}?width=320", Token);
        using var read = Image.WebploadBuffer(await picture.Content.ReadAsByteArrayAsync(Token));
        using var known = await AskAsync(host, $"{file["url"]}?width=320", picture.Headers.ETag!);
        using var other = await AskAsync(host, $"{file["url"]}?width=640", picture.Headers.ETag!);
        using var original = await host.Client.GetAsync((string)file["url"]!, Token);

        Assert.Equal((HttpStatusCode.OK, "image/webp"), (picture.StatusCode, picture.Content.Headers.ContentType!.MediaType));
        Assert.Equal((320, 640), (read.Width, read.Height));
        Assert.Equal($"\"{file["sha256"]}-320\"", picture.Headers.ETag!.Tag);
        Assert.True(picture.Headers.CacheControl is { Private: true, NoCache: true });
        Assert.Equal("nosniff", picture.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", picture.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("Ännes face.webp", picture.Content.Headers.ContentDisposition!.FileNameStar);
        Assert.Equal((HttpStatusCode.NotModified, HttpStatusCode.OK), (known.StatusCode, other.StatusCode));
        Assert.Equal("image/jpeg", original.Content.Headers.ContentType!.MediaType);
        Assert.Equal("[80,160,320,640,1280]", (await host.GetAsync("/api/v1/resources?name=orders.orders"))[0]!["attachments"]!["pictureWidths"]!.ToJsonString());
    }

    [Fact]
    public async Task What_is_no_picture_or_no_width_says_what_to_do_and_the_node_goes_on()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Plugins, "engines.pictures"));
        using var image = Painted.Quarters(1200, 600);
        var picture = await AttachAsync(host, image.PngsaveBuffer(), "face.png");
        var bomb = await AttachAsync(host, Painted.Png(60_000, 60_000, new byte[1_000_000]), "bomb.png");
        var zip = await AttachAsync(host, [.. "PK\u0003\u0004"u8, .. new byte[500]], "zip.png");
        var cut = await AttachAsync(host, image.JpegsaveBuffer()[..500], "cut.jpg");

        var width = await ProblemAsync(host, $"{picture["url"]}?width=300", HttpStatusCode.BadRequest);
        Assert.All([width, await ProblemAsync(host, $"{picture["url"]}?width=wide", HttpStatusCode.BadRequest), await ProblemAsync(host, $"{picture["url"]}?width=", HttpStatusCode.BadRequest)], p => Assert.Contains("80, 160, 320, 640, 1280", (string)p["detail"]!, StringComparison.Ordinal));
        foreach (var (file, cause) in new[] { (bomb, "60,000 × 60,000"), (zip, "does not begin like"), (cut, "premature end") })
        {
            var problem = await ProblemAsync(host, $"{file["url"]}?width=320", HttpStatusCode.UnprocessableEntity);
            Assert.Equal("PICTURE_UNREADABLE", (string)problem["code"]!);
            Assert.Contains((string)file["name"]!, (string)problem["detail"]!, StringComparison.Ordinal);
            Assert.Contains(cause, (string)problem["detail"]!, StringComparison.Ordinal);
        }

        using var still = await host.Client.GetAsync($"{picture["url"]}?width=320", Token);
        Assert.Equal(HttpStatusCode.OK, still.StatusCode);
        Assert.False(host.HasEnded);
    }

    [Fact]
    public async Task Pictures_go_with_their_attachment_and_a_node_without_the_engine_sends_originals_and_says_so()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Plugins, "engines.pictures"));
        using var image = Painted.Quarters(1200, 600);
        var file = await AttachAsync(host, image.PngsaveBuffer(), "face.png");
        foreach (var width in new[] { 80, 320 })
            (await host.Client.GetAsync($"{file["url"]}?width={width}", Token)).EnsureSuccessStatusCode().Dispose();
        Assert.Equal(3, Blobs(host).Count());
        Directory.Delete(Path.Combine(host.Folder, "plugins", "engines.pictures"), recursive: true);
        await host.RestartAsync("--plugins:disabled:0=engines.pictures");

        using var kept = await host.Client.GetAsync($"{file["url"]}?width=320", Token);
        var missing = await ProblemAsync(host, $"{file["url"]}?width=640", HttpStatusCode.ServiceUnavailable);
        using var original = await host.Client.GetAsync((string)file["url"]!, Token);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (kept.StatusCode, original.StatusCode));
        Assert.Contains("engines.pictures", (string)missing["detail"]!, StringComparison.Ordinal);
        Assert.Empty((await host.GetAsync("/api/v1/resources?name=orders.orders"))[0]!["attachments"]!["pictureWidths"]!.AsArray());
        (await host.Client.DeleteAsync((string)file["url"]!, Token)).EnsureSuccessStatusCode().Dispose();
        Assert.Empty(Blobs(host));
    }

    [Fact]
    public async Task Of_a_photo_of_twelve_megapixels_a_page_gets_a_hundredth_at_once()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Plugins, "engines.pictures"));
        var photo = Painted.Photo();
        var firsts = new List<double>();
        var seconds = new List<double>();
        var sizes = new Dictionary<int, int>();
        for (var round = 0; round < 5; round++)
        {
            var file = await AttachAsync(host, photo, "photo.jpg");
            foreach (var width in PictureWidths.All)
            {
                var clock = Stopwatch.StartNew();
                sizes[width] = (await host.Client.GetByteArrayAsync($"{file["url"]}?width={width}", Token)).Length;
                if (width == 320)
                    firsts.Add(clock.Elapsed.TotalMilliseconds);
                clock.Restart();
                await host.Client.GetByteArrayAsync($"{file["url"]}?width={width}", Token);
                seconds.Add(clock.Elapsed.TotalMilliseconds);
            }
        }

        var (first, second) = (firsts.Order().ElementAt(2), seconds.Order().ElementAt(12));
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"original {photo.Length:N0} bytes; {string.Join(", ", PictureWidths.All.Select(w => $"{w}: {sizes[w]:N0}"))}; 320 first {first:N0} ms, again {second:N1} ms (medians)"));
        Assert.InRange(sizes[320], 1, photo.Length / 100);
        Assert.InRange(sizes[1280], sizes[320], photo.Length / 4);
        // Far apart on any machine: one is a process that decodes, the other a file that is read.
        Assert.InRange(second, 0, first / 2);
    }

    private static IEnumerable<string> Blobs(RunningHost host) => Directory.EnumerateFiles(Path.Combine(host.Folder, "data", "blobs"), "*", SearchOption.AllDirectories);

    private static async Task<JsonNode> AttachAsync(RunningHost host, byte[] content, string name)
    {
        var order = (string)(await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = "tea", quantity = 3 }))["id"]!;
        using var answer = await host.Client.PostAsync($"/api/business/orders/orders/{order}/attachments?name={Uri.EscapeDataString(name)}", new ByteArrayContent(content), Token);
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)![0]!;
    }

    private static async Task<HttpResponseMessage> AskAsync(RunningHost host, string path, EntityTagHeaderValue tag)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { tag } } };
        return await host.Client.SendAsync(request, Token);
    }

    private static async Task<JsonNode> ProblemAsync(RunningHost host, string path, HttpStatusCode expected)
    {
        using var answer = await host.Client.GetAsync(path, Token);
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {text}\n{host.Log}");
        return JsonNode.Parse(text)!;
    }
}
