namespace Nexus.Engines.RabbitMq;

/// <summary>The plugin's configuration; its manifest describes each.</summary>
internal sealed record RabbitMqOptions
{
    /// <summary>What queues carry, a part of their names; not configured.</summary>
    internal string Freight { get; init; } = "events";

    public string? ConnectionString { get; set; }

    public string Prefix { get; set; } = "nexus";

    public int Prefetch { get; set; } = 1024;

    public bool Persistent { get; set; } = true;

    public string? TlsServerName { get; set; }

    public string? TlsAuthority { get; set; }
}
