using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Nexus.Core.Audit.Tests.Http;

public sealed class AuditRoutesTests
{
    private static string Subjects(JsonNode page) => string.Join(' ', page["items"]!.AsArray().Select(i => (string)i!["subject"]!));

    [Theory]
    [InlineData("actor=bob", "orders/4")]
    [InlineData("action=auth.*", "orders/3 orders/2")]
    [InlineData("action=auth.login.failed", "orders/3")]
    [InlineData("result=denied", "orders/2")]
    [InlineData("subject=orders/*&limit=2", "orders/5 orders/4")]
    [InlineData("subject=orders/1", "orders/1")]
    [InlineData("address=10.9.9.9", "orders/5")]
    [InlineData("correlationId=c2", "orders/2")]
    [InlineData("from=2026-01-01T12:00:04Z", "orders/5 orders/4")]
    [InlineData("from=2026-01-01T12:00:02Z&to=2026-01-01T12:00:04Z", "orders/3 orders/2")]
    [InlineData("q=\"revision\":3}", "orders/3")]
    [InlineData("actor=bob&action=auth.*", "")]
    [InlineData("action=auth.[ls]*", "")]
    public async Task Entries_are_found_by_filter_newest_first(string query, string subjects)
    {
        await using var trail = await SampleAsync();

        Assert.Equal(subjects, Subjects(await trail.GetAsync("/api/v1/audit?" + query)));
    }

    [Fact]
    public async Task Pages_by_cursor_give_each_entry_once_while_new_ones_come()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(25, 10);
        var seen = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = await trail.GetAsync($"/api/v1/audit?limit=10{(cursor is null ? "" : "&cursor=" + cursor)}");
            seen.AddRange(Subjects(page).Split(' '));
            await trail.RecordAsync(Trail.Entry(100));
            if ((cursor = (string?)page["nextCursor"]) is null)
                break;
        }

        Assert.Equal(Enumerable.Range(1, 25).Reverse().Select(i => $"orders/{i}"), seen);
    }

    [Fact]
    public async Task An_entry_has_who_what_when_where_and_result()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(Trail.Entry(1, result: AuditResult.Denied));

        Assert.Equal(
            """{"position":1,"at":"2026-01-01T12:00:01.000000Z","actor":"ann","action":"orders.orders.created","subject":"orders/1","result":"denied","address":"10.0.0.1","userAgent":"probe/1","correlationId":"c1","detail":{"revision":1}}""",
            (await trail.GetAsync("/api/v1/audit/1")).ToJsonString());
        Assert.Equal(404, (int)(await trail.Host.Client.GetAsync("/api/v1/audit/2")).StatusCode);
    }

    [Fact]
    public async Task A_proof_convinces_the_verifier_of_the_guide_and_a_changed_one_does_not()
    {
        await using var trail = await Trail.StartAsync();
        await trail.FillAsync(45, 15);
        for (var position = 1; position <= 45; position += 4)
        {
            var proof = await trail.GetAsync($"/api/v1/audit/{position}/proof");
            var key = (string)proof["seal"]!["publicKey"]!;
            using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

            Assert.True(ProofVerifier.Verify(proof.ToJsonString(), key), $"entry {position}");
            Assert.False(ProofVerifier.Verify(proof.ToJsonString(), stranger.ExportSubjectPublicKeyInfoPem()));
            var input = Convert.FromBase64String((string)proof["leafInput"]!);
            Assert.Equal(AuditEncoding.Encode(Trail.Entry(position)), input[9..]);
            input[^1] ^= 1;
            proof["leafInput"] = Convert.ToBase64String(input);
            Assert.False(ProofVerifier.Verify(proof.ToJsonString(), key));
        }
    }

    [Theory]
    [InlineData("jsonl")]
    [InlineData("csv")]
    public async Task An_export_holds_the_entries_and_its_proof_names_its_digest_signed(string format)
    {
        await using var trail = await SampleAsync();

        var proof = await trail.PostAsync("/api/v1/audit/exports", $$"""{"format":"{{format}}","action":"auth.*"}""");
        var bytes = await trail.Host.Client.GetByteArrayAsync($"/api/v1/audit/files/{proof["name"]}");

        Assert.Equal((2L, (long)bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))), ((long)proof["entries"]!, (long)proof["bytes"]!, (string)proof["sha256"]!));
        var signed = Convert.FromBase64String((string)proof["signed"]!);
        Assert.True(signed.AsSpan().IndexOf(SHA256.HashData(bytes)) > 0);
        using var key = ECDsa.Create();
        key.ImportFromPem((string)proof["seal"]!["publicKey"]!);
        Assert.True(key.VerifyData(signed, Convert.FromBase64String((string)proof["signature"]!), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        var text = System.Text.Encoding.UTF8.GetString(bytes);
        Assert.Equal(format == "csv" ? 3 : 2, text.Count(c => c == '\n'));
        Assert.Equal((true, true, false), (text.Contains("orders/2", StringComparison.Ordinal), text.Contains("orders/3", StringComparison.Ordinal), text.Contains("orders/4", StringComparison.Ordinal)));
        Assert.Equal((string)proof["name"]!, (string)(await trail.GetAsync("/api/v1/audit/files"))["items"]![0]!["name"]!);
        Assert.Equal("core.audit.exported", (string)(await trail.GetAsync("/api/v1/audit"))["items"]![0]!["action"]!);
    }

    [Fact]
    public async Task A_cell_that_a_spreadsheet_would_run_is_made_text()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(Trail.Entry(1) with { Actor = "=cmd|' /C calc'!A0", Subject = "a\"b,c" });

        var proof = await trail.PostAsync("/api/v1/audit/exports", """{"format":"csv"}""");
        var text = await trail.Host.Client.GetStringAsync($"/api/v1/audit/files/{proof["name"]}");

        Assert.Contains(",'=cmd|' /C calc'!A0,", text, StringComparison.Ordinal);
        Assert.Contains(",\"a\"\"b,c\",", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_access_report_says_who_reached_what_how_often_in_a_period()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(Trail.Entry(1) with { Subject = "orders/9" }, Trail.Entry(2) with { Subject = "orders/9", Address = "10.0.0.2" }, Trail.Entry(3, actor: "bob") with { Subject = "orders/9" }, Trail.Entry(99) with { Subject = "orders/9" });

        var proof = await trail.PostAsync("/api/v1/audit/reports", """{"kind":"access","to":"2026-01-01T12:01:00Z"}""");
        var text = await trail.Host.Client.GetStringAsync($"/api/v1/audit/files/{proof["name"]}");

        Assert.Equal(
            "actor,subject,action,result,count,first,last,addresses\r\n"
            + "ann,orders/9,orders.orders.created,success,2,2026-01-01T12:00:01.000000Z,2026-01-01T12:00:02.000000Z,10.0.0.1 10.0.0.2\r\n"
            + "bob,orders/9,orders.orders.created,success,1,2026-01-01T12:00:03.000000Z,2026-01-01T12:00:03.000000Z,10.0.0.1\r\n", text);
    }

    [Fact]
    public async Task In_the_access_report_a_page_of_records_is_the_access_to_each_of_them()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(
            Trail.Entry(1, "crm.people.listed") with { Subject = "people", Detail = """{"count":2,"ids":["p1","p2"]}"""u8.ToArray() },
            Trail.Entry(2, "crm.people.read") with { Subject = "people/p1" });

        var proof = await trail.PostAsync("/api/v1/audit/reports", """{"kind":"access"}""");
        var lines = (await trail.Host.Client.GetStringAsync($"/api/v1/audit/files/{proof["name"]}")).Split("\r\n");

        Assert.Equal(
            ["ann,people/p1,crm.people.listed,success,1", "ann,people/p1,crm.people.read,success,1", "ann,people/p2,crm.people.listed,success,1"],
            lines.Skip(1).Where(l => l.Length > 0).Select(l => string.Join(',', l.Split(',').Take(5))));
    }

    [Fact]
    public async Task The_configuration_report_has_a_line_a_changed_setting_and_plugin()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync(
            Trail.Entry(1, "platform.config.changed") with { Subject = "config", Detail = """{"changes":{"server.port":{"old":"8000","new":"9000"},"mail.password":{"old":null,"new":"***"}}}"""u8.ToArray() },
            Trail.Entry(2),
            Trail.Entry(3, "platform.plugin.updated") with { Subject = "plugins/a.b", Detail = """{"oldVersion":"1.0.0","newVersion":"2.0.0"}"""u8.ToArray() });

        var proof = await trail.PostAsync("/api/v1/audit/reports", """{"kind":"configuration"}""");
        var lines = (await trail.Host.Client.GetStringAsync($"/api/v1/audit/files/{proof["name"]}")).Split("\r\n");

        Assert.Equal("2026-01-01T12:00:01.000000Z,ann,10.0.0.1,platform.config.changed,success,config,server.port,8000,9000", lines[1]);
        Assert.EndsWith(",mail.password,,***", lines[2], StringComparison.Ordinal);
        Assert.EndsWith(",plugins/a.b,version,1.0.0,2.0.0", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_questions_are_refused_with_the_field_and_files_outside_are_not_served()
    {
        await using var trail = await Trail.StartAsync();

        foreach (var query in (string[])["limit=0", "limit=x", "result=maybe", "from=yesterday"])
            Assert.Equal(422, (int)(await trail.Host.Client.GetAsync("/api/v1/audit?" + query)).StatusCode);
        Assert.Equal(400, (int)(await trail.Host.Client.GetAsync("/api/v1/audit?cursor=zz")).StatusCode);
        Assert.Equal(403, (int)(await trail.Host.Client.GetAsync("/api/v1/audit/files/..%2f..%2fkeys%2fseal.pem")).StatusCode);
        Assert.Equal(404, (int)(await trail.Host.Client.GetAsync("/api/v1/audit/files/seal.pem")).StatusCode);
    }

    private static async Task<Trail> SampleAsync()
    {
        var trail = await Trail.StartAsync();
        await trail.RecordAsync(Trail.Entry(1), Trail.Entry(2, "auth.access.denied", AuditResult.Denied), Trail.Entry(3, "auth.login.failed", AuditResult.Failure), Trail.Entry(4, actor: "bob"), Trail.Entry(5, address: "10.9.9.9"));
        return trail;
    }
}
