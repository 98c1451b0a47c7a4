using System.Text.Json;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>
/// Coerced arguments of a field. Values are null, bool, int, double, string (also for enums: the word they stand for), <see cref="JsonElement"/>
/// or what another scalar reads, <c>object?[]</c> for lists and <c>Dictionary&lt;string, object?&gt;</c> for input objects.
/// </summary>
internal sealed class Arguments(Dictionary<string, object?> values)
{
    /// <summary>Of a field that takes none.</summary>
    public static Arguments None { get; } = new([]);

    /// <summary>The value; null also when it was not given.</summary>
    public object? this[string name] => values.GetValueOrDefault(name);

    /// <summary>Whether a value was given, be it null, or is there by default.</summary>
    public bool Has(string name) => values.ContainsKey(name);
}

/// <summary>Finds the value of a field: the value itself, a task, or a promise of a batch.</summary>
internal delegate object? Resolver(object? source, Arguments arguments, OperationRun run);

/// <summary>Opens the stream of a subscription's field.</summary>
internal delegate IAsyncEnumerable<object> Subscriber(Arguments arguments, OperationRun run);

/// <summary>A value that is loaded together with others of its level.</summary>
internal sealed class Promise(Batch batch, object key)
{
    /// <summary>What loads it.</summary>
    public Batch Batch { get; } = batch;

    /// <summary>The value, once the batch was loaded.</summary>
    public object? Take() => Batch.Take(key);
}

/// <summary>Keys of one level whose values are loaded by one question.</summary>
internal abstract class Batch
{
    private Exception? failure;

    /// <summary>Loads the values of all keys; a failure becomes that of each.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await LoadAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            failure = exception;
        }
    }

    /// <summary>The value of a key.</summary>
    public object? Take(object key) => failure is null ? Find(key) : throw new BatchFailedException(failure);

    /// <summary>Loads the values of all keys.</summary>
    protected abstract Task LoadAsync(CancellationToken cancellationToken);

    /// <summary>The loaded value of a key; null when there is none.</summary>
    protected abstract object? Find(object key);
}

/// <summary>The batch that a value belongs to failed.</summary>
internal sealed class BatchFailedException(Exception cause) : Exception("The batch failed.", cause);
