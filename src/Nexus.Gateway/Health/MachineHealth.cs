using System.Globalization;
using Microsoft.Extensions.Configuration;
using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.Health;

/// <summary>The disk that has the node's data: unhealthy from <c>health.diskPercent</c> on.</summary>
internal sealed class DiskHealth(ProcessUse use, IConfiguration configuration) : IDependencyHealth
{
    public string Name => "disk";

    public bool Essential => false;

    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) =>
        new(use.Disk() is { } disk ? Threshold.Look(configuration, "health:diskPercent", ProcessUse.Used(disk), $"of the disk {disk.Name}", "make room before writes fail") : PluginHealth.Healthy);
}

/// <summary>The memory of the machine: unhealthy from <c>health.memoryPercent</c> on.</summary>
internal sealed class MemoryHealth(IConfiguration configuration) : IDependencyHealth
{
    public string Name => "memory";

    public bool Essential => false;

    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) =>
        new(Threshold.Look(configuration, "health:memoryPercent", ProcessUse.MemoryPercent(), "of the machine's memory", "end other programs or give the machine more before processes are killed"));
}

/// <summary>A limit of the configuration, read at each look.</summary>
internal static class Threshold
{
    private const double Usual = 95;

    public static PluginHealth Look(IConfiguration configuration, string key, double percent, string of, string remedy)
    {
        var most = configuration.GetValue(key, Usual);
        var text = percent.ToString("0.0", CultureInfo.InvariantCulture);
        return percent < most
            ? new PluginHealth(HealthLevel.Healthy, $"{text} % {of} is used.")
            : new PluginHealth(HealthLevel.Unhealthy, $"{text} % {of} is used, {key.Replace(':', '.')} is {most.ToString(CultureInfo.InvariantCulture)}: {remedy}.");
    }
}
