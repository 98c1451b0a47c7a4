using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Errors;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>
/// The way of every operation, whichever transport it came by: find the document, bring up the plugins it names, check it, choose the operation, coerce its
/// variables, hold it to depth and cost, execute it within its time.
/// </summary>
internal sealed partial class OperationGate(SurfaceSchema schemas, ComposedGraph composed, KeptDocuments documents, IOptionsMonitor<GraphQLOptions> options, IServiceProvider host, IPlugins plugins, TimeProvider time, ILoggerFactory loggers)
{
    private readonly ILogger log = loggers.CreateLogger("Nexus.Gateway");

    /// <summary>What is served is composed of subgraphs.</summary>
    public bool IsComposed => composed.IsOn;

    /// <summary>The schema that is served now.</summary>
    public async ValueTask<Schema> SchemaAsync(CancellationToken cancellationToken) =>
        composed.IsOn ? (await composed.CurrentAsync(cancellationToken)).Prepared.Schema : schemas.Current.Schema;

    /// <summary>Makes an operation ready.</summary>
    private async ValueTask<ReadyOperation> PrepareAsync(GraphQLRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var text = documents.Find(request);
            if (composed.IsOn)
            {
                var state = await composed.CurrentAsync(cancellationToken);
                return Prepare(text, request, state.Prepared) with { Composed = state, Given = request.Variables };
            }
            if (!plugins.Current.Inactive.IsEmpty)
                await ActivateAsync(text, cancellationToken);
            return Prepare(text, request, schemas.Current);
        }
        catch (GraphException exception)
        {
            return new ReadyOperation(Refused(new GraphError(exception.Message, []) { Code = exception.Code }));
        }
        catch (NexusException exception)
        {
            return new ReadyOperation(Refused(Explain(exception)));
        }
    }

    /// <summary>Answers a query or mutation. The caller's frame may live long and must not hold the schema: it gets nothing of it.</summary>
    /// <returns>The answer; null when the operation is a subscription.</returns>
    /// <exception cref="NexusException"><c>METHOD_NOT_ALLOWED</c>: only queries are allowed, and it is none.</exception>
    public async Task<OperationResult?> AnswerAsync(GraphQLRequest request, SurfaceCall call, bool onlyQueries, CancellationToken cancellationToken)
    {
        var ready = await PrepareAsync(request, cancellationToken);
        if (onlyQueries && ready is { Kind: OperationKind.Mutation })
            throw new NexusException(ErrorCodes.MethodNotAllowed, "Mutations are sent by POST.");
        return ready.Failure ?? (ready.Kind == OperationKind.Subscription ? null : await ShownAsync(await ExecuteAsync(ready, call, cancellationToken), call.Context, cancellationToken));
    }

    /// <summary>Executes a query or mutation; the answer to one event of a subscription when the call has one.</summary>
    private async Task<OperationResult> ExecuteAsync(ReadyOperation ready, SurfaceCall call, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(options.CurrentValue.Seconds), time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            var run = Run(ready, call, stop.Token);
            return await (ready.Composed is { } state
                ? new ComposedRun(state, run, ready.Operation!, call.Headers, new ComposedInput(ready.Given, call.Idempotency?.Key)).ExecuteAsync()
                : run.ExecuteAsync(call.Event));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new OperationResult(null, [new GraphError($"The operation took longer than {options.CurrentValue.Seconds:0.#} s.", []) { Code = ErrorCodes.RequestTimeout }]);
        }
    }

    /// <summary>Executes a subscription: an answer for each event, until the caller goes or the operation means nothing any more.</summary>
    public async IAsyncEnumerable<OperationResult> SubscribeAsync(GraphQLRequest request, SurfaceCall call, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (stream, failure) = await OpenAsync(request, call, cancellationToken);
        if (failure is not null)
        {
            yield return await ShownAsync(failure, call.Context, cancellationToken);
            yield break;
        }
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Between two events nothing of the schema is held; a new snapshot is asked whether the operation still means something.
        using var following = Microsoft.Extensions.Primitives.ChangeToken.OnChange(plugins.GetChangeToken, () => _ = EndWhenUnknownAsync(request, ended));
        await using var events = stream!.GetAsyncEnumerator(ended.Token);
        while (true)
        {
            var next = await NextAsync(request, call, events, cancellationToken);
            if (next.Result is { } result)
                yield return await ShownAsync(result, call.Now(), cancellationToken);
            if (next.IsLast)
                yield break;
        }
    }

    /// <summary>What an exception means to a caller, without where it comes from: only texts of Nexus exceptions leave the process.</summary>
    public GraphError Explain(Exception exception) => Locate(exception) with { Origin = null };

    /// <summary>The answer as a caller may see it: without the origins of its errors, unless the caller may look at plugins.</summary>
    private async ValueTask<OperationResult> ShownAsync(OperationResult result, CallContext caller, CancellationToken cancellationToken) =>
        result.Errors.All(error => error.Origin is null) || await Origins.MayAsync(host.GetService<IAuthorization>(), caller, cancellationToken) ? result
        : result with { Errors = [.. result.Errors.Select(error => error with { Origin = null })] };

    private GraphError Locate(Exception exception)
    {
        if (exception is NexusException known)
        {
            if (known.Status >= 500)
                log.LogError(exception, "A GraphQL operation failed with {Code}", known.Code);
            return new GraphError(known.Message, []) { Code = known.Code, Fields = known.Errors, Extensions = known.Extensions, Origin = FailureOrigin.Find(known) };
        }
        log.LogError(exception, "A GraphQL operation failed");
        return new GraphError(ErrorCodes.Get(ErrorCodes.InternalError).Title, []) { Code = ErrorCodes.InternalError, Origin = FailureOrigin.Find(exception) };
    }

    private static OperationResult Refused(params GraphError[] errors) => new(null, errors) { IsRefused = true };

    private ReadyOperation Prepare(string text, GraphQLRequest request, PreparedSchema prepared)
    {
        var settings = options.CurrentValue;
        var document = prepared.Prepare(text, settings);
        if (document.Errors.Count > 0)
            return new ReadyOperation(Refused([.. document.Errors]));
        var operation = document.Choose(request.OperationName);
        var suggestions = settings.Introspection ? Suggestions.Told : Suggestions.None;
        var (variables, errors) = VariableValues.Coerce(prepared.Schema, document.Document!, operation, request.Variables, suggestions);
        if (errors.Count > 0)
            return new ReadyOperation(Refused([.. errors])) { Kind = operation.Kind };
        if (!settings.Introspection && AsksForSchema(document.Document!))
            return new ReadyOperation(Refused(new GraphError("Introspection is off on this node.", []) { Code = ErrorCodes.PermissionDenied })) { Kind = operation.Kind };
        return Bound(prepared.Schema, document, operation, variables, settings);
    }

    private static ReadyOperation Bound(Schema schema, CheckedDocument document, OperationDefinition operation, Dictionary<string, object?> variables, GraphQLOptions settings)
    {
        try
        {
            var (cost, depth) = new OperationCost(schema, document.Fragments, variables).Of(operation);
            if (depth > settings.Depth)
                return new ReadyOperation(Refused(GraphError.At(document.Document!, $"The operation is {depth} levels deep; {settings.Depth} are allowed (graphql.depth).", operation.Start))) { Kind = operation.Kind };
            if (cost > settings.Cost)
                return new ReadyOperation(Refused(GraphError.At(document.Document!, $"The operation asks for up to {cost} objects; {settings.Cost} are allowed (graphql.cost). Ask for shorter lists.", operation.Start))) { Kind = operation.Kind };
        }
        catch (TooComplexException)
        {
            return new ReadyOperation(Refused(GraphError.At(document.Document!, "The operation is nested too deep.", operation.Start))) { Kind = operation.Kind };
        }
        return new ReadyOperation(null) { Kind = operation.Kind, Schema = schema, Document = document, Operation = operation, Variables = variables };
    }

    private static bool AsksForSchema(DocumentNode document)
    {
        var waiting = new Stack<SelectionSet>(document.Definitions.Select(definition => definition is OperationDefinition operation ? operation.Selections : ((FragmentDefinition)definition).Selections));
        while (waiting.TryPop(out var set))
        {
            foreach (var selection in set.Selections)
            {
                if (selection is Field { Name.Text: "__schema" or "__type" })
                    return true;
                if ((selection as Field)?.Selections is { } below)
                    waiting.Push(below);
                else if (selection is InlineFragment inline)
                    waiting.Push(inline.Selections);
            }
        }
        return false;
    }

    private OperationRun Run(ReadyOperation ready, SurfaceCall call, CancellationToken cancellationToken) =>
        new(ready.Schema!, ready.Document!.Document!, ready.Operation!, ready.Variables, ready.Document.Fragments) { Context = call, Cancellation = cancellationToken, Explain = Locate };

    /// <summary>Brings up lazy plugins whose names the document begins fields or types with, and all for a look at the schema.</summary>
    private async ValueTask ActivateAsync(string text, CancellationToken cancellationToken)
    {
        if (host.GetService<IPluginActivation>() is not { } activation)
            return;
        var all = text.Contains("__schema", StringComparison.Ordinal) || text.Contains("__type(", StringComparison.Ordinal) || text.Contains("_service", StringComparison.Ordinal);
        foreach (var manifest in plugins.Current.Inactive)
        {
            if (all || text.Contains(GraphNames.Pascal(manifest.Name), StringComparison.OrdinalIgnoreCase))
                await activation.ActivateAsync(manifest.RoutePrefix + "/", cancellationToken);
        }
    }

    private async ValueTask<(IAsyncEnumerable<object>? Stream, OperationResult? Failure)> OpenAsync(GraphQLRequest request, SurfaceCall call, CancellationToken cancellationToken)
    {
        var ready = await PrepareAsync(request, cancellationToken);
        return ready.Failure is { } failure ? (null, failure) : Run(ready, call, cancellationToken).Subscribe();
    }

    private async ValueTask<(OperationResult? Result, bool IsLast)> NextAsync(GraphQLRequest request, SurfaceCall call, IAsyncEnumerator<object> events, CancellationToken cancellationToken)
    {
        try
        {
            if (!await events.MoveNextAsync())
                return (null, true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ((await PrepareAsync(request, cancellationToken)).Failure, true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return (Refused(Locate(exception)), true);
        }
        var ready = await PrepareAsync(request, cancellationToken);
        if (ready.Failure is { } failure)
            return (failure, true);
        return (await ExecuteAsync(ready, new SurfaceCall(call.Now()) { Event = (RecordEvent)events.Current }, cancellationToken), false);
    }

    private async Task EndWhenUnknownAsync(GraphQLRequest request, CancellationTokenSource ended)
    {
        try
        {
            // Not inside of the publisher's call: it waits for everybody who listens.
            await Task.Yield();
            if ((await PrepareAsync(request, CancellationToken.None)).Failure is not null)
                await ended.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The subscription ended in the same moment.
        }
    }
}

/// <summary>An operation that can be executed, or what is wrong with it.</summary>
/// <param name="Failure">What is wrong with it, or null.</param>
internal sealed record ReadyOperation(OperationResult? Failure)
{
    /// <summary>What it does; null when that cannot be told.</summary>
    public OperationKind? Kind { get; init; }

    /// <summary>The schema that it was checked against.</summary>
    public Schema? Schema { get; init; }

    /// <summary>Its document.</summary>
    public CheckedDocument? Document { get; init; }

    /// <summary>The operation.</summary>
    public OperationDefinition? Operation { get; init; }

    /// <summary>The subgraphs that answer it; null when this node does.</summary>
    public ComposedState? Composed { get; init; }

    /// <summary>Its variables as they were sent.</summary>
    public JsonElement Given { get; init; }

    /// <summary>Its coerced variables.</summary>
    public Dictionary<string, object?> Variables { get; init; } = [];
}
