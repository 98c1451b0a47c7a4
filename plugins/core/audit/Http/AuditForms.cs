namespace Nexus.Core.Audit.Http;

/// <summary>JSON Schemas of what the routes answer; their handlers write the answers themselves.</summary>
internal static class AuditForms
{
    /// <summary>An entry.</summary>
    public const string Entry = """
        {"title":"Entry","type":"object","required":["position","at","actor","action","subject","result","address","userAgent","correlationId","detail"],"properties":{"position":{"type":"integer","format":"int64"},"at":{"type":"string","format":"date-time"},"actor":{"type":"string"},"action":{"type":"string"},"subject":{"type":"string"},
          "result":{"type":"string","enum":["success","denied","failure","unknown"]},"address":{"type":["string","null"]},"userAgent":{"type":["string","null"]},"correlationId":{"type":["string","null"]},"detail":{}}}
        """;

    /// <summary>A page of entries.</summary>
    public const string Page = """{"title":"EntryPage","type":"object","required":["items","nextCursor"],"properties":{"items":{"type":"array","items":""" + Entry + """},"nextCursor":{"type":["string","null"]}}}""";

    /// <summary>Evidence of an entry.</summary>
    public const string Proof = """{"title":"EntryProof","type":"object","required":["entry","leafInput","index","count","path","root","seal"],"properties":{"entry":""" + Entry + ""","leafInput":{"type":"string"},"index":{"type":"integer"},"count":{"type":"integer"},"path":{"type":"array","items":{"type":"string"}},"root":{"type":"string"},"seal":{"type":"object",""" + SealMembers + "}}}";

    /// <summary>How far the trail is sealed.</summary>
    public const string Status = """{"title":"TrailStatus","type":"object","required":["entries","seal","archives","failure","contradiction"],"properties":{"entries":{"type":"integer","format":"int64"},"seal":{"type":["object","null"],""" + SealMembers + """},"archives":{"type":"array","items":""" + Archive + """},"failure":{"type":["string","null"]},"contradiction":{"type":["string","null"]}}}""";

    /// <summary>Alerts, newest first.</summary>
    public const string Alerts = """{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"title":"Alert","type":"object","required":["at","rule","who","count","position"],"properties":{"at":{"type":"string","format":"date-time"},"rule":{"type":"string"},"who":{"type":["string","null"]},"count":{"type":"integer"},"position":{"type":"integer","format":"int64"}}}}}}""";

    /// <summary>What a verification found.</summary>
    public const string Report = """
        {"title":"Verification","type":"object","required":["tenant","sound","entries","seals","archived","archivedElsewhere","unanchored","seconds","entriesPerSecond","sealing","acknowledged","finding"],"properties":{"tenant":{"type":"string"},"sound":{"type":"boolean"},"entries":{"type":"integer","format":"int64"},"seals":{"type":"integer","format":"int64"},"archived":{"type":"integer","format":"int64"},
          "archivedElsewhere":{"type":"integer","format":"int64"},"unanchored":{"type":"integer","format":"int64"},"seconds":{"type":"number"},"entriesPerSecond":{"type":"number"},"sealing":{"type":["string","null"]},"acknowledged":{"type":"array","items":
        """ + Acknowledged + """},"finding":{"title":"Finding","type":["object","null"],"required":["position","seal","kind","detail"],"properties":{"position":{"type":["integer","null"]},"seal":{"type":["integer","null"]},"kind":{"type":"string"},"detail":{"type":"string"}}}}}""";

    /// <summary>A gap that an operator answers for.</summary>
    public const string Acknowledged = """{"title":"Acknowledgement","type":"object","required":["at","actor","reason","fromSeal","throughSeal","first","last"],"properties":{"at":{"type":"string","format":"date-time"},"actor":{"type":"string"},"reason":{"type":"string"},"fromSeal":{"type":"integer"},"throughSeal":{"type":"integer"},"first":{"type":"integer","format":"int64"},"last":{"type":"integer","format":"int64"}}}""";

    /// <summary>Archives that were made.</summary>
    public const string Archived = """{"type":"object","required":["archives"],"properties":{"archives":{"type":"array","items":""" + Archive + "}}}";

    /// <summary>An export or report with its proof.</summary>
    public const string File = """
        {"title":"FileProof","type":"object","required":["kind","entries","filter","name","bytes","sha256","at","seal","signed","signature","key"],"additionalProperties":true,"properties":{"kind":{"type":"string"},"entries":{"type":"integer","format":"int64"},"filter":{"type":"object","additionalProperties":{"type":["string","null"]}},"name":{"type":"string"},"bytes":{"type":"integer","format":"int64"},"sha256":{"type":"string"},"at":{"type":"string","format":"date-time"},
          "seal":{"type":["object","null"],
        """ + SealMembers + """},"signed":{"type":"string"},"signature":{"type":"string"},"key":{"type":"string"}}}""";

    /// <summary>Exports and reports.</summary>
    public const string Files = """{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":""" + File + "}}}";

    private const string Archive = """{"title":"Archive","type":"object","required":["first","last","file","sha256","at"],"properties":{"first":{"type":"integer","format":"int64"},"last":{"type":"integer","format":"int64"},"file":{"type":"string"},"sha256":{"type":"string"},"at":{"type":"string","format":"date-time"}}}""";

    private const string SealMembers = """
        "title":"Seal","required":["number","first","last","at","root","chain","signed","signature","key"],"properties":{"number":{"type":"integer","format":"int64"},"first":{"type":"integer","format":"int64"},"last":{"type":"integer","format":"int64"},"at":{"type":"string","format":"date-time"},"root":{"type":"string"},"chain":{"type":"string"},"signed":{"type":"string"},"signature":{"type":"string"},"key":{"type":"string"},"publicKey":{"type":["string","null"]}}
        """;
}
