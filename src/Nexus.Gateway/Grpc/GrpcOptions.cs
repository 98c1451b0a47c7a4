namespace Nexus.Gateway.Grpc;

/// <summary>Section <c>grpc</c> of the configuration.</summary>
internal sealed class GrpcOptions
{
    /// <summary>Whether it is served.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether reflection answers and <c>.proto</c> files are served.</summary>
    public bool Reflection { get; set; } = true;

    /// <summary>Bytes of one message that is received.</summary>
    public int MessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Seconds within which the next message of a caller's stream must have arrived.</summary>
    public double IdleSeconds { get; set; } = 60;
}
