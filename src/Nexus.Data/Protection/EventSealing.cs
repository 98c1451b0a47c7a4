using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Nexus.Data.Protection;

/// <summary>Seals the data of events as <c>{"$encrypted":"…"}</c>, so that they stay JSON wherever they are stored. The text is one of <see cref="SealedText"/>, which a rotation finds where it lies in records.</summary>
internal sealed class EventSealing(IFieldProtection keys, IConfiguration configuration) : IEventSealing
{
    private const string Member = "$encrypted";
    private readonly ImmutableArray<EventPattern> _patterns = [.. (configuration.GetSection("events:encrypt").Get<string[]>() ?? []).Select(EventPattern.Parse)];

    public bool Covers(EventMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Encrypted)
            return true;
        // Every publish asks, so a loop: what a lambda catches is allocated at each call, whether or not there are patterns.
        foreach (var pattern in _patterns)
        {
            if (pattern.Matches(message.Name))
                return true;
        }

        return false;
    }

    public ValueTask<EventMessage> SealAsync(EventMessage message, CancellationToken cancellationToken)
    {
        return message.IsSealed() || !Covers(message) ? new(message) : SealedAsync();

        async ValueTask<EventMessage> SealedAsync()
        {
            var text = await SealedText.SealAsync(keys, message.Tenant, message.Data, PlaceOf(message), cancellationToken).ConfigureAwait(false);
            return message with { Encrypted = true, Headers = message.Headers.SetItem(SealedEvent.Header, "1"), Data = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { [Member] = text }) };
        }
    }

    public ValueTask<EventMessage> OpenAsync(EventMessage message, CancellationToken cancellationToken)
    {
        return message.IsSealed() ? OpenedAsync() : new(message);

        async ValueTask<EventMessage> OpenedAsync()
        {
            var plain = await SealedText.OpenAsync(keys, message.Tenant, TextOf(message), PlaceOf(message), cancellationToken).ConfigureAwait(false);
            return message.AsPublished() with { Data = plain };
        }
    }

    /// <summary>Authenticated with the data, so that they open in this event only.</summary>
    private static string PlaceOf(EventMessage message) => $"event/{message.Id}/{message.Name}";

    private static string TextOf(EventMessage message)
    {
        try
        {
            var data = JsonElement.Parse(message.Data.Span);
            return data.ValueKind == JsonValueKind.Object && data.TryGetProperty(Member, out var text) && text.GetString() is { } found ? found : throw Unreadable(message);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable(message);
        }
    }

    private static NexusException Unreadable(EventMessage message) => new(ErrorCodes.ProtectionFailed, $"The data of event {message.Id} are marked as encrypted and are not.");
}
