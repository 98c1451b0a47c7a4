using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Nexus.Cli;

/// <summary>A static site of a folder of Markdown files and of the documentation comments of the plugin contract. Needs no network to read.</summary>
internal sealed partial class DocumentationSite(string source, string output)
{
    private const string Style = "body{margin:0;font:16px/1.6 system-ui,sans-serif;color:#1f2430;display:grid;grid-template-columns:15rem minmax(0,1fr)}nav{background:#f4f5f8;padding:1.5rem 1rem;min-height:100vh;box-sizing:border-box}nav a{display:block;padding:.25rem .5rem;color:#334;text-decoration:none;border-radius:6px}nav a:hover,nav a[aria-current]{background:#e2e6f0}main{padding:2rem 3rem;max-width:52rem}pre{background:#f4f5f8;padding:1rem;border-radius:8px;overflow:auto;font-size:.88em}code{font-family:ui-monospace,monospace;font-size:.92em}table{border-collapse:collapse}td,th{border-bottom:1px solid #dde;padding:.35rem .8rem .35rem 0;text-align:left;vertical-align:top}@media(prefers-color-scheme:dark){body{background:#14161c;color:#d9dce6}nav,pre{background:#1d2029}nav a{color:#c5cbdb}nav a:hover,nav a[aria-current]{background:#2b3040}a{color:#8ab4ff}td,th{border-color:#333a4c}}@media(max-width:50rem){body{display:block}nav{min-height:0}main{padding:1rem}}";

    private static readonly MarkdownPipeline Markdown = new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers().UseAutoLinks().Build();

    private readonly List<string> broken = [];

    public string Output => output;

    public int Pages { get; private set; }

    /// <summary>Links to files or headings that are not there, as <c>page: target</c>.</summary>
    public IReadOnlyList<string> BrokenLinks => broken;

    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var pages = new List<(string Name, string Title, MarkdownDocument Text)>();
        foreach (var file in Directory.EnumerateFiles(source, "*.md").Order(StringComparer.Ordinal))
        {
            var text = Markdig.Markdown.Parse(await File.ReadAllTextAsync(file, cancellationToken), Markdown);
            var title = text.OfType<HeadingBlock>().FirstOrDefault()?.Inline is { } heading ? string.Concat(heading.Descendants<LiteralInline>().Select(l => l.Content.ToString())) : Path.GetFileNameWithoutExtension(file);
            pages.Add((Path.GetFileNameWithoutExtension(file), title, text));
        }

        Directory.CreateDirectory(output);
        var links = pages.Select(p => (Href: Target(p.Name), p.Title)).Append(("contract.html", "The plugin contract")).ToList();
        foreach (var (name, title, text) in pages)
        {
            Check(name, text, pages);
            await PageAsync(Target(name), title, text.ToHtml(Markdown), links, cancellationToken);
        }

        await PageAsync("contract.html", "The plugin contract", Contract(), links, cancellationToken);
    }

    private static string Target(string page) => page is "README" ? "index.html" : page + ".html";

    private async Task PageAsync(string file, string title, string body, IEnumerable<(string Href, string Title)> links, CancellationToken cancellationToken)
    {
        var navigation = string.Concat(links.Select(l => $"<a href=\"{l.Href}\"{(l.Href == file ? " aria-current=\"page\"" : "")}>{WebUtility.HtmlEncode(l.Title)}</a>"));
        await File.WriteAllTextAsync(Path.Combine(output, file), $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{WebUtility.HtmlEncode(title)}</title><style>{Style}</style><nav>{navigation}</nav><main>{body}</main></html>", cancellationToken);
        Pages++;
    }

    /// <summary>Notes broken links, and makes links to Markdown files links to their pages.</summary>
    private void Check(string page, MarkdownDocument text, List<(string Name, string Title, MarkdownDocument Text)> pages)
    {
        foreach (var link in text.Descendants<LinkInline>().Where(l => l.Url is not null && !l.Url.Contains("://", StringComparison.Ordinal) && !l.Url.StartsWith("mailto:", StringComparison.Ordinal)))
        {
            var (path, anchor) = link.Url!.Split('#') is [var before, var after] ? (before, after) : (link.Url, "");
            var other = path.Length == 0 ? text : path.EndsWith(".md", StringComparison.Ordinal) ? pages.FirstOrDefault(p => p.Name + ".md" == path).Text : null;
            var there = other is not null ? anchor.Length == 0 || other.Descendants<HeadingBlock>().Any(h => h.TryGetId() == anchor) : File.Exists(Path.Combine(source, path)) || Directory.Exists(Path.Combine(source, path));
            if (!there) broken.Add($"{page}.md: {link.Url}");
            else if (other is not null && path.Length > 0) link.Url = Target(path[..^3]) + (anchor.Length > 0 ? "#" + anchor : "");
        }
    }

    private static string Contract()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "Nexus.Abstractions.xml");
        if (!File.Exists(file)) return "<p>The documentation file of the contract is not beside the command.</p>";
        var members = XDocument.Load(file).Descendants("member").Select(m => (Id: (string)m.Attribute("name")!, Text: Plain(m.Element("summary")))).Where(m => m.Text.Length > 0).ToList();
        var html = new StringBuilder("<h1>The plugin contract</h1>");
        foreach (var (id, text) in members.Where(m => m.Id.StartsWith("T:", StringComparison.Ordinal)))
        {
            html.Append($"<h2 id=\"{id[2..]}\">{WebUtility.HtmlEncode(Short(id[2..]))}</h2><p>{WebUtility.HtmlEncode(text)}</p>");
            var own = members.Where(m => m.Id[0] != 'T' && m.Id[2..].StartsWith(id[2..] + ".", StringComparison.Ordinal) && !m.Id[(id.Length + 1)..].Split('(')[0].Contains('.', StringComparison.Ordinal)).ToList();
            if (own.Count > 0) html.Append("<table>").AppendJoin("", own.Select(m => $"<tr><td><code>{WebUtility.HtmlEncode(m.Id[(id.Length + 1)..].Split('(')[0].Replace("#ctor", "new", StringComparison.Ordinal))}</code></td><td>{WebUtility.HtmlEncode(m.Text)}</td></tr>")).Append("</table>");
        }

        return html.ToString();
    }

    private static string Short(string type) => type[(type.LastIndexOf('.') + 1)..].Split('`')[0];

    /// <summary>The words of a comment; references are named by their last part.</summary>
    private static string Plain(XElement? summary) => summary is null ? "" : Space().Replace(string.Concat(summary.DescendantNodes().Select(n => n switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" or "paramref" or "typeparamref" } reference when !reference.HasElements => Short(((string?)reference.Attribute("cref") ?? (string?)reference.Attribute("langword") ?? (string?)reference.Attribute("name") ?? "").Split('(')[0]),
        _ => "",
    })), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}

/// <summary>Ids of headings.</summary>
internal static class HeadingIds
{
    /// <summary>The id that a heading's element gets.</summary>
    public static string? TryGetId(this HeadingBlock heading) => Markdig.Renderers.Html.HtmlAttributesExtensions.TryGetAttributes(heading)?.Id;
}
