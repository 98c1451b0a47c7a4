using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Core.Audit.Alerts;
using Nexus.Core.Audit.Anchors;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Http;
using Nexus.Core.Audit.Reports;
using Nexus.Core.Audit.Retention;
using Nexus.Core.Audit.Search;
using Nexus.Core.Audit.Verification;

namespace Nexus.Core.Audit;

/// <summary>Seals the audit trail of the node, and lets auditors read, verify, prove, export and archive it.</summary>
public sealed class AuditPlugin : IPlugin, IStart, IStop, ICheckHealth
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.AddOptions<AuditOptions>().AddMigrations().UseAuditTrail().MapEndpoints(AuditRoutes.Map);
        plugin.Services
            .AddSingleton<TrailStore>()
            .AddSingleton<EntrySearch>()
            .AddSingleton<Proofs>()
            .AddSingleton(s => SealKeys.Open(Path.Combine(Folder(s), "keys")))
            .AddSingleton(s => new FileAnchor(Path.Combine(Folder(s), "anchor.jsonl")))
            .AddSingleton(s => new AllAnchors(AnchorsOf(s)))
            .AddSingleton(s => new Archives(s.GetRequiredService<ISqlDatabase>(), s.GetRequiredService<TrailStore>(), s.GetRequiredService<IAuditTrail>(), Path.Combine(Folder(s), "archives"), Clock(s)))
            .AddSingleton(s => new AuditFiles(s.GetRequiredService<EntrySearch>(), s.GetRequiredService<TrailStore>(), s.GetRequiredService<Proofs>(), s.GetRequiredService<SealKeys>(), Path.Combine(Folder(s), "files"), Clock(s)))
            .AddSingleton(s => new Verifier(s.GetRequiredService<TrailStore>(), s.GetRequiredService<Archives>(), s.GetRequiredService<SealKeys>(), s.GetRequiredService<AllAnchors>().List, Clock(s)))
            .AddSingleton(s => new AlertWatch(s.GetRequiredService<ISqlDatabase>(), s.GetRequiredService<IAuditTrail>(), s.GetService<IEvents>(), Settings(s).Alerts is { } rules ? [.. rules] : AlertWatch.BuiltIn, Log(s)))
            .AddSingleton(s => new Sealer(s.GetRequiredService<IAuditQueue>(), s.GetRequiredService<TrailStore>(), s.GetRequiredService<SealKeys>(), s.GetRequiredService<AllAnchors>().List, s.GetRequiredService<AlertWatch>(), TimeSpan.FromMilliseconds(Settings(s).SealMilliseconds), HostOf(s), new SealTurn(s.GetRequiredService<IDocuments>(), Clock(s), $"{Environment.MachineName}:{s.GetRequiredService<PluginFolder>().Path}")))
            .AddSingleton(s => new Restorations(s.GetRequiredService<TrailStore>(), s.GetRequiredService<Verifier>(), s.GetRequiredService<Sealer>(), s.GetRequiredService<SealKeys>(), s.GetRequiredService<AllAnchors>().List, Clock(s)))
            .AddSingleton(s => new RetentionLoop(s.GetRequiredService<Archives>(), () => s.GetRequiredService<FileAnchor>().Tenants, TimeSpan.FromDays(Settings(s).RetentionDays), HostOf(s)));
    }

    /// <inheritdoc/>
    public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var sealer = services.GetRequiredService<Sealer>();
        services.GetRequiredService<IMeterFactory>().Create("core.audit").CreateObservableGauge("audit_seal_wait", () => sealer.Waiting.TotalSeconds, "s", "For how long audit entries have waited for their seal.");
        sealer.Start();
        services.GetRequiredService<RetentionLoop>().Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await services.GetRequiredService<RetentionLoop>().DisposeAsync();
        await services.GetRequiredService<Sealer>().DisposeAsync();
    }

    /// <inheritdoc/>
    public Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var sealer = services.GetRequiredService<Sealer>();
        return Task.FromResult((sealer.Contradiction ?? sealer.Failure) is { } what ? new PluginHealth(HealthLevel.Degraded, what) : PluginHealth.Healthy);
    }

    private static ImmutableArray<IAnchor> AnchorsOf(IServiceProvider services) =>
    [
        services.GetRequiredService<FileAnchor>(),
        .. Settings(services).Anchors.Select(target => Uri.TryCreate(target, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? (IAnchor)new HttpAnchor(address, services.GetRequiredService<IHttpClientFactory>(), services.GetRequiredService<ISqlDatabase>())
            : new FileAnchor(Path.GetFullPath(target))),
    ];

    private static string Folder(IServiceProvider services) => Settings(services).Directory is { Length: > 0 } folder ? Path.GetFullPath(folder) : services.GetRequiredService<PluginFolder>().Path;

    private static AuditOptions Settings(IServiceProvider services) => services.GetRequiredService<IOptions<AuditOptions>>().Value;

    private static TimeProvider Clock(IServiceProvider services) => services.GetService<TimeProvider>() ?? TimeProvider.System;

    private static SealerHost HostOf(IServiceProvider services)
    {
        var trail = services.GetRequiredService<IAuditTrail>();
        return new SealerHost(() => trail.IsKept, Clock(services), Log(services));
    }

    private static ILogger Log(IServiceProvider services) => services.GetRequiredService<ILoggerFactory>().CreateLogger("core.audit");

    /// <summary>The anchors in order; the first is the file in the plugin's folder.</summary>
    private sealed class AllAnchors(ImmutableArray<IAnchor> anchors) : IDisposable
    {
        public ImmutableArray<IAnchor> List => anchors;

        public void Dispose()
        {
            foreach (var anchor in anchors.OfType<IDisposable>())
                anchor.Dispose();
        }
    }
}
