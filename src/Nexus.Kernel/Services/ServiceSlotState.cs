using System.Collections.Concurrent;

namespace Nexus.Kernel.Services;

/// <summary>A slot: names what is wanted and holds what provides it now.</summary>
internal sealed class ServiceSlotState(ServiceRegistry registry, string contract, string? implementation) : ServiceSlot
{
    private readonly ConcurrentDictionary<string, CallPolicy> _policies = new(StringComparer.Ordinal);
    private volatile ServiceBinding? _binding;

    public string Contract { get; } = contract;

    public string? Implementation { get; } = implementation;

    public override TimeProvider Time => registry.Time;

    /// <summary>Id of the plugin that was in it last; null when nothing ever was.</summary>
    public string? LastPlugin { get; private set; }

    public override ServiceTarget Enter()
    {
        if (_binding is { } binding && binding.TryEnter())
            return Open(binding);

        // The provider is gone or drains: the current snapshot tells who took over. One look is enough, because a swap publishes the new generation before it drains the old one.
        if (registry.Resolve(this) is { } current && current.TryEnter())
            return Open(current);
        throw registry.Missing(this);
    }

    /// <summary>What becomes of failed and of many calls by names of a method; null for nothing. Lives as long as its provider does.</summary>
    public CallPolicy? PolicyOf(string method) =>
        _policies.TryGetValue(method, out var known) ? known
        : _binding?.RulesOf(method) is { } rules ? _policies.GetOrAdd(method, new CallPolicy(this, $"{Contract}.{method}") { Retry = rules.Retry, Breaker = rules.Breaker, Limit = rules.Limit })
        : null;

    private static ServiceTarget Open(ServiceBinding binding) =>
        NexusTracing.IsListenedTo ? TracedCall.Begin(binding) : binding.Open();

    /// <summary>Changes the provider for the next call; called under the registry's lock.</summary>
    public void Switch(ServiceBinding? binding)
    {
        if (binding is not null && binding != _binding)
            _policies.Clear();
        _binding = binding;
        LastPlugin = binding?.Plugin ?? LastPlugin;
    }
}
