using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Tests.Security;

/// <summary>An audit trail in memory.</summary>
internal sealed class FakeTrail : IAuditTrail
{
    private readonly List<AuditEntry> entries = [];

    public bool IsKept => true;

    public AuditEntry[] Entries
    {
        get
        {
            lock (entries)
                return [.. entries];
        }
    }

    public string[] Actions => [.. Entries.Select(e => e.Action)];

    public void Add(IServiceCollection services) => services.AddSingleton<IAuditTrail>(this);

    public ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
    {
        lock (entries)
            entries.Add(entry);
        return ValueTask.CompletedTask;
    }
}
