using System.Collections.Immutable;
using System.Text;

namespace Nexus;

/// <summary>The query whose rows are the records of a view. The platform wraps it: filters, order and pages become SQL around it.</summary>
public sealed record ViewDescriptor
{
    /// <summary>One SELECT without parameters, for every dialect without one of its own.</summary>
    public required string Sql { get; init; }

    /// <summary>The SELECTs of dialects in which it reads otherwise, by <see cref="ISqlDatabase.Dialect"/>.</summary>
    public ImmutableSortedDictionary<string, string> Dialects { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Fields whose values together are a record's id, in order; empty when the query has a column <c>id</c>.</summary>
    public ImmutableArray<string> Key { get; init; } = [];

    /// <summary>Its rows have owners: a column <c>owner</c>, and where there are teams <c>team</c>. Otherwise a row is nobody's, and only the scope <c>all</c> sees any.</summary>
    public bool IsOwned { get; init; }

    /// <summary>The SELECT in a dialect.</summary>
    public string SqlIn(string dialect) => Dialects.GetValueOrDefault(dialect, Sql);

    /// <summary>Name of the column of a field: <c>bookedOn</c> is <c>booked_on</c>.</summary>
    public static string ColumnOf(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        var column = new StringBuilder(field.Length + 4);
        for (var i = 0; i < field.Length; i++)
        {
            if (char.IsAsciiLetterUpper(field[i]) && i > 0 && !char.IsAsciiLetterUpper(field[i - 1]))
                column.Append('_');
            column.Append(char.ToLowerInvariant(field[i]));
        }

        return column.ToString();
    }
}
