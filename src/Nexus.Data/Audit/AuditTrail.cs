using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Audit;

/// <summary>Entries go into storage with a commit of their own while a plugin seals the trail, and into the log otherwise.</summary>
internal sealed partial class AuditTrail(IServiceProvider services, ILogger<AuditTrail> logger) : IAuditTrail, IDependencyHealth
{
    // Resolved at the first need: the kernel itself needs the ports of this room.
    private IPlugins? _plugins;
    private volatile Kept _kept = new(-1, false);
    private volatile string? _failure;

    public bool IsKept
    {
        get
        {
            var snapshot = (_plugins ??= services.GetService<IPlugins>())?.Current ?? PlatformSnapshot.Empty;
            if (_kept.Version != snapshot.Version)
                _kept = new Kept(snapshot.Version, snapshot.Plugins.Any(p => p.SealsAudit));
            return _kept.Sealed;
        }
    }

    public string Name => "audit";

    public bool Essential => false;

    public async ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (!entry.Detail.IsEmpty)
            entry = entry with { Detail = Masking.MaskJson(entry.Detail) };
        if (!IsKept)
        {
            Log(LogLevel.Information, entry);
            return;
        }

        try
        {
            await services.GetRequiredService<IStorage>().CommitAsync(new WriteBatch { Audit = [entry] }, cancellationToken).ConfigureAwait(false);
            _failure = null;
        }
        catch (Exception e) when (entry.Result == AuditResult.Denied)
        {
            // The refusal itself must reach the caller whatever becomes of its trace.
            _failure = e.Message;
            Log(LogLevel.Error, entry);
        }
    }

    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(_failure is { } failure ? new PluginHealth(HealthLevel.Degraded, $"An audit entry could not be kept and went to the log only: {failure}") : PluginHealth.Healthy);

    private void Log(LogLevel level, AuditEntry entry) => LogEntry(level, entry.Action, entry.Result, entry.Tenant, entry.Actor, entry.Subject, entry.Address, entry.CorrelationId, Encoding.UTF8.GetString(entry.Detail.Span));

    [LoggerMessage(Message = "audit {Action} {Result} tenant={Tenant} actor={Actor} subject={Subject} address={Address} correlation={Correlation} {Detail}")]
    private partial void LogEntry(LogLevel level, string action, AuditResult result, string tenant, string actor, string? subject, string? address, string? correlation, string detail);

    private sealed record Kept(long Version, bool Sealed);
}
