namespace Nexus;

/// <summary>Who an event comes from, as its <see cref="EventMessage.Source"/> says. The platform writes it; what a publisher claims is not believed.</summary>
public static class EventPublisher
{
    /// <summary>The platform itself.</summary>
    public const string Host = "nexus";

    /// <summary>Programs outside, over the platform's own routes.</summary>
    public const string Client = "nexus.api";

    private static readonly string[] Reserved = ["system.", "plugin.", "http.request.", "database.", "node.", "platform."];

    /// <summary>Refuses a name under which only the platform publishes, so that who subscribes to <c>plugin.enabled</c> hears it from nobody else. A plugin has the names that begin with its own id.</summary>
    /// <exception cref="NexusException"><c>INVALID_EVENT_TYPE</c>.</exception>
    public static void Check(string name, string source)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(source);
        if (source == Host || !IsReserved(name))
            return;
        if (!name.StartsWith(source, StringComparison.Ordinal) || name.Length == source.Length || name[source.Length] != '.')
            throw new NexusException(ErrorCodes.InvalidEventType, $"Only the platform publishes {name}: names that begin with {string.Join(", ", Reserved)} are its own. Publish under a name of yours, such as orders.created.");
    }

    private static bool IsReserved(string name)
    {
        foreach (var domain in Reserved)
        {
            if (name.StartsWith(domain, StringComparison.Ordinal))
                return true;
        }

        return false;
    }
}
