namespace Nexus.Gateway.Live;

/// <summary>Section <c>live</c> of the configuration.</summary>
internal sealed class LiveOptions
{
    /// <summary>Whether it is served.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Connections that one caller may have open on this node; strangers are counted by address until they have told who they are.</summary>
    public int ConnectionsPerCaller { get; set; } = 20;

    /// <summary>Subscriptions of one socket.</summary>
    public int Subscriptions { get; set; } = 10;

    /// <summary>Calls that one socket may run at once.</summary>
    public int Calls { get; set; } = 10;

    /// <summary>Bytes of one message.</summary>
    public int MessageBytes { get; set; } = 64 * 1024;

    /// <summary>Messages that one socket may send within a minute.</summary>
    public int MessagesPerMinute { get; set; } = 600;

    /// <summary>Events that may wait for one subscription; who is slower than that is told so and ended.</summary>
    public int Queue { get; set; } = 256;

    /// <summary>Seconds in which a socket has to say who it is.</summary>
    public double AuthSeconds { get; set; } = 10;

    /// <summary>Seconds between two signs of life of the node.</summary>
    public double HeartbeatSeconds { get; set; } = 20;
}
