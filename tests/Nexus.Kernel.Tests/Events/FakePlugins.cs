using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;

#pragma warning disable CA1001 // fakes of a test: nothing to dispose that matters

namespace Nexus.Kernel.Tests.Events;

/// <summary>A generation whose lease a test opens and closes.</summary>
internal sealed class FakeGeneration(IServiceProvider services) : IGeneration
{
    private readonly CancellationTokenSource aborting = new();
    private int leases;

    public bool Draining { get; set; }

    public int Leases => Volatile.Read(ref leases);

    public IServiceProvider Services { get; } = services;

    public CancellationToken Stopping => CancellationToken.None;

    public CancellationToken Aborting => aborting.Token;

    public void Abort() => aborting.Cancel();

    public bool TryEnter()
    {
        if (Draining)
            return false;
        Interlocked.Increment(ref leases);
        return true;
    }

    public void Exit() => Interlocked.Decrement(ref leases);
}

/// <summary>Plugins that a test declares, starts, swaps and stops.</summary>
internal sealed class FakePlugins : IPlugins
{
    private CancellationTokenSource change = new();
    private long generations;

    public PlatformSnapshot Current { get; private set; } = PlatformSnapshot.Empty;

    /// <summary>Puts a generation of a plugin in the place of the earlier one and returns it.</summary>
    public FakeGeneration Start(string id, Action<IPluginBuilder> configure)
    {
        var builder = new Builder(id);
        configure(builder);
        var lease = new FakeGeneration(new ServiceCollection().BuildServiceProvider());
        var plugin = new ActivePlugin
        {
            Manifest = new PluginManifest { Name = id, Version = "1.0.0", Category = PluginCategory.Custom, Description = "A plugin.", Entry = "" },
            Generation = ++generations,
            Lease = lease,
            Tasks = [.. builder.Services.Select(s => s.ImplementationInstance).OfType<TaskContribution>().Select(s => s.Descriptor)],
            Schedules = [.. builder.Services.Select(s => s.ImplementationInstance).OfType<ScheduleContribution>().Select(s => s.Descriptor)],
            Subscriptions = [.. builder.Services.Select(s => s.ImplementationInstance).OfType<SubscriptionContribution>().Select(s => s.Descriptor)],
        };
        Publish([.. Current.Plugins.Where(p => p.Manifest.Name != id), plugin]);
        return lease;
    }

    public void Stop(string id) => Publish([.. Current.Plugins.Where(p => p.Manifest.Name != id)]);

    public IChangeToken GetChangeToken() => new CancellationChangeToken(change.Token);

    public ImmutableArray<PluginStatus> List() => [];

    public Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();

    private void Publish(ImmutableArray<ActivePlugin> plugins)
    {
        Current = new PlatformSnapshot(Current.Version + 1, plugins);
        Interlocked.Exchange(ref change, new CancellationTokenSource()).Cancel();
    }

    private sealed class Builder(string id) : IPluginBuilder
    {
        public string Id { get; } = id;

        public IServiceCollection Services { get; } = new ServiceCollection();

        public Microsoft.Extensions.Configuration.IConfiguration Configuration => throw new NotSupportedException();
    }
}
