using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Nexus.Kernel.Services;

/// <summary>Knows who provides what, from the current snapshot and from nothing else, and keeps the slots that proxies call through.</summary>
/// <remarks>
/// Slots, counters and uses are keyed by names and hold no plugin type. A slot holds the provider's binding; it is replaced under one lock that also covers the reading of the snapshot,
/// so that a call that resolves late cannot put a binding of an older snapshot back and keep an unloaded generation alive.
/// </remarks>
internal sealed class ServiceRegistry : IServiceRegistry, IDisposable
{
    private readonly Lock _lock = new();
    private readonly IPlugins _plugins;
    private readonly IConfiguration _configuration;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Dictionary<(string Contract, string Implementation), ServiceSlotState> _slots = [];
    private readonly ConcurrentDictionary<(string Contract, string Name), ServiceCounters> _counters = new();
    private readonly ConcurrentDictionary<(string Consumer, string Contract, string Implementation), bool> _uses = new();
    private readonly IDisposable[] _subscriptions;
    private ImmutableArray<ServiceBinding> _bindings = [];

    public ServiceRegistry(IPlugins plugins, IConfiguration configuration, ILoggerFactory logs, TimeProvider? time = null)
    {
        (_plugins, _configuration, _logger, _time) = (plugins, configuration, logs.CreateLogger("Nexus.Services"), time ?? TimeProvider.System);
        _subscriptions =
        [
            ChangeToken.OnChange(plugins.GetChangeToken, Refresh),
            ChangeToken.OnChange(configuration.GetReloadToken, Refresh),
        ];
        Refresh();
    }

    /// <summary>The clock of the host.</summary>
    internal TimeProvider Time => _time;

    public ImmutableArray<ServiceStatus> List()
    {
        var health = _plugins.List().ToDictionary(status => status.Id, status => status.Health);
        lock (_lock)
        {
            return
            [
                .. _bindings.Select(binding => binding.Describe() with
                {
                    Bound = Choose(binding.Contract, null) == binding,
                    Health = health.GetValueOrDefault(binding.Plugin, PluginHealth.Healthy),
                }),
            ];
        }
    }

    public ImmutableArray<ServiceUse> Graph()
    {
        var snapshot = _plugins.Current;
        var required = snapshot.Plugins.SelectMany(plugin => plugin.Requires, (plugin, need) => (Consumer: plugin.Manifest.Name, need.Contract, Implementation: need.Implementation ?? "", Required: true));
        var asked = _uses.Keys.Where(use => snapshot.Find(use.Consumer) is not null).Select(use => (use.Consumer, use.Contract, use.Implementation, Required: false));
        lock (_lock)
        {
            return
            [
                .. required.Concat(asked).DistinctBy(use => (use.Consumer, use.Contract, use.Implementation))
                    .OrderBy(use => use.Consumer, StringComparer.Ordinal).ThenBy(use => use.Contract, StringComparer.Ordinal).ThenBy(use => use.Implementation, StringComparer.Ordinal)
                    .Select(use => new ServiceUse(use.Consumer, use.Contract, NullIfEmpty(use.Implementation), Choose(use.Contract, NullIfEmpty(use.Implementation))?.Plugin, use.Required)),
            ];
        }
    }

    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(ServiceRequest request, CancellationToken cancellationToken)
    {
        // Names come from a caller on another node: one that nobody provides leaves nothing behind.
        var slot = SlotOf(request.Contract, request.Implementation, isKept: false);
        return slot.PolicyOf(request.Method) is { } policy
            ? await policy.RunAsync(() => slot.Enter().SendAsync(request.Method, request.Arguments, cancellationToken).AsTask(), cancellationToken)
            : await slot.Enter().SendAsync(request.Method, request.Arguments, cancellationToken);
    }

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
            subscription.Dispose();
    }

    /// <summary>Names of the active implementations of a contract, in order.</summary>
    internal ImmutableArray<string> Names(string contract)
    {
        lock (_lock)
            return [.. _bindings.Where(binding => binding.Contract == contract).Select(binding => binding.Name)];
    }

    internal void NoteUse(string consumer, string contract, string? implementation) => _uses.TryAdd((consumer, contract, implementation ?? ""), true);

    /// <summary>Slots that are kept.</summary>
    internal int Slots
    {
        get
        {
            lock (_lock)
                return _slots.Count;
        }
    }

    /// <summary>The slot that proxies of a contract call through.</summary>
    /// <param name="contract">The contract.</param>
    /// <param name="implementation">An implementation by its name, or null for the bound one.</param>
    /// <param name="isKept">Also when nobody provides it now; otherwise it is one for this call alone.</param>
    internal ServiceSlotState SlotOf(string contract, string? implementation, bool isKept = true)
    {
        lock (_lock)
        {
            if (_slots.TryGetValue((contract, implementation ?? ""), out var slot))
                return slot;
            slot = new(this, contract, implementation);
            var binding = Choose(contract, implementation);
            slot.Switch(binding);
            if (isKept || binding is not null)
                _slots[(contract, implementation ?? "")] = slot;
            return slot;
        }
    }

    /// <summary>Resolves a slot anew from the current snapshot, for a call that found it empty or draining.</summary>
    internal ServiceBinding? Resolve(ServiceSlotState slot)
    {
        lock (_lock)
        {
            Read(_plugins.Current);
            var binding = Choose(slot.Contract, slot.Implementation);
            slot.Switch(binding);
            return binding;
        }
    }

    /// <summary>Why a slot has no provider, with the way out.</summary>
    internal NexusException Missing(ServiceSlotState slot)
    {
        var names = Names(slot.Contract);
        var wanted = slot.Implementation ?? Bound(slot.Contract);
        if (wanted is not null && names.Length > 0 && !names.Contains(wanted))
            return new(ErrorCodes.ServiceUnavailable, slot.Implementation is null
                ? $"The service {slot.Contract} is bound to \"{wanted}\" by services:bind:{slot.Contract}, which is not active; active are {string.Join(", ", names)}."
                : $"No active plugin provides the service {slot.Contract} as \"{wanted}\"; active are {string.Join(", ", names)}.");
        return slot.LastPlugin is { } last
            ? new(ErrorCodes.ServiceUnavailable, $"The service {slot.Contract} is not available: the plugin {last}, which provided it, is not active. `nexus plugin info {last}` tells why.")
            : new(ErrorCodes.ServiceNotFound, $"No active plugin provides the service {slot.Contract}{(wanted is null ? "" : $" as \"{wanted}\"")}. Enable one that does; `nexus services` lists them.");
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private string? Bound(string contract) => _configuration[$"services:bind:{contract}"] is { Length: > 0 } name ? name : null;

    private void Refresh()
    {
        lock (_lock)
        {
            Read(_plugins.Current);
            foreach (var slot in _slots.Values)
                slot.Switch(Choose(slot.Contract, slot.Implementation));
        }
    }

    /// <summary>Bindings of a snapshot; those of generations that stay are kept with their instances.</summary>
    private void Read(PlatformSnapshot snapshot) => _bindings =
    [
        .. snapshot.Plugins
            .SelectMany(plugin => plugin.Services, (plugin, service) =>
                _bindings.FirstOrDefault(known => known.Is(plugin, service))
                ?? new ServiceBinding(plugin, service, _counters.GetOrAdd((service.Contract, service.Name), _ => new ServiceCounters()), _logger, _time))
            .OrderBy(binding => binding.Contract, StringComparer.Ordinal).ThenBy(binding => binding.Name, StringComparer.Ordinal),
    ];

    private ServiceBinding? Choose(string contract, string? implementation)
    {
        var wanted = implementation ?? Bound(contract);
        return _bindings.FirstOrDefault(binding => binding.Contract == contract && (wanted is null || binding.Name == wanted));
    }
}
