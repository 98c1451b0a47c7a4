using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Tenants whose accounts could not be read at the start, because their database is away. Nothing is said of their accounts until they are: neither that a password is wrong nor that a session has ended. Thread-safe.</summary>
internal sealed class AwayTenants
{
    private ImmutableSortedDictionary<string, NexusException> _away = ImmutableSortedDictionary.Create<string, NexusException>(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ImmutableArray<string> All => [.. Volatile.Read(ref _away).Keys];

    /// <summary>Ends when the next one is back.</summary>
    public Task Returned => Volatile.Read(ref _changed).Task;

    public void Add(string tenant, NexusException why) => ImmutableInterlocked.Update(ref _away, static (all, one) => all.SetItem(one.tenant, one.why), (tenant, why));

    public void Remove(string tenant)
    {
        ImmutableInterlocked.Update(ref _away, static (all, one) => all.Remove(one), tenant);
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c>: the tenant's accounts are not known yet.</exception>
    public void Demand(string tenant)
    {
        if (Volatile.Read(ref _away) is { IsEmpty: false } away && away.TryGetValue(tenant, out var why)) throw new NexusException(why.Code, why.Message);
    }

    /// <summary>The same for credentials that name no tenant and are none of those that are known: they may be one's that is away.</summary>
    public void DemandAll()
    {
        if (Volatile.Read(ref _away) is { IsEmpty: false } away) throw new NexusException(away.First().Value.Code, away.First().Value.Message);
    }
}

/// <summary>Reads tenants that were away as soon as they are back.</summary>
internal sealed class Latecomers(Tenants tenants, AwayTenants away, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!away.All.IsEmpty)
        {
            await Task.Delay(Pause, time, stoppingToken);
            await tenants.ReturnAsync(stoppingToken);
        }
    }
}
