using System.Text.Json.Serialization;

namespace Nexus;

/// <summary>What every stored thing has. Derive a record from it and declare it with <c>plugin.AddResource&lt;T&gt;("orders")</c>.</summary>
public abstract record Resource
{
    /// <summary>UUIDv7; <see cref="Guid.Empty"/> until it is stored.</summary>
    public Guid Id { get; init; }

    /// <summary>Grows by one with every change, from 1; 0 until it is stored. The <c>ETag</c> of REST.</summary>
    public long Revision { get; init; }

    /// <summary>Id of the caller who created it.</summary>
    public string? Owner { get; init; }

    /// <summary>Team it belongs to, or null.</summary>
    public string? Team { get; init; }

    /// <summary>When it was created, UTC.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed, UTC.</summary>
    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>A reference to a record of a resource; on the wire its id.</summary>
/// <typeparam name="T">The resource referred to.</typeparam>
[JsonConverter(typeof(RefConverterFactory))]
public readonly record struct Ref<T>(Guid Id)
    where T : Resource;

/// <summary>An exact amount with its currency; on the wire <c>{"amount":"12.30","currency":"EUR"}</c>, the amount as a string.</summary>
/// <param name="Amount">Exact decimal, at most 28 significant digits.</param>
/// <param name="Currency">ISO 4217 code or another commodity code, 1 to 12 upper-case letters or digits.</param>
[JsonConverter(typeof(MoneyConverter))]
public readonly record struct Money(decimal Amount, string Currency);

/// <summary>The field is set by the platform or by actions only; a caller's value is refused.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class ReadOnlyFieldAttribute : Attribute;

/// <summary>The field is never returned on any surface and is masked in logs.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class SecretAttribute : Attribute;

/// <summary>The field is about a person; masked in logs and encrypted at rest.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class PersonalAttribute : Attribute;

/// <summary>Text over several lines.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class MultilineAttribute : Attribute;

/// <summary>Unit of a number, such as <c>kg</c>.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class UnitAttribute(string unit) : Attribute
{
    /// <summary>The unit, UCUM where it has one.</summary>
    public string Unit { get; } = unit;
}

/// <summary>Names the resource that a record type stands for where plugins refer to it that do not declare it: <c>{plugin}.{name}</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ResourceNameAttribute(string name) : Attribute
{
    /// <summary>The name of its table, such as <c>finance.ledger.accounts</c>.</summary>
    public string Name { get; } = name;
}
