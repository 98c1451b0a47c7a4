using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Reports;
using Nexus.Core.Audit.Search;
using Nexus.Core.Audit.Verification;

namespace Nexus.Core.Audit.Http;

/// <summary>Routes of the trail. Each is about the tenant of its caller, and sees what was committed before it.</summary>
internal static class AuditRoutes
{
    private const string Root = "~/api/v1/audit";
    private const string Read = "platform.audit:read";
    private const string Export = "platform.audit:export";
    private const int MaxBatches = 4;

    private static readonly AcceptsMetadata JsonBody = new(["application/json"], typeof(JsonObject));

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var list = routes.MapGet(Root, ListAsync).WithName("listAudit").WithSummary("Entries of the audit trail, newest first").RequireAuthorization(Read).WithAnswer(AuditForms.Page);
        foreach (var (name, meaning) in EntryQuery.Words)
            list.WithQuery(name, meaning);
        list.WithQuery("limit", "entries a page, 1 to 1000; 50 unless asked otherwise").WithQuery("cursor", "nextCursor of an earlier page");
        routes.MapGet(Root + "/{position:long}", GetAsync).WithName("getAudit").WithSummary("One entry").RequireAuthorization(Read).WithAnswer(AuditForms.Entry);
        routes.MapGet(Root + "/{position:long}/proof", ProveAsync).WithName("proveAudit").WithSummary("Evidence that an entry lies in the sealed trail").RequireAuthorization(Read).WithAnswer(AuditForms.Proof);
        routes.MapGet(Root + "/status", StatusAsync).WithName("getAuditStatus").WithSummary("How far the trail is sealed, and by which key").RequireAuthorization(Read).WithAnswer(AuditForms.Status);
        routes.MapGet(Root + "/alerts", AlertsAsync).WithName("listAuditAlerts").WithSummary("Alerts that patterns of the trail raised, newest first").RequireAuthorization(Read).WithQuery("limit", "alerts, 1 to 1000; 50 unless asked otherwise").WithAnswer(AuditForms.Alerts);
        routes.MapPost(Root + "/verify", VerifyAsync).WithName("verifyAudit").WithSummary("Check the whole trail; the first altered, missing, inserted or reordered entry is named. Progress is streamed to who accepts application/x-ndjson").RequireAuthorization("platform.audit:verify").WithAnswer(AuditForms.Report);
        routes.MapPost(Root + "/acknowledge", AcknowledgeAsync).WithName("acknowledgeAudit").WithSummary("Say that the database was put back to an earlier state, and why; the gap stays in the anchors and in every verification").RequireAuthorization("platform.audit:acknowledge").WithMetadata(JsonBody).WithAnswer(AuditForms.Acknowledged);
        routes.MapPost(Root + "/exports", context => MakeAsync(context, report: false)).WithName("exportAudit").WithSummary("Write entries to a file with its proof: {\"format\": \"jsonl\"} or csv, and what the list is filtered by").RequireAuthorization(Export).WithMetadata(JsonBody).WithAnswer(AuditForms.File, StatusCodes.Status201Created);
        routes.MapPost(Root + "/reports", context => MakeAsync(context, report: true)).WithName("reportAudit").WithSummary("Write a compliance report to a file with its proof: {\"kind\": \"access\"} or configuration, and what the list is filtered by").RequireAuthorization(Export).WithMetadata(JsonBody).WithAnswer(AuditForms.File, StatusCodes.Status201Created);
        routes.MapGet(Root + "/files", FilesAsync).WithName("listAuditFiles").WithSummary("Exports and reports with their proofs, newest first").RequireAuthorization(Export).WithAnswer(AuditForms.Files);
        routes.MapGet(Root + "/files/{name}", FileAsync).WithName("getAuditFile").WithSummary("An export or report").RequireAuthorization(Export).WithAnswer("""{"type":"string"}""", contentType: "application/x-ndjson");
        routes.MapPost(Root + "/archive", ArchiveAsync).WithName("archiveAudit").WithSummary("Move entries beyond the retention to files now").RequireAuthorization("platform.audit:archive").WithAnswer(AuditForms.Archived);
    }

    private static async Task ListAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        var filter = EntryQuery.Filter(name => context.Request.Query[name] is [{ Length: > 0 } text, ..] ? text : null);
        var (entries, next) = await context.RequestServices.GetRequiredService<EntrySearch>().PageAsync(filter, context.Request.Query["cursor"] is [{ } cursor, ..] ? cursor : null, EntryQuery.Limit(context.Request.Query["limit"]), context.RequestAborted);
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("items"u8);
        foreach (var entry in entries)
            EntryJson.Write(json, entry);
        json.WriteEndArray();
        json.WriteString("nextCursor"u8, next);
        json.WriteEndObject();
    }

    private static async Task GetAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        var position = Position(context);
        var found = await context.RequestServices.GetRequiredService<TrailStore>().FindAsync(position, context.RequestAborted) ?? throw NotFound(position);
        await SendAsync(context, JsonNode.Parse(EntryJson.Line(found))!);
    }

    private static async Task ProveAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        await SendAsync(context, await context.RequestServices.GetRequiredService<Proofs>().FindAsync(Position(context), context.RequestAborted) ?? throw NotFound(Position(context)));
    }

    private static async Task StatusAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        var services = context.RequestServices;
        var seal = await services.GetRequiredService<TrailStore>().LastSealAsync(context.RequestAborted);
        var sealer = services.GetRequiredService<Sealer>();
        await SendAsync(context, new JsonObject
        {
            ["entries"] = seal?.Last ?? 0,
            ["seal"] = seal is null ? null : services.GetRequiredService<Proofs>().SealJson(seal),
            ["archives"] = new JsonArray([.. (await services.GetRequiredService<Retention.Archives>().ListAsync(context.RequestAborted)).Select(a => (JsonNode)ArchiveJson(a))]),
            ["failure"] = sealer.Failure,
            ["contradiction"] = sealer.Contradiction,
        });
    }

    private static async Task AlertsAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        var rows = await context.RequestServices.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT at,rule,who,count,position FROM alerts ORDER BY id DESC LIMIT @limit", new Dictionary<string, object?> { ["limit"] = EntryQuery.Limit(context.Request.Query["limit"]) }, context.RequestAborted);
        await SendAsync(context, new JsonObject { ["items"] = new JsonArray([.. rows.Select(r => (JsonNode)new JsonObject { ["at"] = EntryJson.Instant(TrailStore.Instant((long)r.Values[0]!)), ["rule"] = (string?)r.Values[1], ["who"] = (string?)r.Values[2], ["count"] = (long)r.Values[3]!, ["position"] = (long)r.Values[4]! })]) });
    }

    private static async Task VerifyAsync(HttpContext context)
    {
        var sealing = await TryCatchUpAsync(context);
        var verifier = context.RequestServices.GetRequiredService<Verifier>();
        VerificationReport report;
        if (context.Request.Headers.Accept.ToString().Contains("application/x-ndjson", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.ContentType = "application/x-ndjson";
            var progress = new Latest();
            var work = verifier.RunAsync(progress, context.RequestAborted);
            while (await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(250), context.RequestAborted)) != work)
            {
                var (done, all) = progress.Value;
                await LineAsync(context, new JsonObject { ["verified"] = done, ["entries"] = all });
            }

            report = await work;
            await LineAsync(context, ReportJson(report, sealing));
        }
        else
        {
            report = await verifier.RunAsync(null, context.RequestAborted);
            await SendAsync(context, ReportJson(report, sealing));
        }

        await RecordAsync(context, "core.audit.verified", "audit", report.Sound ? AuditResult.Success : AuditResult.Failure, new JsonObject { ["entries"] = report.Entries, ["finding"] = report.Finding is { } finding ? $"{finding.Position} {finding.Kind}" : null });
    }

    private static async Task AcknowledgeAsync(HttpContext context)
    {
        var reason = (await EntryQuery.BodyAsync(context))["reason"] is JsonValue given && given.TryGetValue<string>(out var text) ? text.Trim() : "";
        if (reason.Length is < 3 or > 500)
            throw EntryQuery.Invalid("/reason", "reason says in 3 to 500 characters why the database was put back.");
        var word = await context.RequestServices.GetRequiredService<Restorations>().AcknowledgeAsync(reason, context.RequestAborted);
        await RecordAsync(context, "core.audit.restoration_acknowledged", "audit", AuditResult.Success, new JsonObject { ["reason"] = reason, ["seals"] = $"{word.From}-{word.Through}", ["entries"] = $"{word.First}-{word.Last}" });
        await SendAsync(context, AcknowledgedJson(word));
    }

    private static JsonObject AcknowledgedJson(Anchors.Acknowledgement word) => new()
    {
        ["at"] = EntryJson.Instant(TrailStore.Instant(word.At)),
        ["actor"] = word.Actor,
        ["reason"] = word.Reason,
        ["fromSeal"] = word.From,
        ["throughSeal"] = word.Through,
        ["first"] = word.First,
        ["last"] = word.Last,
    };

    private static async Task MakeAsync(HttpContext context, bool report)
    {
        await CaughtUpAsync(context);
        var body = await EntryQuery.BodyAsync(context);
        var word = (string?)body[report ? "kind" : "format"] ?? (report ? "" : "jsonl");
        var kind = (report, word) switch
        {
            (false, "jsonl") => FileKind.JsonLines,
            (false, "csv") => FileKind.Csv,
            (true, "access") => FileKind.Access,
            (true, "configuration") => FileKind.Configuration,
            _ => throw EntryQuery.Invalid(report ? "/kind" : "/format", report ? "kind is access or configuration." : "format is jsonl or csv."),
        };
        var filter = EntryQuery.Filter(name => body[name] is JsonValue value ? value.ToString() : null);
        var proof = await context.RequestServices.GetRequiredService<AuditFiles>().MakeAsync(kind, filter, context.RequestAborted);
        await RecordAsync(context, report ? "core.audit.reported" : "core.audit.exported", $"files/{(string?)proof["name"]}", AuditResult.Success, new JsonObject { ["sha256"] = (string?)proof["sha256"], ["entries"] = (long)proof["entries"]! });
        context.Response.Headers.Location = $"/api/v1/audit/files/{(string?)proof["name"]}";
        await SendAsync(context, proof, StatusCodes.Status201Created);
    }

    private static Task FilesAsync(HttpContext context) =>
        SendAsync(context, new JsonObject { ["items"] = new JsonArray([.. context.RequestServices.GetRequiredService<AuditFiles>().List()]) });

    private static async Task FileAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        var path = context.RequestServices.GetRequiredService<AuditFiles>().Find(name) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no export or report named {name}.");
        await Results.File(path, name.EndsWith(".csv", StringComparison.Ordinal) ? "text/csv; charset=utf-8" : name.EndsWith(".json", StringComparison.Ordinal) ? "application/json" : "application/x-ndjson", name).ExecuteAsync(context);
    }

    private static async Task ArchiveAsync(HttpContext context)
    {
        await CaughtUpAsync(context);
        var made = await context.RequestServices.GetRequiredService<Retention.RetentionLoop>().RunAsync(TrailStore.Tenant, context.RequestAborted);
        await SendAsync(context, new JsonObject { ["archives"] = new JsonArray([.. made.Select(a => (JsonNode)ArchiveJson(a))]) });
    }

    /// <summary>A trail that somebody altered may not let itself be continued; it is verified all the same.</summary>
    private static async Task<string?> TryCatchUpAsync(HttpContext context)
    {
        try
        {
            await CaughtUpAsync(context);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return $"entries wait in the queue: {e.Message}";
        }
    }

    private static Task CaughtUpAsync(HttpContext context) => context.RequestServices.GetRequiredService<Sealer>().CatchUpAsync(context.RequestAborted, MaxBatches);

    private static long Position(HttpContext context) => long.Parse((string)context.Request.RouteValues["position"]!, CultureInfo.InvariantCulture);

    private static NexusException NotFound(long position) => new(ErrorCodes.ResourceNotFound, $"The trail has no entry {position}; aged ones lie in the archives that /api/v1/audit/status names.");

    private static JsonObject ArchiveJson(Retention.Archive archive) => new() { ["first"] = archive.First, ["last"] = archive.Last, ["file"] = archive.File, ["sha256"] = archive.Sha256, ["at"] = EntryJson.Instant(TrailStore.Instant(archive.At)) };

    private static JsonObject ReportJson(VerificationReport report, string? sealing) => new()
    {
        ["tenant"] = report.Tenant,
        ["sound"] = report.Sound,
        ["entries"] = report.Entries,
        ["seals"] = report.Seals,
        ["archived"] = report.Archived,
        ["archivedElsewhere"] = report.ArchivedElsewhere,
        ["unanchored"] = report.Unanchored,
        ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 3),
        ["entriesPerSecond"] = Math.Round(report.Entries / Math.Max(report.Elapsed.TotalSeconds, 1e-6)),
        ["sealing"] = sealing,
        ["acknowledged"] = new JsonArray([.. report.Acknowledged.Select(w => (JsonNode)AcknowledgedJson(w))]),
        ["finding"] = report.Finding is not { } finding ? null : new JsonObject { ["position"] = finding.Position, ["seal"] = finding.Seal, ["kind"] = finding.Kind.ToString().ToLowerInvariant(), ["detail"] = finding.Detail },
    };

    private static async Task RecordAsync(HttpContext context, string action, string subject, AuditResult result, JsonObject detail)
    {
        var now = (context.RequestServices.GetService<TimeProvider>() ?? TimeProvider.System).GetUtcNow();
        await context.RequestServices.GetRequiredService<IAuditTrail>().RecordAsync(AuditEntry.For(CallContext.Current, now, action, subject, result, JsonSerializer.SerializeToUtf8Bytes(detail)), CancellationToken.None);
    }

    private static async Task SendAsync(HttpContext context, JsonNode body, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body.ToJsonString(), context.RequestAborted);
    }

    private static async Task LineAsync(HttpContext context, JsonNode line)
    {
        await context.Response.WriteAsync(line.ToJsonString() + "\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>Keeps the newest progress, whoever reports first.</summary>
    private sealed class Latest : IProgress<(long Done, long All)>
    {
        private long _done;
        private long _all;

        public (long Done, long All) Value => (Volatile.Read(ref _done), Volatile.Read(ref _all));

        public void Report((long Done, long All) value)
        {
            Volatile.Write(ref _all, value.All);
            if (value.Done > Volatile.Read(ref _done))
                Volatile.Write(ref _done, value.Done);
        }
    }
}
