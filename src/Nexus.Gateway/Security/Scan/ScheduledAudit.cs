using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Security.Scan;
using Nexus.Gateway.Security.Watch;

namespace Nexus;

/// <summary>The security audit at the times of <c>security.audit.schedule</c>, as a task of the platform: its runs, logs and failures show among the tasks, and of several nodes one runs it each time. A finding that is high is an alert.</summary>
/// <param name="schedule">A cron expression of five or six fields, or an interval such as <c>@every 12h</c>.</param>
public sealed class ScheduledAudit(string schedule) : IPlugin
{
    /// <summary>Its facts. It is essential: a schedule that cannot be read stops the start instead of an audit that never comes.</summary>
    public static PluginManifest Manifest { get; } = new()
    {
        Name = "core.security",
        Version = "0.1.0",
        Category = PluginCategory.Core,
        Description = "Audits the node at the times that security.audit.schedule names.",
        Entry = "",
        Isolation = PluginIsolation.Stable,
        Essential = true,
        Author = "The Nexus authors",
        License = "MIT",
    };

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin) => plugin.AddTask("audit", RunAsync).AddSchedule(schedule, "audit");

    private static async Task RunAsync(IServiceProvider services, TaskContext task, CancellationToken cancellationToken)
    {
        var report = await services.GetRequiredService<SecurityScan>().RunAsync(cancellationToken);
        var high = report.Findings.Where(f => f.Severity == Severity.High).ToList();
        task.Log(string.Create(CultureInfo.InvariantCulture, $"{report.Findings.Length} findings, {high.Count} of them high; the report is {report.File}"));
        if (high.Count > 0)
            services.GetRequiredService<Alerts>().Raise("security_audit", null, null, $"The scheduled security audit found {string.Join(", ", high.Select(f => f.Id).Distinct())}; the report is {report.File}.");
    }
}
