using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>A scalar. Which values it takes and gives is said by three functions; each throws <see cref="ScalarException"/> on others.</summary>
internal sealed class ScalarType(string name, string? description = null) : NamedType(name, description)
{
    /// <summary>Address of its specification, or null.</summary>
    public string? SpecifiedBy { get; init; }

    /// <summary>Reads a literal without variables.</summary>
    public required Func<ValueNode, object?> ReadLiteral { get; init; }

    /// <summary>Reads the value of a variable.</summary>
    public required Func<JsonElement, object?> ReadValue { get; init; }

    /// <summary>Makes a value ready to be written: null, bool, int, long, double, decimal, string or <see cref="JsonElement"/>.</summary>
    public required Func<object, object?> Write { get; init; }

    /// <inheritdoc/>
    public override bool IsInput => true;
}

/// <summary>A value is none of a scalar's; the text says why and is safe to send.</summary>
internal sealed class ScalarException(string message) : Exception(message);
