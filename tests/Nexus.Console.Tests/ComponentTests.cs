using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;

namespace Nexus.Console.Tests;

/// <summary>Components as programs have them: the registry, JSON there and back, HTML, the menu and the colours.</summary>
public sealed class ComponentTests
{
    [Fact]
    public void A_component_is_the_same_after_it_was_JSON()
    {
        var made = new Component("card", new Component("metric") { ["label"] = new LocalText("Balance").In("de", "Saldo"), ["value"] = 3 }) { ["title"] = "Money" };

        var read = Component.FromJson(JsonSerializer.SerializeToElement(made.ToJson()));

        Assert.Equal("""{"type":"card","title":"Money","parts":[{"type":"metric","label":{"default":"Balance","de":"Saldo"},"value":3}]}""", made.ToJson().ToJsonString());
        Assert.Equal(made.ToJson().ToJsonString(), read.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("""{"type":"tabel"}""", "/type", "There is no component tabel. There are: container, grid")]
    [InlineData("""{"type":"card","colour":"red"}""", "/colour", "card has no colour. It has: title, page.")]
    [InlineData("""{"type":"card","parts":[{"type":"metric"}]}""", "/parts/0/label", "metric needs label: what it is called.")]
    [InlineData("""{"type":"table","columns":[],"source":"https://example.org"}""", "/source", "is an address relative to the plugin's prefix, or below /api/.")]
    [InlineData("""{"type":"table","columns":[],"source":"../../v1/users"}""", "/source", "is an address relative to the plugin's prefix, or below /api/.")]
    [InlineData("""{"type":"button","label":"Go","page":"javascript:alert(1)"}""", "/page", "is an address of the console")]
    [InlineData("""{"type":"button","label":"Go","page":"//example.org"}""", "/page", "is an address of the console")]
    [InlineData("""{"type":"module","file":"../wall.js"}""", "/file", "is a file in the plugin's folder ui")]
    [InlineData("""{"type":"alert","text":"x","tone":"loud"}""", "/tone", "is one of info, success, warning, danger.")]
    [InlineData("""{"type":"divider","parts":[]}""", "/parts", "divider has no parts.")]
    [InlineData("""{"type":"metric","label":{"de":"Saldo"}}""", "/label", "has a text for each language, and one named default.")]
    public void What_is_wrong_is_said_with_its_place_and_the_way_out(string json, string pointer, string message)
    {
        using var document = JsonDocument.Parse(json);

        var error = Assert.Single(ComponentCatalogue.Check(document.RootElement));

        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_component_has_bounds()
    {
        var deep = Enumerable.Range(0, 12).Aggregate(new Component("divider"), (inner, _) => new Component("card", inner));
        var many = new Component("card", [.. Enumerable.Range(0, 400).Select(_ => new Component("divider"))]);

        foreach (var one in new[] { deep, many })
            Assert.Contains("at most 400 parts, 12 deep", Assert.Single(ComponentCatalogue.Check(JsonSerializer.SerializeToElement(one.ToJson()))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Components_are_listed_and_rendered_escaped_the_menu_has_the_plugins_pages_and_the_theme_follows_the_setting()
    {
        await using var host = await Browser.HostAsync("board");
        var token = (await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "run", "admin.token"), TestContext.Current.CancellationToken)).Trim();

        // Each type with an example that can be rendered, but for those that show a plugin's own files.
        var types = (await SendAsync(host, token, HttpMethod.Get, "/components")).Json!["types"]!.AsArray();
        Assert.Equal(ComponentCatalogue.All.Select(t => t.Name), types.Select(t => (string)t!["name"]!));
        Assert.Equal(["module", "frame"], types.Where(t => t!["example"] is null).Select(t => (string)t!["name"]!));
        foreach (var type in types.Where(t => t!["example"] is not null))
        {
            var (status, html, _) = await SendAsync(host, token, HttpMethod.Post, "/components/render", type!["example"]!.ToJsonString());
            Assert.True(status == HttpStatusCode.OK && html.StartsWith('<') && html.EndsWith('>'), $"{type["name"]}: {status} {html}");
            Assert.Equal(Opened(html), Closed(html));
        }

        var (_, escaped, _) = await SendAsync(host, token, HttpMethod.Post, "/components/render", """{"type":"card","title":"<script>alert(1)</script>","parts":[{"type":"text","text":"a & \"b\""},{"type":"input","name":"\"onload=x","label":"L"}]}""");
        Assert.Equal("<article class=\"nexus-card\"><h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2><p class=\"nexus-text\">a &amp; &quot;b&quot;</p><label class=\"nexus-input\">L <input name=\"&quot;onload=x\" type=\"text\" value=\"\"></label></article>", escaped);
        var (refused, _, problem) = await SendAsync(host, token, HttpMethod.Post, "/components/render", """{"type":"script"}""");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "/type"), (refused, (string?)problem!["errors"]![0]!["pointer"]));

        var menu = (await SendAsync(host, token, HttpMethod.Get, "/menu")).Json!["items"]!.AsArray();
        Assert.Equal(["/p/board/overview", "/p/board/wall", "/p/board/sketch"], menu.Select(e => (string)e!["path"]!));

        Assert.Equal("indigo", (string?)(await SendAsync(host, token, HttpMethod.Get, "/theme")).Json!["colour"]);
        await SendAsync(host, token, HttpMethod.Put, "/api/v1/config", """{"console":{"colour":"teal"}}""");
        Assert.Equal("teal", (string?)(await SendAsync(host, token, HttpMethod.Get, "/theme")).Json!["colour"]);
    }

    [Fact]
    public async Task Files_of_a_plugin_are_kept_for_good_under_an_address_of_their_content_and_a_frames_page_reaches_nothing()
    {
        await using var host = await Browser.HostAsync("board");
        var token = (await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "run", "admin.token"), TestContext.Current.CancellationToken)).Trim();
        var page = (await SendAsync(host, token, HttpMethod.Get, "/api/v1/ui/pages/board/sketch")).Json!;
        var address = (string)page["content"]!["address"]!;

        using var frame = await host.Client.GetAsync(address, TestContext.Current.CancellationToken);
        using var old = await host.Client.GetAsync(address.Replace(address.Split('/')[4], new string('0', 16), StringComparison.Ordinal), TestContext.Current.CancellationToken);

        Assert.Equal("public, max-age=31536000, immutable", frame.Headers.CacheControl?.ToString().Replace("immutable, public, max-age=31536000", "public, max-age=31536000, immutable", StringComparison.Ordinal));
        var policy = frame.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("connect-src 'none'", policy, StringComparison.Ordinal);
        Assert.EndsWith("sandbox allow-scripts", policy, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, old.StatusCode);

        // A frame has no origin: it may have these files, and nothing else.
        Assert.Equal(HttpStatusCode.OK, await AsFrameAsync(host, address));
        Assert.Equal(HttpStatusCode.Forbidden, await AsFrameAsync(host, "/api/v1/ui/menu"));
        Assert.Equal(HttpStatusCode.Forbidden, await AsFrameAsync(host, "/console/filesystem"));
    }

    private static async Task<HttpStatusCode> AsFrameAsync(RunningHost host, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Origin", "null");
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }

    private static int Opened(string html) => System.Text.RegularExpressions.Regex.Count(html, "<(?!/|input|hr)[a-z0-9]+");

    private static int Closed(string html) => System.Text.RegularExpressions.Regex.Count(html, "</[a-z0-9]+>");

    private static async Task<(HttpStatusCode Status, string Text, JsonNode? Json)> SendAsync(RunningHost host, string token, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return (answer.StatusCode, text, answer.Content.Headers.ContentType?.MediaType?.Contains("json", StringComparison.Ordinal) == true ? JsonNode.Parse(text) : null);
    }
}
