using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;

namespace Nexus.UserInterface.Contributions;

/// <summary>
/// A component as HTML that needs no script: for mail, print and pages of somebody else. Everything that was said is escaped, addresses were checked by
/// <see cref="ComponentCatalogue"/>. What is bound to a source carries its address in <c>data-source</c> and is empty: who asks for HTML fetches as who it is.
/// </summary>
internal sealed class ComponentHtml
{
    private readonly StringBuilder html = new();
    private readonly string language;

    private ComponentHtml(string language) => this.language = language;

    /// <summary>The HTML of a component, in a language where its texts have it.</summary>
    public static string Of(Component component, string language)
    {
        var writer = new ComponentHtml(language);
        writer.Write(component);
        return writer.html.ToString();
    }

    private void Write(Component c)
    {
        switch (c.Type)
        {
            case "divider": Tag("hr", c, ("aria-label", Said(c["label"]))); break;
            case "spacer": Around("div", c, () => { }); break;
            case "header": Titled("header", c); break;
            case "text": Around("p", c, () => Put(Said(c["text"]))); break;
            case "section": Titled("section", c); break;
            case "card": Titled("article", c); break;
            case "panel": Around("details", c, () => { Around("summary", null, () => Put(Said(c["title"]))); Parts(c); }, c["open"]?.GetValue<bool>() == true ? [("open", "")] : []); break;
            case "form": Around("form", c, () => { Parts(c); Around("button", null, () => Put(Said(c["label"]))); }); break;
            case "input": Entered(c, () => Tag("input", null, ("name", Said(c["name"])), ("type", c["kind"] is { } kind ? Said(kind) : "text"), ("value", Said(c["value"])))); break;
            case "textarea": Entered(c, () => Around("textarea", null, () => Put(Said(c["value"])), ("name", Said(c["name"])))); break;
            case "checkbox": Entered(c, () => Tag("input", null, ("name", Said(c["name"])), ("type", "checkbox"))); break;
            case "select": Entered(c, () => Around("select", null, () => Options(c, (value, label) => Around("option", null, () => Put(label), ("value", value))), ("name", Said(c["name"])))); break;
            case "radio": Around("fieldset", c, () => { Around("legend", null, () => Put(Said(c["label"]))); Options(c, (value, label) => Around("label", null, () => { Tag("input", null, ("type", "radio"), ("name", Said(c["name"])), ("value", value)); Put(label); })); }); break;
            case "button" when c["page"] is { } page: Link(Said(page), Said(c["label"])); break;
            case "button" or "toast": Around("button", c, () => Put(Said(c["label"]))); break;
            case "table" or "data-grid": Table(c, Fields(c, "columns", "field"), Fields(c, "columns", "label")); break;
            case "chart": Around("figure", c, () => { Around("figcaption", null, () => Put(Said(c["label"]))); var fields = Of(c["y"]).Select(Said).Prepend(Said(c["x"])).ToArray(); Table(null, fields, fields, Of(c["rows"])); }); break;
            case "metric": Around("dl", c, () => { Around("dt", null, () => Put(Said(c["label"]))); Around("dd", null, () => Put(Value(c["value"]))); }); break;
            case "alert": Around("div", c, () => { if (c["title"] is { } title) Around("strong", null, () => Put(Said(title))); Around("p", null, () => Put(Said(c["text"]))); }, ("role", "alert")); break;
            case "modal": Around("details", c, () => { Around("summary", null, () => Put(Said(c["label"]))); Parts(c); }); break;
            case "progress": Entered(c, () => Tag("progress", null, ("value", Said(c["value"])), ("max", c["most"] is { } most ? Said(most) : "100"))); html.Append("</progress>"); break;
            case "spinner": Around("p", c, () => Put(Said(c["label"])), ("role", "status")); break;
            case "menu" or "breadcrumb": Around("nav", c, () => Around("ul", null, () => { foreach (var link in Of(c["links"])) Around("li", null, () => Link(Said(link?["page"]), Said(link?["label"]))); }), ("aria-label", c["label"] is { } label ? Said(label) : c.Type)); break;
            case "pagination": Around("nav", c, () => Put($"1 / {Said(c["pages"])}"), ("aria-label", Said(c["label"]))); break;
            case "module" or "frame": Around("div", c, () => Put(Said(c["label"])), ("data-file", Said(c["file"]))); break;
            default: Around("div", c, () => Parts(c)); break;
        }
    }

    private void Parts(Component c)
    {
        foreach (var part in c.Parts)
            Write(part);
    }

    private void Titled(string tag, Component c) => Around(tag, c, () =>
    {
        if (c["title"] is { } title)
            Around("h2", null, () => Put(Said(title)));
        if (c["about"] is { } about)
            Around("p", null, () => Put(Said(about)));
        Parts(c);
    });

    private void Entered(Component c, Action input) => Around("label", c, () => { Put(Said(c["label"])); html.Append(' '); input(); });

    private void Options(Component c, Action<string, string> write)
    {
        foreach (var option in Of(c["options"]))
            write(Said(option is JsonObject named ? named["value"] : option), Said(option is JsonObject labelled ? labelled["label"] ?? labelled["value"] : option));
    }

    private void Table(Component? c, string[] fields, string[] labels, IEnumerable<JsonNode?>? rows = null) => Around("table", c, () =>
    {
        Around("thead", null, () => Around("tr", null, () => { foreach (var label in labels) Around("th", null, () => Put(label), ("scope", "col")); }));
        Around("tbody", null, () =>
        {
            foreach (var row in rows ?? Of(c?["rows"]))
                Around("tr", null, () => { foreach (var field in fields) Around("td", null, () => Put(Value((row as JsonObject)?[field]))); });
        });
    });

    private string[] Fields(Component c, string list, string name) => [.. Of(c[list]).Select(one => one is JsonObject column ? Said(column[name] ?? column["field"]) : Said(one))];

    private static IEnumerable<JsonNode?> Of(JsonNode? list) => list as JsonArray ?? [];

    /// <summary>A text in the language that was asked for; what is no text, as it is written.</summary>
    private string Said(JsonNode? text) => text switch
    {
        null => "",
        JsonObject all => Said(all[language] ?? all["default"]),
        JsonValue value when value.TryGetValue(out string? word) => word,
        _ => text.ToJsonString(),
    };

    private string Value(JsonNode? value) => value is JsonObject money && money["amount"] is { } amount ? string.Create(CultureInfo.InvariantCulture, $"{Said(amount)} {Said(money["currency"])}") : Said(value);

    private void Link(string page, string label) => Around("a", null, () => Put(label), ("href", "/console" + page));

    private void Around(string tag, Component? c, Action inside, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Tag(tag, c, attributes);
        inside();
        html.Append("</").Append(tag).Append('>');
    }

    private void Tag(string tag, Component? c, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        html.Append('<').Append(tag);
        if (c is not null)
            Attribute("class", "nexus-" + c.Type);
        if (c?["source"] is { } source)
            Attribute("data-source", Said(source));
        foreach (var (name, value) in attributes)
            Attribute(name, value);
        html.Append('>');
    }

    private void Attribute(string name, string value) => html.Append(' ').Append(name).Append("=\"").Append(HtmlEncoder.Default.Encode(value)).Append('"');

    private void Put(string text) => html.Append(HtmlEncoder.Default.Encode(text));
}
