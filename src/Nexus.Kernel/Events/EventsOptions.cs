namespace Nexus.Kernel.Events;

/// <summary>Settings of event delivery (<c>events</c> in the configuration).</summary>
public sealed class EventsOptions
{
    /// <summary>What carries deliveries to nodes: <c>database</c>, or the name of a transport that an active plugin brings, such as <c>rabbitmq</c>.</summary>
    public string Transport { get; set; } = "database";

    /// <summary>Deliveries sent to a transport at once.</summary>
    public int SendLimit { get; set; } = 512;

    /// <summary>Transient events that may wait for one subscriber; the next ones are dropped for it and counted.</summary>
    public int QueueCapacity { get; set; } = 1024;

    /// <summary>Greatest size of an event's data in bytes.</summary>
    public int MaxBytes { get; set; } = 1 << 20;

    /// <summary>Time after which a delivery that a dead node had taken is due again; at least twice the longest time limit of a handler is used.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Deliveries taken at once; fewer when the handlers are slow.</summary>
    public int ClaimLimit { get; set; } = 256;

    /// <summary>A group with this many taken deliveries gets no more until half of them are handled; fewer when its handler is slow.</summary>
    public int GroupBacklog { get; set; } = 256;

    /// <summary>Longest wait between two tries.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Random part added to each wait between tries, as a fraction of it, so that what failed together is not retried together.</summary>
    public double RetryJitter { get; set; } = 0.1;

    /// <summary>Events in a row that become dead letters of a webhook before it is disabled.</summary>
    public int WebhookFailures { get; set; } = 10;

    /// <summary>Time that handlers get to end when the node stops.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);
}
