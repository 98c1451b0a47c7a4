using System.Collections.Immutable;

namespace Nexus;

public static partial class ComponentCatalogue
{
    private static readonly ImmutableArray<string> Tones = ["info", "success", "warning", "danger"];
    private static readonly ImmutableArray<string> Kinds = ["text", "number", "money", "percent", "date", "instant", "choice", "boolean"];

    private static readonly ComponentProperty Source = Of("source", ComponentValue.Source, "where the values come from; a list of the plugin's own resource is followed live");
    private static readonly ComponentProperty Every = Of("every", ComponentValue.Number, "seconds after which it is read anew, at least 2");
    private static readonly ComponentProperty Items = Of("items", ComponentValue.Word, "where in the answer the list is; the answer itself when absent");
    private static readonly ComponentProperty Rows = Of("rows", ComponentValue.List, "the rows themselves, in place of a source");
    private static readonly ComponentProperty From = Of("from", ComponentValue.Word, "where in the answer the value is, such as total.amount; $count is the number of records");
    private static readonly ComponentProperty Label = Of("label", ComponentValue.Text, "what it is called") with { Required = true };
    private static readonly ComponentProperty Title = Of("title", ComponentValue.Text, "its heading");
    private static readonly ComponentProperty Kind = Of("kind", ComponentValue.Word, "how a value is read") with { Choices = Kinds };
    private static readonly ComponentProperty Tone = Of("tone", ComponentValue.Word, "its meaning") with { Choices = Tones };
    private static readonly ComponentProperty Page = Of("page", ComponentValue.Page, "the page of the console that it leads to");
    private static readonly ComponentProperty Height = Of("height", ComponentValue.Number, "its height in pixels");

    private static readonly ImmutableArray<ComponentProperty> Entered =
    [
        Of("name", ComponentValue.Word, "its field of what is sent; outside of a form, its word of the page's address") with { Required = true },
        Label,
        Of("help", ComponentValue.Text, "what to enter"),
        Of("value", ComponentValue.Any, "what it begins with"),
        Of("required", ComponentValue.Flag, "it must be given"),
    ];

    private static readonly ImmutableArray<ComponentProperty> Chosen = [.. Entered, Of("options", ComponentValue.List, "words, or objects with value and label"), Source, Items, Of("optionValue", ComponentValue.Word, "field of an item that is sent; id when absent"), Of("optionLabel", ComponentValue.Word, "field of an item that is shown; name when absent"), Of("first", ComponentValue.Flag, "the first counts while none of them is chosen")];

    private static readonly ImmutableArray<ComponentProperty> Listed = [Source, Every, Items, Rows, Of("columns", ComponentValue.List, "objects with field, label and kind") with { Required = true }, Of("empty", ComponentValue.Text, "what is said when there is nothing")];

    /// <summary>Every type, by group.</summary>
    public static ImmutableArray<ComponentType> All { get; } =
    [
        new("container", "layout", "Parts one below the other", true, [Of("width", ComponentValue.Number, "greatest width in pixels")]),
        new("grid", "layout", "Parts in columns that become fewer on small screens", true, [Of("columns", ComponentValue.Number, "columns on a wide screen, 1 to 6")]),
        new("flex", "layout", "Parts beside each other, as many as fit", true, [Of("justify", ComponentValue.Word, "where they stand") with { Choices = ["start", "center", "end", "between"] }]),
        new("card", "layout", "Parts in a frame", true, [Title, Page]),
        new("panel", "layout", "Parts that can be folded away", true, [Title with { Required = true }, Of("open", ComponentValue.Flag, "not folded at first")]),
        new("sidebar", "layout", "The first part stands beside the others", true, []),
        new("section", "layout", "Parts under a heading", true, [Title with { Required = true }, Of("about", ComponentValue.Text, "one sentence about it")]),
        new("header", "layout", "A heading", false, [Title with { Required = true }, Of("about", ComponentValue.Text, "one sentence about it")]),
        new("divider", "layout", "A line", false, [Of("label", ComponentValue.Text, "a word in it")]),
        new("spacer", "layout", "Room", false, [Of("size", ComponentValue.Number, "in pixels, up to 200")]),
        new("text", "layout", "A text, as it is or read", false, [Of("text", ComponentValue.Text, "the text"), Source, From, Kind, Of("tone", ComponentValue.Word, "how it is said") with { Choices = ["plain", "quiet", "strong"] }]),
        new("form", "form", "Inputs that are sent together; what is wrong is said at its input", true,
        [
            Label, Of("source", ComponentValue.Source, "where it is sent; a resource of the plugin gets the form of its declaration") with { Required = true },
            Of("method", ComponentValue.Word, "POST when absent") with { Choices = ["POST", "PUT", "PATCH"] }, Of("done", ComponentValue.Text, "what is said when it was taken"),
        ]),
        new("input", "form", "A line", false, [.. Entered, Of("kind", ComponentValue.Word, "what is entered") with { Choices = ["text", "number", "date", "time", "email", "password", "url", "search"] }, Of("pattern", ComponentValue.Word, "regular expression that it matches"), Of("least", ComponentValue.Number, "least number, or fewest characters"), Of("most", ComponentValue.Number, "greatest number, or most characters")]),
        new("textarea", "form", "Several lines", false, [.. Entered, Of("lines", ComponentValue.Number, "lines at first"), Of("most", ComponentValue.Number, "most characters")]),
        new("select", "form", "One of several", false, Chosen),
        new("checkbox", "form", "Yes or no", false, Entered),
        new("radio", "form", "One of a few, all of them in sight", false, Chosen),
        new("button", "form", "Goes to a page, or sends something", false, [Label, Page, Of("source", ComponentValue.Source, "where it is sent"), Of("method", ComponentValue.Word, "POST when absent") with { Choices = ["POST", "PUT", "PATCH", "DELETE"] }, Of("body", ComponentValue.Any, "what is sent"), Of("confirm", ComponentValue.Text, "what is asked before"), Of("done", ComponentValue.Text, "what is said after"), Tone]),
        new("table", "data", "Rows and columns", false, Listed),
        new("data-grid", "data", "Rows that are sorted, searched and paged", false, [.. Listed, Of("size", ComponentValue.Number, "rows a page, 10 when absent")]),
        new("chart", "data", "A picture of numbers, with the numbers beneath for who cannot see it", false, [Label, Source, Every, Items, Rows, Of("shape", ComponentValue.Word, "line when absent") with { Choices = ["line", "area", "bar", "ring"] }, Of("x", ComponentValue.Word, "field of the axis") with { Required = true }, Of("y", ComponentValue.List, "fields that are drawn") with { Required = true }, Of("labels", ComponentValue.List, "a text for each of them; the names of the fields when absent"), Kind, Height]),
        new("metric", "data", "One number and what it is", false, [Label, Of("value", ComponentValue.Any, "the number itself, in place of a source"), Source, Every, From, Kind, Of("hint", ComponentValue.Text, "a word about it"), Page]),
        new("alert", "feedback", "A word to the reader", false, [Title, Of("text", ComponentValue.Text, "what is said") with { Required = true }, Tone]),
        new("modal", "feedback", "A button that opens parts over the page", true, [Label, Title]),
        new("toast", "feedback", "A button that says something in passing", false, [Label, Of("text", ComponentValue.Text, "what is said") with { Required = true }, Tone]),
        new("progress", "feedback", "How far something is", false, [Label, Of("value", ComponentValue.Number, "how far"), Source, Every, From, Of("most", ComponentValue.Number, "the end; 100 when absent")]),
        new("spinner", "feedback", "Something is on its way", false, [Label]),
        new("menu", "navigation", "Links, folded into a button", false, [Label, Of("links", ComponentValue.List, "objects with label and page") with { Required = true }]),
        new("breadcrumb", "navigation", "The way to here", false, [Of("links", ComponentValue.List, "objects with label and page") with { Required = true }]),
        new("tabs", "navigation", "One part at a time", true, [Of("labels", ComponentValue.List, "a text for each part") with { Required = true }]),
        new("pagination", "navigation", "Goes through pages; the number is a word of the page's address", false, [Label, Of("name", ComponentValue.Word, "the word; page when absent"), Of("pages", ComponentValue.Number, "how many") with { Required = true }]),
        new("module", "own", "A script module of the plugin: mount(element, context) draws, what it answers takes it away", false, [Of("file", ComponentValue.File, "ES module") with { Required = true }, Label with { Required = false }]),
        new("frame", "own", "A page of the plugin in a frame of its own, which reaches nothing but what it asks for", false, [Of("file", ComponentValue.File, "HTML file") with { Required = true }, Label, Height]),
    ];

    private static ComponentProperty Of(string name, ComponentValue value, string meaning) => new(name, value, meaning);
}
