using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Data.Audit;
using Nexus.Data.Memory;

namespace Nexus.Data.Tests.Audit;

public sealed class AuditTrailTests
{
    private static readonly AuditEntry Entry = new() { At = DateTimeOffset.UnixEpoch, Tenant = "t", Actor = "ann", Action = "auth.access.denied", Subject = "x", Result = AuditResult.Denied };

    [Fact]
    public async Task An_entry_is_durable_when_a_plugin_seals_and_a_log_line_otherwise()
    {
        await using var set = await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(""), CancellationToken.None);
        var plugins = new Plugins();
        var lines = new Lines();
        var trail = new AuditTrail(new ServiceCollection().AddSingleton<IPlugins>(plugins).AddSingleton(set.Records).BuildServiceProvider(), lines);

        await trail.RecordAsync(Entry);
        Assert.Equal((false, 0), (trail.IsKept, (await set.Audit.ReadAsync(0, 10, CancellationToken.None)).Length));
        Assert.Equal(["audit auth.access.denied Denied tenant=t actor=ann subject=x address= correlation= "], lines.Written);

        plugins.Current = new PlatformSnapshot(2, [new ActivePlugin { Manifest = new PluginManifest { Name = "core.audit", Version = "1.0.0", Category = PluginCategory.Core, Description = "", Entry = "" }, Generation = 1, Lease = null!, SealsAudit = true }]);
        await trail.RecordAsync(Entry);
        Assert.Equal((true, 1), (trail.IsKept, (await set.Audit.ReadAsync(0, 10, CancellationToken.None)).Length));
        Assert.Single(lines.Written);
    }

    [Fact]
    public async Task A_failing_trail_lets_a_denial_through_and_says_so_in_health_but_not_a_success()
    {
        var plugins = new Plugins { Current = new PlatformSnapshot(1, [new ActivePlugin { Manifest = null!, Generation = 1, Lease = null!, SealsAudit = true }]) };
        var lines = new Lines();
        var trail = new AuditTrail(new ServiceCollection().AddSingleton<IPlugins>(plugins).AddSingleton<IStorage>(new Broken()).BuildServiceProvider(), lines);

        await trail.RecordAsync(Entry);

        Assert.Single(lines.Written);
        Assert.Equal(HealthLevel.Degraded, (await trail.CheckAsync(CancellationToken.None)).Status);
        await Assert.ThrowsAsync<NexusException>(() => trail.RecordAsync(Entry with { Result = AuditResult.Success }).AsTask());
    }

    private sealed class Broken : IStorage
    {
        public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken) => throw new NexusException(ErrorCodes.StorageUnavailable, "disk full");

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private sealed class Plugins : IPlugins
    {
        public PlatformSnapshot Current { get; set; } = PlatformSnapshot.Empty;

        public ImmutableArray<PluginStatus> List() => [];

        public IChangeToken GetChangeToken() => new CancellationChangeToken(CancellationToken.None);

        public Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private sealed class Lines : ILogger<AuditTrail>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}

public sealed class PluginAuditTrailTests
{
    [Fact]
    public async Task A_plugin_speaks_for_itself_and_only_core_and_security_for_the_platform()
    {
        var trail = new Resources.FakeTrail();
        static PluginManifest Of(string name, PluginCategory category) => new() { Name = name, Version = "1.0.0", Category = category, Description = "", Entry = "" };
        static AuditEntry Did(string action) => new() { At = DateTimeOffset.UnixEpoch, Tenant = "t", Actor = "ann", Action = action };

        await new PluginAuditTrail(trail, Of("shop.cart", PluginCategory.Business)).RecordAsync(Did("shop.cart.emptied"));
        await new PluginAuditTrail(trail, Of("core.identity", PluginCategory.Core)).RecordAsync(Did("auth.login.succeeded"));

        Assert.Equal(ErrorCodes.PluginPermissionDenied, (await Assert.ThrowsAsync<NexusException>(() => new PluginAuditTrail(trail, Of("shop.cart", PluginCategory.Business)).RecordAsync(Did("auth.login.succeeded")).AsTask())).Code);
        Assert.Equal(["shop.cart.emptied", "auth.login.succeeded"], trail.Recorded.Select(e => e.Action));
    }
}
