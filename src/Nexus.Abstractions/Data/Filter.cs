using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus;

/// <summary>A condition on JSON records; immutable. Its JSON form is that of design section 6 (<c>{"total":{"$gte":5}}</c>).</summary>
public abstract record Filter
{
    /// <summary>Compares the value at a dotted path. A missing value equals null and matches no ordering comparison.</summary>
    /// <param name="Path">Dotted path of camelCase names.</param>
    /// <param name="Operator">The comparison.</param>
    /// <param name="Value">A JSON scalar.</param>
    public sealed record Compare(string Path, FilterOperator Operator, JsonElement Value) : Filter;

    /// <summary>Compares the text at a dotted path, which holds an exact decimal such as <c>12.30</c>, by its number: <c>$decimal</c>. Text that is no decimal of up to 28 digits, and any other value, matches nothing.</summary>
    /// <param name="Path">Dotted path of camelCase names.</param>
    /// <param name="Operator">The comparison; not <see cref="FilterOperator.Prefix"/>.</param>
    /// <param name="Value">The number.</param>
    public sealed record Number(string Path, FilterOperator Operator, decimal Value) : Filter;

    /// <summary>The value at a path is one of a list.</summary>
    public sealed record In(string Path, ImmutableArray<JsonElement> Values) : Filter;

    /// <summary>All hold; true when empty.</summary>
    public sealed record And(ImmutableArray<Filter> Parts) : Filter;

    /// <summary>At least one holds; false when empty.</summary>
    public sealed record Or(ImmutableArray<Filter> Parts) : Filter;

    /// <summary>Does not hold.</summary>
    public sealed record Not(Filter Part) : Filter;
}

/// <summary>Comparisons of <see cref="Filter.Compare"/>.</summary>
public enum FilterOperator
{
    /// <summary><c>$eq</c></summary>
    Equal,

    /// <summary><c>$ne</c></summary>
    NotEqual,

    /// <summary><c>$gt</c></summary>
    Greater,

    /// <summary><c>$gte</c></summary>
    GreaterOrEqual,

    /// <summary><c>$lt</c></summary>
    Less,

    /// <summary><c>$lte</c></summary>
    LessOrEqual,

    /// <summary><c>$prefix</c>: text that starts with the value, ordinal.</summary>
    Prefix,
}
