using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Stands before each port of one generation. A decision of an operator counts at the next use.</summary>
internal sealed class CapabilityGuard(PluginManifest manifest, Allowance allowance, bool strict, Action<string, string, string?> report)
{
    private volatile Known? known;

    public string Plugin => manifest.Name;

    public Allowance Allowance => allowance;

    /// <summary>Guards nothing: for a host without decisions.</summary>
    public static CapabilityGuard Open(PluginManifest manifest) => new(manifest with { Entry = "" }, new Allowance(manifest.Name, new PluginQuota(), TimeProvider.System), false, (_, _, _) => { });

    /// <summary>What a plugin may use: what concerns its own part of the platform, what its manifest asks for and what an operator granted, without what one denied. Code of the host program is as trusted as the host.</summary>
    public static FrozenSet<string> Allowed(PluginManifest manifest, CapabilityDecision decision, bool strict)
    {
        var hosts = IsHosts(manifest);
        var asked = manifest.Permissions.Select(p => p.Name).Concat(strict && !hosts ? [] : Capability.Own).Concat(hosts ? Capability.Outward : []);
        return asked.Concat(decision.Granted).Except(decision.Denied).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Compiled into the host program, or a part of the platform: as trusted as the host.</summary>
    public static bool IsHosts(PluginManifest manifest) => manifest.Entry.Length == 0 || manifest.Category == PluginCategory.Core;

    public bool Allows(string capability) => Now().Allowed.Contains(capability);

    /// <exception cref="NexusException"><c>CAPABILITY_DENIED</c>; it is in the audit trail.</exception>
    public void Demand(string capability, string? target = null)
    {
        if (!Allows(capability))
            throw Refuse(capability, target, allowance.Decision.Denied.Contains(capability)
                ? $"{Plugin} may not use {capability}: an operator denied it. `nexus plugin grant {Plugin} {capability}` allows it again."
                : $"{Plugin} may not use {capability}: its manifest does not ask for it. Add it to `permissions` with a reason, or allow it with `nexus plugin grant {Plugin} {capability}`.");
    }

    /// <summary>A refusal, taken down.</summary>
    public NexusException Refuse(string capability, string? target, string text)
    {
        report(Plugin, capability, target);
        return new NexusException(ErrorCodes.CapabilityDenied, text);
    }

    /// <summary>A route handler that is served only while the plugin may serve routes and has calls left.</summary>
    public RequestDelegate Wrap(RequestDelegate handler) => context =>
    {
        if (!Now().MayServe)
            Demand(Capability.ApiRegister);
        allowance.Call();
        return handler(context);
    };

    /// <summary>An event handler that is called only while the plugin may receive events.</summary>
    public SubscriptionDescriptor Wrap(SubscriptionDescriptor subscription)
    {
        var handle = subscription.Handle;
        return subscription with
        {
            Handle = (services, context, token) =>
            {
                if (!Now().MayReceive)
                    Demand(Capability.EventsSubscribe, context.Message.Name);
                return handle(services, context, token);
            },
        };
    }

    private Known Now()
    {
        var decision = allowance.Decision;
        var now = known;
        return now is not null && ReferenceEquals(now.Decision, decision) ? now : known = new Known(decision, Allowed(manifest, decision, strict));
    }

    /// <summary>What one decision comes to; what every request and every event asks is asked of the set once.</summary>
    private sealed class Known(CapabilityDecision decision, FrozenSet<string> allowed)
    {
        public CapabilityDecision Decision { get; } = decision;

        public FrozenSet<string> Allowed { get; } = allowed;

        public bool MayServe { get; } = allowed.Contains(Capability.ApiRegister);

        public bool MayReceive { get; } = allowed.Contains(Capability.EventsSubscribe);
    }
}
