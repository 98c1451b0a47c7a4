using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;

namespace Nexus.Kernel.Events;

/// <summary>A handler that can be called now. Only <see cref="Subscribers"/> keeps these, so that dropping them there lets go of the plugin; everything that outlives a call keeps the <see cref="Key"/>.</summary>
internal sealed record Subscriber(string Key, string Plugin, SubscriptionDescriptor Descriptor, EventPattern Pattern, IGeneration? Lease, IServiceProvider? Services)
{
    private IServiceScopeFactory? scopes;

    /// <summary>Gets confidential data plain; false for who carries them outside to where they must not be seen.</summary>
    public bool Opens { get; init; } = true;

    /// <summary>Makes the scope of each run.</summary>
    public IServiceScopeFactory Scopes => scopes ??= (Lease?.Services ?? Services!).GetRequiredService<IServiceScopeFactory>();
}

/// <summary>Who listens to what: the declared subscriptions of the current snapshot and those added at run time.</summary>
internal sealed class Subscribers : IDisposable
{
    private const int MaxCachedNames = 1000;
    private readonly Lock gate = new();
    private readonly IPlugins plugins;
    private readonly IDisposable registration;
    private volatile Table table = new([]);
    private ImmutableArray<Subscriber> added = [];
    private ImmutableArray<Subscriber> declared = [];
    private ImmutableArray<Subscriber> standing = [];
    private long nextKey;

    public Subscribers(IPlugins plugins)
    {
        this.plugins = plugins;
        registration = ChangeToken.OnChange(plugins.GetChangeToken, Rebuild);
        Rebuild();
    }

    /// <summary>Raised after every change; must not block.</summary>
    public event Action? Changed;

    public ImmutableArray<Subscriber> All => table.All;

    /// <summary>Those that get stored deliveries.</summary>
    public DurableGroups Durable => table.Durable;

    /// <summary>What of the platform's own doings somebody listens to.</summary>
    public SystemTopic Topics => table.Topics;

    public PlatformSnapshot Snapshot => plugins.Current;

    public Subscriber? Find(string key) => table.ByKey.GetValueOrDefault(key);

    /// <summary>Keys of the subscribers of a name, in levels of falling priority.</summary>
    /// <param name="name">Name of the event.</param>
    /// <param name="transientOnly">Pass over the durable ones.</param>
    public ImmutableArray<ImmutableArray<string>> Match(string name, bool transientOnly) => table.Match(name, transientOnly);

    public Subscriber Add(string plugin, SubscriptionDescriptor descriptor, IGeneration? lease, IServiceProvider services)
    {
        var pattern = EventPattern.Parse(descriptor.Pattern);
        lock (gate)
        {
            var subscriber = new Subscriber($"{descriptor.Group}#{++nextKey}", plugin, descriptor with { Durable = false }, pattern, lease, services);
            added = added.Add(subscriber);
            table = new Table([.. declared, .. standing, .. added]);
            return subscriber;
        }
    }

    public void Remove(string key)
    {
        lock (gate)
        {
            added = added.RemoveAll(s => s.Key == key);
            table = new Table([.. declared, .. standing, .. added]);
        }
    }

    /// <summary>Puts durable subscribers of the host itself in the place of the earlier ones. Their groups are declared by the caller.</summary>
    public void SetStanding(ImmutableArray<Subscriber> subscribers)
    {
        lock (gate)
        {
            standing = subscribers;
            table = new Table([.. declared, .. standing, .. added]);
        }

        Changed?.Invoke();
    }

    public void Dispose() => registration.Dispose();

    private void Rebuild()
    {
        lock (gate)
        {
            declared =
            [
                .. plugins.Current.Plugins.SelectMany(p => p.Subscriptions.Select(s =>
                    new Subscriber(s.Group, p.Manifest.Name, s, EventPattern.Parse(s.Pattern), p.Lease, null))),
            ];
            table = new Table([.. declared, .. standing, .. added]);
        }

        Changed?.Invoke();
    }

    private sealed class Table(ImmutableArray<Subscriber> all)
    {
        private readonly ConcurrentDictionary<(string Name, bool TransientOnly), ImmutableArray<ImmutableArray<string>>> matches = new();

        public ImmutableArray<Subscriber> All { get; } = all;

        public SystemTopic Topics { get; } = all.Aggregate(SystemTopic.None, static (topics, s) => topics | SystemEvents.TopicOf(s.Pattern.Text));

        public DurableGroups Durable { get; } = new([.. all.Where(s => s.Descriptor.Durable).Select(s => new DurableGroup(s.Key, s.Pattern, s.Descriptor.Priority, s.Descriptor.Timeout))]);

        // Two plugins may declare one group name by hand: the first keeps it, as dependency order is stable.
        public FrozenDictionary<string, Subscriber> ByKey { get; } = all.DistinctBy(s => s.Key).ToFrozenDictionary(s => s.Key, StringComparer.Ordinal);

        public ImmutableArray<ImmutableArray<string>> Match(string name, bool transientOnly) =>
            matches.TryGetValue((name, transientOnly), out var found) ? found : Find(name, transientOnly);

        /// <summary>By itself, since its closure would be made at each look.</summary>
        private ImmutableArray<ImmutableArray<string>> Find(string name, bool transientOnly)
        {
            ImmutableArray<ImmutableArray<string>> levels =
            [
                .. All.Where(s => !(transientOnly && s.Descriptor.Durable) && s.Pattern.Matches(name))
                    .GroupBy(s => s.Descriptor.Priority)
                    .OrderByDescending(level => level.Key)
                    .Select(level => level.Select(s => s.Key).ToImmutableArray()),
            ];
            if (matches.Count < MaxCachedNames)
                matches[(name, transientOnly)] = levels;
            return levels;
        }
    }
}
