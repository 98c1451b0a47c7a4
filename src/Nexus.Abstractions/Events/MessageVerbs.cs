namespace Nexus;

/// <summary>Messages to one plugin: a request that no other plugin sees, answered by it.</summary>
public static class MessageVerbs
{
    /// <summary>Name of the event by which a plugin gets its messages: <c>{plugin}.message</c>.</summary>
    public static string EventName(string plugin) => $"{plugin}.message";

    /// <summary>Answers messages to this plugin, from operators (<c>POST /api/v1/plugins/{id}/message</c>) and from other plugins (<see cref="AskAsync"/>), one after the other. Who asks waits for so long only, and no longer does the answer take: then it is told to stop and left behind, the log says so, and the next message is answered.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="answer">Gets the message as UTF-8 JSON and returns the reply as UTF-8 JSON.</param>
    public static IPluginBuilder OnMessage(this IPluginBuilder plugin, Func<IServiceProvider, ReadOnlyMemory<byte>, CancellationToken, Task<ReadOnlyMemory<byte>>> answer)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(answer);
        return plugin.On(
            EventName(plugin.Id),
            async (services, context, cancellationToken) => context.Answer(new EventMessage { Name = context.Message.Name, Data = await answer(services, context.Message.Data, cancellationToken) }),
            subscription => subscription with { Durable = false, AnswersOnly = true });
    }

    /// <summary>Sends a message to one plugin and returns its reply.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_COMMUNICATION_TIMEOUT</c> when none came in time.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> AskAsync(this IEvents events, string plugin, ReadOnlyMemory<byte> message, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(events);
        try
        {
            return (await events.RequestAsync(new EventMessage { Name = EventName(plugin), Data = message }, timeout, cancellationToken)).Data;
        }
        catch (NexusException e) when (e.Code == ErrorCodes.EventTimeout)
        {
            throw new NexusException(ErrorCodes.PluginCommunicationTimeout, $"{plugin} did not answer within {timeout.TotalSeconds:0.###} s.", e);
        }
    }
}
