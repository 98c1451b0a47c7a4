using Microsoft.Extensions.DependencyInjection;
using Nexus;

namespace Analytics;

/// <summary>Third of three: one record for each welcomed user, and every night a report of the day.</summary>
public sealed class AnalyticsPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<Registration>("registrations", registrations => registrations.Unique(r => r.UserId));
        plugin.On<MailSent>(TrackAsync);
        plugin.AddTask<ReportRequest, DailyReport>("nightly-report", ReportAsync, task => task with { Description = "Counts the registrations of a day." });
        plugin.AddSchedule(Schedule.Daily(2), "nightly-report");
    }

    private static async Task TrackAsync(IServiceProvider services, MailSent mail, CancellationToken cancellationToken)
    {
        await services.GetRequiredService<IRepository<Registration>>().CreateAsync(new Registration(mail.UserId), cancellationToken);
        await services.GetRequiredService<IEvents>().PublishAsync(new Tracked("registration", mail.UserId), cancellationToken: cancellationToken);
    }

    // What the schedule asks for has no input: the day before the one it is due on.
    private static async Task<DailyReport> ReportAsync(IServiceProvider services, ReportRequest? asked, TaskContext context, CancellationToken cancellationToken)
    {
        var day = asked?.Day ?? DateOnly.FromDateTime(context.DueAt.UtcDateTime).AddDays(-1);
        var from = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        var to = from.AddDays(1);
        context.Report(10, $"Counting {day:yyyy-MM-dd}");
        var ofDay = new Specification<Registration>(r => r.CreatedAt >= from && r.CreatedAt < to);
        var found = await services.GetRequiredService<IRepository<Registration>>().ListAsync(new ResourceQuery { Filter = ofDay.Filter, Limit = 1, Count = true }, cancellationToken);
        var report = new DailyReport(day, found.Total ?? 0);
        await services.GetRequiredService<IDocuments>().SetAsync($"reports/{day:yyyy-MM-dd}", report, cancellationToken);
        context.Log($"{report.Registrations} registrations");
        return report;
    }
}

public sealed record ReportRequest(DateOnly? Day);

public sealed record DailyReport(DateOnly Day, long Registrations);

public sealed record Registration(Guid UserId) : Resource;

[Event("email.sent")]
public sealed record MailSent(Guid UserId, string To);

[Event("analytics.tracked")]
public sealed record Tracked(string What, Guid UserId);
