using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>Services of other plugins, as one plugin sees them. What it returns are proxies: they stay valid when the provider is swapped, unbound, unloaded and loaded again. Thread-safe.</summary>
public interface IServices
{
    /// <summary>A proxy of the contract; never null and never waiting: while nothing provides it, its calls fail at once.</summary>
    /// <param name="implementation">Name of one implementation; null follows <c>services.bind</c>, else the first by name.</param>
    T Get<T>(string? implementation = null)
        where T : class;

    /// <summary>A proxy of a named implementation that is active now, or null.</summary>
    T? Find<T>(string implementation)
        where T : class;

    /// <summary>A proxy of each implementation that is active now, by name.</summary>
    ImmutableArray<T> GetAll<T>()
        where T : class;
}

/// <summary>All services of this node, for operators and surfaces. Thread-safe.</summary>
public interface IServiceRegistry
{
    /// <summary>Every active implementation, by contract and name.</summary>
    ImmutableArray<ServiceStatus> List();

    /// <summary>Who uses whom: what active plugins required or asked for.</summary>
    ImmutableArray<ServiceUse> Graph();

    /// <summary>Calls a method by names with a JSON array of arguments; returns its JSON result, empty for none.</summary>
    /// <exception cref="NexusException"><c>SERVICE_NOT_FOUND</c> or <c>SERVICE_UNAVAILABLE</c>, or the provider's own.</exception>
    ValueTask<ReadOnlyMemory<byte>> CallAsync(ServiceRequest request, CancellationToken cancellationToken);
}

/// <summary>A call by names.</summary>
/// <param name="Contract">Stable name of the contract.</param>
/// <param name="Implementation">Name of the implementation, or null for the bound one.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="Arguments">UTF-8 JSON array.</param>
public sealed record ServiceRequest(string Contract, string? Implementation, string Method, ReadOnlyMemory<byte> Arguments);

/// <summary>One active implementation of a contract.</summary>
public sealed record ServiceStatus
{
    /// <summary>Stable name of the contract.</summary>
    public required string Contract { get; init; }

    /// <summary>Name of the implementation.</summary>
    public required string Name { get; init; }

    /// <summary>Id of the plugin that provides it.</summary>
    public required string Plugin { get; init; }

    /// <summary>Names of its methods.</summary>
    public ImmutableArray<string> Methods { get; init; } = [];

    /// <summary>How long one instance lives.</summary>
    public ServiceLifetime Lifetime { get; init; }

    /// <summary>Calls that name no implementation go to it.</summary>
    public bool Bound { get; init; }

    /// <summary>Health of its plugin.</summary>
    public PluginHealth Health { get; init; } = PluginHealth.Healthy;

    /// <summary>Calls since the node started, over all generations.</summary>
    public long Calls { get; init; }

    /// <summary>Calls of these that failed.</summary>
    public long Errors { get; init; }

    /// <summary>The last failure as text, for operators; null when there was none.</summary>
    public string? LastError { get; init; }

    /// <summary>When that was, UTC.</summary>
    public DateTimeOffset? LastErrorAt { get; init; }
}

/// <summary>An edge of the graph.</summary>
/// <param name="Consumer">Id of the plugin that uses it.</param>
/// <param name="Contract">Stable name of the contract.</param>
/// <param name="Implementation">The implementation asked for, or null for the bound one.</param>
/// <param name="Provider">Id of the plugin that calls reach now, or null when none does.</param>
/// <param name="Required">The consumer declared that it cannot do without.</param>
public sealed record ServiceUse(string Consumer, string Contract, string? Implementation, string? Provider, bool Required);
