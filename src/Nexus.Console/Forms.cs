namespace Nexus.UserInterface;

/// <summary>JSON Schemas of what the routes answer; their handlers write the answers themselves.</summary>
internal static class Forms
{
    /// <summary>The colours.</summary>
    public const string Theme = """{"title":"Theme","type":"object","required":["colour","scheme"],"properties":{"colour":{"type":"string"},"scheme":{"type":"string","enum":["auto","light","dark"]}}}""";

    /// <summary>What the console shows a caller.</summary>
    public const string View = """
        {"title":"View","type":"object","required":["version","signIn","anonymous","caller","plugins","allowed","pages","theme"],"properties":{"version":{"type":"integer"},"signIn":{"type":"boolean"},"anonymous":{"type":"boolean"},
          "caller":{"type":"object","required":["id","name","tenant"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"tenant":{"type":"string"}}},"plugins":{"type":"array","items":{"type":"string"}},"allowed":{"type":"object","additionalProperties":{"type":"string"}},
          "pages":{"type":"array","items":
        """ + Entry + """},"theme":""" + Theme + "}}";

    /// <summary>The menu of plugins' pages.</summary>
    public const string Menu = """{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":""" + Entry + "}}}";

    /// <summary>Widgets with their content.</summary>
    public const string Widgets = """{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"title":"Widget","type":"object","required":["plugin","prefix","name","title","width","content"],"properties":{""" + Place + ""","title":""" + Said + ""","width":{"type":"integer","minimum":1,"maximum":4},"content":""" + Part + "}}}}}";

    /// <summary>A page with its content.</summary>
    public const string Page = """{"title":"Page","type":"object","required":["plugin","prefix","name","title","icon","position","path","about","content"],"properties":{""" + EntryMembers + ""","about":{"oneOf":[""" + Said + """,{"type":"null"}]},"content":""" + Part + "}}";

    /// <summary>Types of components.</summary>
    public const string Components = """
        {"type":"object","required":["types"],"properties":{"types":{"type":"array","items":{"title":"ComponentType","type":"object","required":["name","group","meaning","hasParts","properties","example"],"properties":{"name":{"type":"string"},"group":{"type":"string"},"meaning":{"type":"string"},"hasParts":{"type":"boolean"},
          "properties":{"type":"array","items":{"title":"ComponentProperty","type":"object","required":["name","value","meaning","required","choices"],"properties":{"name":{"type":"string"},"value":{"type":"string"},"meaning":{"type":"string"},"required":{"type":"boolean"},"choices":{"type":["array","null"],"items":{"type":"string"}}}}},
          "example":{"oneOf":[
        """ + Part + """,{"type":"null"}]}}}}}}""";

    /// <summary>A person's own views of a list.</summary>
    public const string SavedViews = """{"title":"SavedViews","type":"object","required":["items"],"properties":{"items":{"type":"array","items":""" + SavedView + "}}}";

    /// <summary>A view of a list, as it is sent and kept.</summary>
    private const string SavedView = """{"title":"SavedView","type":"object","required":["name","query","default"],"properties":{"name":{"type":"string"},"query":{"type":"string"},"default":{"type":"boolean"}}}""";

    /// <summary>A component: its type, its properties, the parts in it.</summary>
    private const string Part = """{"title":"Part","type":"object","required":["type"],"additionalProperties":true,"properties":{"type":{"type":"string"},"parts":{"type":"array","items":{"$ref":"#/components/schemas/CoreConsolePart"}}}}""";

    private const string Said = """{"oneOf":[{"type":"string"},{"title":"Translated","type":"object","required":["default"],"additionalProperties":{"type":"string"},"properties":{"default":{"type":"string"}}}]}""";

    private const string Place = """
        "plugin":{"type":"string"},"prefix":{"type":"string"},"name":{"type":"string"}
        """;

    private const string EntryMembers = Place + ""","title":""" + Said + ""","icon":{"type":["string","null"]},"position":{"type":"integer"},"path":{"type":"string"}""";

    private const string Entry = """{"title":"PageEntry","type":"object","required":["plugin","prefix","name","title","icon","position","path"],"properties":{""" + EntryMembers + "}}";
}
