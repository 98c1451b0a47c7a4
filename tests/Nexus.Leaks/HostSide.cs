namespace Nexus.Leaks;

/// <summary>What a host has that a plugin can leak into. Only the copy in the default context is used.</summary>
public static class HostSide
{
    public static event Action? Changed;

    public static Dictionary<string, object> Cache { get; } = [];

    public static CancellationTokenSource Lifetime { get; } = new();

    public static object? Contract { get; set; }

    public static void Raise() => Changed?.Invoke();
}
