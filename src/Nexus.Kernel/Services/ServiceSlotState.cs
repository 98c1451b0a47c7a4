namespace Nexus.Kernel.Services;

/// <summary>A slot: names what is wanted and holds what provides it now.</summary>
internal sealed class ServiceSlotState(ServiceRegistry registry, string contract, string? implementation) : ServiceSlot
{
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

    private static ServiceTarget Open(ServiceBinding binding) =>
        NexusTracing.IsListenedTo ? TracedCall.Begin(binding) : binding.Open();

    /// <summary>Changes the provider for the next call; called under the registry's lock.</summary>
    public void Switch(ServiceBinding? binding)
    {
        _binding = binding;
        LastPlugin = binding?.Plugin ?? LastPlugin;
    }
}
