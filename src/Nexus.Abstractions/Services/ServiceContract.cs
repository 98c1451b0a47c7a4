using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>Marks an interface that plugins call each other by. Its methods are async (<c>Task</c>, <c>ValueTask</c>, with or without result), take JSON-serialisable parameters and optionally a last <see cref="CancellationToken"/>. A source generator makes its proxy and its dispatcher.</summary>
[AttributeUsage(AttributeTargets.Interface)]
public sealed class ServiceContractAttribute : Attribute
{
    /// <summary>Stable name; the full type name when null.</summary>
    public string? Name { get; init; }
}

/// <summary>A provided implementation of a contract, inert but for its delegates.</summary>
public sealed record ProvidedServiceDescriptor
{
    /// <summary>Stable name of the contract.</summary>
    public required string Contract { get; init; }

    /// <summary>Name of this implementation, for <c>services.bind</c>; the plugin id by default.</summary>
    public required string Name { get; init; }

    /// <summary>Takes the implementation out of the plugin's provider; returned as the contract's own type.</summary>
    public required Func<IServiceProvider, object> Resolve { get; init; }

    /// <summary>Calls a method by name with a JSON array of arguments and returns the JSON result (empty for none): the form that crosses processes.</summary>
    public required ServiceDispatch Dispatch { get; init; }

    /// <summary>Names of the methods.</summary>
    public ImmutableArray<string> Methods { get; init; } = [];

    /// <summary>What attributes say of the methods, by name; calls by names follow it as proxies do.</summary>
    public ImmutableDictionary<string, CallRules> Rules { get; init; } = ImmutableDictionary<string, CallRules>.Empty;

    /// <summary>How long one instance lives: singleton for the generation, otherwise for one call.</summary>
    public ServiceLifetime Lifetime { get; init; } = ServiceLifetime.Singleton;
}

/// <summary>Calls a method of an implementation with JSON.</summary>
public delegate ValueTask<ReadOnlyMemory<byte>> ServiceDispatch(object implementation, string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken);
