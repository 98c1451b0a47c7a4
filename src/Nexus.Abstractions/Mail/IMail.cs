namespace Nexus;

/// <summary>Letters of a plugin, sent by the node's mail: a core plugin such as <c>core.identity</c> brings it. Needs the capability <c>services</c>. Thread-safe.</summary>
public interface IMail
{
    /// <summary>Queues a letter; durable when it returns. It is sent behind the caller and tried again with growing pauses while it is of use; one that cannot be delivered becomes a dead letter, which operators see. A crash at the wrong moment sends it twice, under one <c>Message-ID</c>.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>: no address or a subject of several lines; <c>SERVICE_UNAVAILABLE</c>: no active plugin sends mail.</exception>
    ValueTask SendAsync(Letter letter, CancellationToken cancellationToken = default);
}

/// <summary>A letter in plain text.</summary>
/// <param name="To">Address.</param>
/// <param name="Subject">Subject, one line.</param>
/// <param name="Text">Text.</param>
public sealed record Letter(string To, string Subject, string Text)
{
    /// <summary>How long it is of use; three days when null.</summary>
    public TimeSpan? Useful { get; init; }
}

/// <summary>Takes a letter of a plugin into the queue of the node's mail.</summary>
/// <param name="plugin">Id of the plugin whose letter it is.</param>
/// <param name="letter">The letter.</param>
/// <param name="cancellationToken">Stops the work.</param>
public delegate ValueTask MailQueueing(string plugin, Letter letter, CancellationToken cancellationToken);

/// <summary>Sends the letters of all plugins.</summary>
/// <param name="Queue">Takes a letter.</param>
public sealed record MailContribution(MailQueueing Queue) : Contribution;

/// <summary>Verbs of mail.</summary>
public static class MailVerbs
{
    /// <summary>Declares that the plugin sends the letters of all plugins. For core plugins; of several the first by id does.</summary>
    public static IPluginBuilder CarryMail(this IPluginBuilder plugin, MailQueueing queue)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        return plugin.Contribute(new MailContribution(queue));
    }
}
