using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Platform;

/// <summary>What a caller sees of events: the data of encrypted ones only with the permission to decrypt them, else the event without its data.</summary>
internal sealed class EventSight(IServiceProvider host, IAuthorization authorization)
{
    /// <summary>Permission to see the data of encrypted events.</summary>
    public const string Permission = "platform.events:decrypt";

    private readonly Lazy<IEventSealing?> sealing = new(host.GetService<IEventSealing>);

    /// <summary>The events as the caller may see them.</summary>
    public async ValueTask<ImmutableArray<EventMessage>> ShowAsync(ImmutableArray<EventMessage> messages, CallContext caller, CancellationToken cancellationToken)
    {
        if (!messages.Any(m => m.IsSealed()) || !await MayAsync(caller, cancellationToken))
            return messages;
        var shown = messages.ToArray();
        for (var i = 0; i < shown.Length; i++)
            shown[i] = await OpenAsync(shown[i], cancellationToken);
        return [.. shown];
    }

    /// <inheritdoc cref="ShowAsync(ImmutableArray{EventMessage}, CallContext, CancellationToken)"/>
    public async ValueTask<EventMessage> ShowAsync(EventMessage message, CallContext caller, CancellationToken cancellationToken) =>
        message.IsSealed() && await MayAsync(caller, cancellationToken) ? await OpenAsync(message, cancellationToken) : message;

    /// <summary>The event with its data, whoever asks: for what is decided by another right. One that does not open stays sealed.</summary>
    public async ValueTask<EventMessage> OpenAsync(EventMessage message, CancellationToken cancellationToken)
    {
        try
        {
            return message.IsSealed() && sealing.Value is { } keys ? await keys.OpenAsync(message, cancellationToken) : message;
        }
        catch (NexusException e) when (e.Code == ErrorCodes.ProtectionFailed)
        {
            return message;
        }
    }

    /// <summary>Whether the data of an event, as far as the caller sees them, match; a filter finds nothing out about data that stay sealed.</summary>
    public static bool Fits(Filter? filter, EventMessage shown)
    {
        if (filter is null)
            return true;
        try
        {
            return !shown.IsSealed() && FilterEvaluator.Matches(filter, shown.Data);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Refuses who may not see the data of encrypted events.</summary>
    /// <exception cref="NexusException"><c>INSUFFICIENT_EVENT_PERMISSIONS</c>.</exception>
    public async ValueTask DemandAsync(CallContext caller, CancellationToken cancellationToken)
    {
        var decision = await authorization.DecideAsync(caller, Permission, cancellationToken);
        if (decision.Scope == AccessScope.None)
            throw decision.Refusal(caller, Permission);
    }

    private async ValueTask<bool> MayAsync(CallContext caller, CancellationToken cancellationToken) =>
        (await authorization.DecideAsync(caller, Permission, cancellationToken)).Scope != AccessScope.None;
}
