using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Execution;

/// <content>What is awaited, and what goes wrong.</content>
internal sealed partial class OperationRun
{
    /// <summary>Loads and completes level after level until nothing is awaited any more.</summary>
    private async Task DrainAsync()
    {
        while (pending.Count > 0)
        {
            var level = pending;
            pending = [];
            if (batches.Count > 0)
            {
                var open = batches.Values.ToArray();
                batches.Clear();
                await Task.WhenAll(open.Select(batch => batch.RunAsync(Cancellation))).WaitAsync(Cancellation);
            }
            foreach (var one in level)
            {
                Cancellation.ThrowIfCancellationRequested();
                try
                {
                    var value = one.Value is Promise promise ? promise.Take() : await ((Task<object?>)one.Value).WaitAsync(Cancellation);
                    if (!one.Node.IsDead)
                        Complete(one.Type, one.Plan, one.Node, one.At, value);
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    Fail(exception, one.Type, one.Plan, one.Node, one.At);
                }
            }
        }
    }

    /// <summary>Puts null at the nearest place that allows it, and tells the error once for that place (section 6.4.4 of the specification).</summary>
    private void Fail(Exception exception, GraphType type, FieldPlan plan, ResultNode node, int at)
    {
        if (node.IsDead)
            return;
        var error = Error(exception, node, at, plan);
        var (place, index) = (node, at);
        while (type.IsNonNull)
        {
            place.IsNulled = true;
            if (place.Parent is not { } outer)
            {
                errors.Add(error);
                return;
            }
            (index, place) = (place.Index, outer);
            type = place is ObjectNode inner ? inner.Fields[index].Definition.Type : ((ListNode)place).Element;
        }
        place.Values[index] = null;
        errors.Add(error);
    }

    private GraphError Error(Exception exception, ResultNode node, int at, FieldPlan plan)
    {
        if (exception is BatchFailedException { InnerException: { } cause })
            exception = cause;
        var located = exception is GraphException { Starts.Length: > 0 } placed
            ? GraphError.At(document, exception.Message, placed.Starts)
            : new GraphError(exception.Message, plan.PlacesIn(document));
        located = located with { Path = node.PathOf(at) };
        return exception switch
        {
            GraphException known => located with { Code = known.Code },
            ElsewhereException elsewhere => elsewhere.Error with { Locations = located.Locations, Path = [.. located.Path, .. elsewhere.Below] },
            ScalarException => located with { Code = ErrorCodes.InternalError },
            _ when Explain?.Invoke(exception) is { } told => told with { Locations = located.Locations, Path = located.Path },
            _ => located with { Message = ErrorCodes.Get(ErrorCodes.InternalError).Title, Code = ErrorCodes.InternalError },
        };
    }

    /// <summary>A place of the answer whose value is awaited.</summary>
    private readonly record struct Pending(GraphType Type, FieldPlan Plan, ResultNode Node, int At, object Value);
}

/// <summary>What became of an operation.</summary>
/// <param name="Data">The answer; null when an error left nothing of it.</param>
/// <param name="Errors">Its errors.</param>
internal sealed record OperationResult(ObjectNode? Data, IReadOnlyList<GraphError> Errors)
{
    /// <summary>The request was refused before anything ran: the answer has no <c>data</c>.</summary>
    public bool IsRefused { get; init; }
}
