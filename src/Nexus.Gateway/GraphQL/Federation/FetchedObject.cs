using Nexus.Gateway.GraphQL.Execution;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>
/// An object of a composed answer, put together of what subgraphs say. Its values by their keys in the answer are null, <see cref="System.Text.Json.JsonElement"/> for scalars and enums,
/// objects, <c>object?[]</c> for lists, and <see cref="Failure"/> where a subgraph did not give one.
/// </summary>
internal sealed class FetchedObject(string type)
{
    /// <summary>Name of its type.</summary>
    public string Type { get; } = type;

    /// <summary>What is known of it; keys that lead to other subgraphs are among them under names of their own.</summary>
    public Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>Name of the type of an object.</summary>
    public static string TypeOf(object value) => ((FetchedObject)value).Type;

    /// <summary>A value as the executor takes it.</summary>
    /// <exception cref="ElsewhereException">A subgraph did not give it.</exception>
    public object? Read(string key) => Values.GetValueOrDefault(key) switch
    {
        Failure failure => throw failure.ToException(),
        object?[] list => Elements(list),
        var value => value,
    };

    private static object?[] Elements(object?[] list)
    {
        if (!Array.Exists(list, one => one is Failure or object?[]))
            return list;
        return [.. list.Select(one => one switch
        {
            Failure failure => Task.FromException<object?>(failure.ToException()),
            object?[] inner => Elements(inner),
            _ => one,
        })];
    }
}

/// <summary>In place of a value that a subgraph did not give.</summary>
/// <param name="Error">Why.</param>
/// <param name="Below">Names and indexes that lead from there to the place where it went wrong.</param>
internal sealed record Failure(GraphError Error, IReadOnlyList<object> Below)
{
    /// <summary>The same for the executor.</summary>
    public ElsewhereException ToException() => new(Error, Below);
}
