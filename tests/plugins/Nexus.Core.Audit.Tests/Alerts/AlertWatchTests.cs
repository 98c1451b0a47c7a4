namespace Nexus.Core.Audit.Tests.Alerts;

public sealed class AlertWatchTests
{
    [Fact]
    public async Task Ten_failed_sign_ins_from_one_address_within_five_minutes_raise_one_alert()
    {
        await using var trail = await Trail.StartAsync();
        await trail.RecordAsync([.. Enumerable.Range(1, 9).Select(i => Trail.Entry(i, "auth.login.failed", AuditResult.Failure))]);
        await trail.RecordAsync([.. Enumerable.Range(10, 9).Select(i => Trail.Entry(i, "auth.login.failed", AuditResult.Failure, address: $"10.0.1.{i}"))]);
        Assert.Empty((await trail.GetAsync("/api/v1/audit/alerts"))["items"]!.AsArray());

        await trail.RecordAsync(Trail.Entry(19, "auth.login.failed", AuditResult.Failure));

        var alert = Assert.Single((await trail.GetAsync("/api/v1/audit/alerts"))["items"]!.AsArray());
        Assert.Equal("""{"at":"2026-01-01T12:00:19.000000Z","rule":"repeated-failed-sign-in","who":"10.0.0.1","count":10,"position":19}""", alert!.ToJsonString());
        Assert.Equal("core.audit.alert_raised", (string)(await trail.GetAsync("/api/v1/audit"))["items"]![0]!["action"]!);
        Assert.Contains("\"name\":\"core.audit.alert_raised\"", (await trail.GetAsync("/api/v1/events?pattern=core.audit.*")).ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Entries_further_apart_than_the_rule_raise_none_and_own_rules_replace_the_built_in_ones()
    {
        await using var trail = await Trail.StartAsync(options =>
        {
            options.Settings["plugins:core.audit:alerts:0:name"] = "two-drops";
            options.Settings["plugins:core.audit:alerts:0:action"] = "*.dropped";
            options.Settings["plugins:core.audit:alerts:0:count"] = "2";
            options.Settings["plugins:core.audit:alerts:0:minutes"] = "1";
        });
        await trail.RecordAsync(Trail.Entry(1, "a.dropped"), Trail.Entry(100, "a.dropped"), Trail.Entry(300, "b.dropped", actor: "bob"));
        await trail.RecordAsync([.. Enumerable.Range(400, 30).Select(i => Trail.Entry(i, "auth.login.failed"))]);
        Assert.Empty((await trail.GetAsync("/api/v1/audit/alerts"))["items"]!.AsArray());

        await trail.RecordAsync(Trail.Entry(350, "c.dropped", actor: "bob"));

        Assert.Single((await trail.GetAsync("/api/v1/audit/alerts"))["items"]!.AsArray());
    }
}
