using System.Collections;
using System.Runtime.CompilerServices;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>
/// Executes one operation (section 6 of the specification). Objects are completed as deep as their values are there; what is promised or awaited
/// is gathered, all batches of a level are loaded side by side, one question each, and then their values are completed in turn. One run, one flow.
/// </summary>
internal sealed partial class OperationRun(Schema schema, DocumentNode document, OperationDefinition operation, Dictionary<string, object?> variables, Dictionary<string, FragmentDefinition> fragments)
{
    private readonly List<GraphError> errors = [];
    private readonly Dictionary<object, Batch> batches = [];
    private List<Pending> pending = [];
    private FieldPlan? current;

    /// <summary>The schema it runs on.</summary>
    public Schema Schema { get; } = schema;

    /// <summary>Fragments of its document by name.</summary>
    public Dictionary<string, FragmentDefinition> Fragments { get; } = fragments;

    /// <summary>What resolvers need of the request.</summary>
    public object? Context { get; init; }

    /// <summary>Stops it.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Tells what an exception of a resolver means to the caller.</summary>
    public Func<Exception, GraphError>? Explain { get; init; }

    /// <summary>Key of the field that is resolved now, for a resolver before its first await.</summary>
    public string CurrentKey => current!.Key;

    /// <summary>Runs the operation.</summary>
    /// <param name="root">Source of the root fields.</param>
    public async Task<OperationResult> ExecuteAsync(object? root)
    {
        try
        {
            var type = Schema.Root(operation.Kind) ?? throw new GraphException($"Schema is not configured to execute {operation.Kind.ToString().ToLowerInvariant()} operation.", operation.Start);
            var collection = new FieldCollection(this, type);
            collection.Add(operation.Selections);
            var node = new ObjectNode(null, 0, collection.ToArray());
            for (var i = 0; i < node.Fields.Length && !node.IsNulled; i++)
            {
                Resolve(type, root, node, i);
                if (operation.Kind == OperationKind.Mutation && pending.Count > 0)
                    await DrainAsync();
            }
            if (pending.Count > 0)
                await DrainAsync();
            return new OperationResult(node.IsNulled ? null : node, errors);
        }
        catch (GraphException exception)
        {
            errors.Add(GraphError.At(document, exception.Message, exception.Starts));
            return new OperationResult(null, errors);
        }
    }

    /// <summary>Opens the stream of a subscription; its field, when there is something wrong with it.</summary>
    public (IAsyncEnumerable<object>? Stream, OperationResult? Failure) Subscribe()
    {
        var type = Schema.Subscription!;
        var collection = new FieldCollection(this, type);
        collection.Add(operation.Selections);
        var node = new ObjectNode(null, 0, collection.ToArray());
        current = node.Fields[0];
        try
        {
            return (current.Definition.Subscribe!(current.ReadArguments(variables), this), null);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return (null, new OperationResult(null, [Error(exception, node, 0, current)]) { IsRefused = true });
        }
    }

    /// <summary>Whether the field that is resolved now selects a field below it, whose value then is worth its price.</summary>
    public bool Selects(string name) =>
        current!.Definition.Type.Named is ObjectType type && current.Below(type, Collect).Any(plan => plan.Definition.Name == name);

    /// <summary>The batch of a key that gathers now; a new one when the last was loaded.</summary>
    public TBatch Gather<TBatch>(object key, Func<TBatch> create)
        where TBatch : Batch
    {
        if (batches.TryGetValue(key, out var open))
            return (TBatch)open;
        var batch = create();
        batches[key] = batch;
        return batch;
    }

    /// <summary>Refuses to go deeper than the stack allows; only documents with long chains of fragments come near.</summary>
    public void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new GraphException("The operation is nested too deep.", operation.Start);
    }

    /// <summary>What <c>@skip</c> and <c>@include</c> say.</summary>
    public bool IsIncluded(Selection selection)
    {
        var skip = Array.Find(selection.Directives, directive => directive.Name.Text == "skip");
        if (skip is not null && IsTrue(DirectiveTypes.Skip, skip))
            return false;
        var include = Array.Find(selection.Directives, directive => directive.Name.Text == "include");
        return include is null || IsTrue(DirectiveTypes.Include, include);
    }

    /// <summary>Whether a fragment's condition holds for objects of a type.</summary>
    public bool Applies(NamedTypeNode? condition, ObjectType type)
    {
        if (condition is null || condition.Name == type.Name)
            return true;
        return Schema.Find(condition.Name) is { } wide && Schema.IsSubtype(wide, type);
    }

    private bool IsTrue(DirectiveType type, Directive directive) =>
        (bool)VariableValues.Read(type.Arguments, directive.Arguments, $"@{type.Name}", directive.Start, variables)["if"]!;

    private FieldPlan[] Collect(ObjectType type, FieldPlan plan)
    {
        var collection = new FieldCollection(this, type);
        foreach (var node in plan.Nodes)
        {
            if (node.Selections is { } set)
                collection.Add(set);
        }
        return collection.ToArray();
    }

    private void Resolve(ObjectType type, object? source, ObjectNode node, int at)
    {
        var plan = node.Fields[at];
        if (ReferenceEquals(plan.Definition, Introspection.TypeName))
        {
            node.Values[at] = type.Name;
            return;
        }
        try
        {
            var arguments = plan.ReadArguments(variables);
            current = plan;
            Complete(plan.Definition.Type, plan, node, at, plan.Definition.Resolve!(source, arguments, this));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Fail(exception, plan.Definition.Type, plan, node, at);
        }
    }

    private void Complete(GraphType type, FieldPlan plan, ResultNode node, int at, object? value)
    {
        if (value is Task<object?> or Promise)
        {
            pending.Add(new Pending(type, plan, node, at, value));
            return;
        }
        if (value is null)
        {
            if (type.IsNonNull)
                throw new GraphException($"Cannot return null for non-nullable field {plan.Definition}.") { Code = ErrorCodes.InternalError };
            return;
        }
        switch (type.Nullable)
        {
            case ScalarType scalar:
                node.Values[at] = scalar.Write(value) ?? throw new GraphException($"Cannot return null for non-nullable field {plan.Definition}.") { Code = ErrorCodes.InternalError };
                break;
            case EnumType words:
                node.Values[at] = WriteEnum(words, value);
                break;
            case ListType list:
                CompleteList(list, plan, node, at, value);
                break;
            case ObjectType composite:
                CompleteObject(composite, plan, node, at, value);
                break;
            case NamedType wide:
                CompleteObject(Concrete(wide, plan, value), plan, node, at, value);
                break;
        }
    }

    private static string WriteEnum(EnumType type, object value)
    {
        var word = value is System.Text.Json.JsonElement json ? json.ToString() : value.ToString();
        foreach (var member in type.Members)
        {
            if (member.Value == word)
                return member.Name;
        }
        throw new GraphException($"Enum \"{type}\" cannot represent value: {Inspection.Of(word)}") { Code = ErrorCodes.InternalError };
    }

    private void CompleteList(ListType type, FieldPlan plan, ResultNode node, int at, object value)
    {
        if (value is string or not IEnumerable)
            throw new GraphException($"Expected Iterable, but did not find one for field \"{plan.Definition}\".") { Code = ErrorCodes.InternalError };
        var elements = value as IList ?? ((IEnumerable)value).Cast<object?>().ToArray();
        var list = new ListNode(node, at, type.Element, elements.Count);
        node.Values[at] = list;
        for (var i = 0; i < elements.Count && !list.IsNulled; i++)
        {
            try
            {
                Complete(type.Element, plan, list, i, elements[i]);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Fail(exception, type.Element, plan, list, i);
            }
        }
    }

    private void CompleteObject(ObjectType type, FieldPlan plan, ResultNode node, int at, object value)
    {
        EnsureStack();
        var inner = new ObjectNode(node, at, plan.Below(type, Collect));
        node.Values[at] = inner;
        for (var i = 0; i < inner.Fields.Length && !inner.IsNulled; i++)
            Resolve(type, value, inner, i);
    }

    private ObjectType Concrete(NamedType wide, FieldPlan plan, object value)
    {
        var name = wide is InterfaceType type ? type.TypeOf?.Invoke(value) : ((UnionType)wide).TypeOf?.Invoke(value);
        if (name is null)
            throw new GraphException($"Abstract type \"{wide}\" must resolve to an Object type at runtime for field \"{plan.Definition}\".") { Code = ErrorCodes.InternalError };
        return Schema.Find(name) is ObjectType concrete && Schema.IsSubtype(wide, concrete)
            ? concrete
            : throw new GraphException($"Runtime Object type \"{name}\" is not a possible type for \"{wide}\".") { Code = ErrorCodes.InternalError };
    }
}
